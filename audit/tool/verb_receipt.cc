// SPDX-License-Identifier: Apache-2.0
// kluis-audit receipt verify: one entry's proof file, offline.
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/proof_file.h"
#include "audit/tiles.h"
#include "audit/tool/verbs.h"
#include "audit/visible_text.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

struct ReceiptOptions {
  std::string file;
  std::string key;
  std::string entry;
  std::string leaf_hash;
  WitnessLine witnesses;
  std::string output = "human";
};

absl::StatusOr<Hash> ReadLeafHash(const ReceiptOptions& options) {
  if (!options.entry.empty()) {
    const absl::StatusOr<std::string> entry = ReadWholeFile(options.entry, kMaxEntryBytes);
    if (!entry.ok()) return entry.status();
    return LeafHash(*entry);
  }
  Hash hash{};
  const absl::StatusOr<std::string> bytes = base::FromHex(options.leaf_hash);
  if (!bytes.ok() || bytes->size() != hash.size()) {
    return absl::InvalidArgumentError("--leaf-hash: must be 64 lowercase hex digits");
  }
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

void Print(const ReceiptOptions& options, const ProofFile& proof, const ProvenEntry& proven) {
  const Checkpoint& checkpoint = proven.checkpoint;
  if (options.output == "json") {
    std::cout << nlohmann::ordered_json{{"verified", true},
                                        {"origin", checkpoint.origin},
                                        {"index", proof.index},
                                        {"size", checkpoint.size},
                                        {"root", base::ToBase64(crypto::Bytes(checkpoint.root))},
                                        {"witnesses", proven.witnesses}}
                     .dump()
              << "\n";
    return;
  }
  std::cout << "origin     " << VisibleText(checkpoint.origin) << "\nindex      " << proof.index
            << "\nsize       " << checkpoint.size << "\nwitnesses  " << proven.witnesses
            << "\nverified: entry " << proof.index << " is in the signed log of " << checkpoint.size
            << " entries\n";
}

ExitCode VerifyReceipt(const ReceiptOptions& options) {
  const absl::StatusOr<VerifierKey> key = ReadLogKey("--key", options.key);
  if (!key.ok()) return Tell(key.status(), kUsage);
  const absl::StatusOr<VerifyOptions> cosigned = ReadWitnesses(options.witnesses);
  if (!cosigned.ok()) return Tell(cosigned.status(), kUsage);
  const absl::StatusOr<Hash> leaf_hash = ReadLeafHash(options);
  if (!leaf_hash.ok()) return Tell(leaf_hash.status(), kUsage);
  const absl::StatusOr<std::string> bytes = ReadWholeFile(options.file, kMaxProofFileBytes);
  if (!bytes.ok()) return Tell(bytes.status(), kUsage);

  const absl::StatusOr<ProofFile> proof = ParseProofFile(*bytes);
  if (!proof.ok()) return Tell(proof.status(), kDiffers);
  const absl::StatusOr<ProvenEntry> proven =
      VerifyProofFile(*proof, *leaf_hash, *key, cosigned->witnesses, cosigned->quorum);
  if (!proven.ok()) return Tell(proven.status(), kDiffers);
  Print(options, *proof, *proven);
  return kVerified;
}

}  // namespace

void AddReceiptVerb(base::Verb root, VerbResult& result) {
  base::Verb group = root.Group("receipt", "Proof files of single entries");
  auto [verb, options] = AddVerb<ReceiptOptions>(
      group, result, "verify", "Verify offline that an entry is in the log, from its .tlog-proof",
      "Examples:\n"
      "  kluis-audit receipt verify 17.tlog-proof --entry 17.entry --key @vkey\n"
      "  kluis-audit receipt verify 17.tlog-proof --leaf-hash 5dc9... --key @vkey \\\n"
      "      --witness @one.vkey --witness @two.vkey --quorum 2\n",
      VerifyReceipt);
  verb.Text("FILE", options->file, "The proof file").ExistingFile().Required();
  AddLogKey(verb, options->key);
  const base::Option entry =
      verb.Text("--entry", options->entry, "The entry's exact bytes").Called("FILE");
  const base::Option leaf =
      verb.Text("--leaf-hash", options->leaf_hash, "Its leaf hash, as a receipt has it")
          .Called("HEX");
  verb.OneIsRequired({entry, leaf});
  AddWitnesses(verb, options->witnesses);
  AddOutput(verb, options->output);
}

}  // namespace kluis::audit
