// SPDX-License-Identifier: Apache-2.0
#include "audit/proof_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "audit/note_text.h"
#include "audit/proofs.h"
#include "base/codec.h"
#include "base/decimal.h"

namespace kluis::audit {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

absl::Status NoProof(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("proof file: ", std::string(what)));
}

absl::StatusOr<Checkpoint> ReadUnverified(const std::string& note) {
  const absl::StatusOr<Note> parsed = ParseNote(note);
  if (!parsed.ok()) return parsed.status();
  return ParseCheckpoint(parsed->text);
}

absl::Status CheckForm(const ProofFile& proof) {
  if (proof.extra.size() > kMaxExtraBytes) return NoProof("the extra line is too long");
  if (proof.hashes.size() > kMaxProofHashes) return NoProof("too many hashes");
  const absl::StatusOr<Checkpoint> checkpoint = ReadUnverified(proof.checkpoint);
  if (!checkpoint.ok()) return NoProof(std::string(checkpoint.status().message()));
  if (proof.index >= checkpoint->size) return NoProof("index is not below the checkpoint's size");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> FormatProofFile(const ProofFile& proof) {
  const absl::Status form = CheckForm(proof);
  if (!form.ok()) return form;
  std::string out = absl::StrCat(std::string(kFirstLine), "\n");
  if (!proof.extra.empty()) {
    absl::StrAppend(&out, std::string(kExtra), base::ToBase64(proof.extra), "\n");
  }
  absl::StrAppend(&out, std::string(kIndex), proof.index, "\n");
  for (const Hash& hash : proof.hashes) {
    absl::StrAppend(&out, base::ToBase64(crypto::Bytes(hash)), "\n");
  }
  absl::StrAppend(&out, "\n", proof.checkpoint);
  return out;
}

absl::StatusOr<ProofFile> ParseProofFile(std::string_view bytes) {
  if (bytes.size() > kMaxProofFileBytes) return NoProof("too long");
  if (TakeLine(bytes) != kFirstLine) return NoProof("does not begin as one");

  ProofFile proof;
  std::optional<std::string_view> line = TakeLine(bytes);
  if (line && line->starts_with(kExtra)) {
    const absl::StatusOr<std::string> extra = base::FromBase64(line->substr(kExtra.size()));
    if (!extra.ok() || extra->empty()) return NoProof("the extra line must hold padded base64");
    proof.extra = *extra;
    line = TakeLine(bytes);
  }
  if (!line || !line->starts_with(kIndex)) return NoProof("no index line");
  const std::optional<uint64_t> index = base::ParseDecimal(line->substr(kIndex.size()));
  if (!index) return NoProof("index is not a decimal");
  proof.index = *index;

  for (line = TakeLine(bytes); line && !line->empty(); line = TakeLine(bytes)) {
    Hash hash{};
    const absl::StatusOr<std::string> decoded = base::FromBase64(*line);
    if (!decoded.ok() || decoded->size() != hash.size()) {
      return NoProof("a hash must be base64 of 32 bytes");
    }
    std::copy(decoded->begin(), decoded->end(), hash.begin());
    proof.hashes.push_back(hash);
  }
  if (!line) return NoProof("no blank line before the checkpoint");
  proof.checkpoint = std::string(bytes);
  const absl::Status form = CheckForm(proof);
  if (!form.ok()) return form;
  return proof;
}

absl::StatusOr<ProvenEntry> VerifyProofFile(const ProofFile& proof, const Hash& leaf_hash,
                                            const VerifierKey& log_key,
                                            std::span<const VerifierKey> witnesses, size_t quorum) {
  if (quorum > witnesses.size()) {
    return absl::InvalidArgumentError("quorum: more than there are witnesses");
  }
  absl::StatusOr<CosignedCheckpoint> opened =
      OpenCosigned(proof.checkpoint, log_key, witnesses, quorum);
  if (!opened.ok()) return opened.status();
  const Checkpoint& checkpoint = opened->checkpoint;
  const absl::Status included =
      VerifyInclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root);
  if (!included.ok()) return included;
  return ProvenEntry{std::move(opened->checkpoint), opened->cosigned_by.size()};
}

}  // namespace kluis::audit
