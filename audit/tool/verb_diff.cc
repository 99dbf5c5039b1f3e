// SPDX-License-Identifier: Apache-2.0
// kluis-audit diff: an older and a newer copy of a log.
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "audit/log/follow.h"
#include "audit/note.h"
#include "audit/tool/verbs.h"
#include "audit/visible_text.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

struct DiffOptions {
  std::string older;
  std::string newer;
  std::string key;
  WitnessLine witnesses;
  std::string output = "human";
};

bool IsDirectory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

// `path` is a directory with a checkpoint, or a checkpoint.
absl::StatusOr<Checkpoint> ReadSigned(const std::string& path, const VerifierKey& key,
                                      const VerifyOptions& cosigned) {
  const std::string file = IsDirectory(path) ? path + "/checkpoint" : path;
  const absl::StatusOr<std::string> note = ReadWholeFile(file, kMaxNoteBytes);
  if (!note.ok()) return note.status();
  absl::StatusOr<CosignedCheckpoint> opened =
      OpenCosigned(*note, key, cosigned.witnesses, cosigned.quorum);
  if (opened.ok()) return std::move(opened->checkpoint);
  return absl::DataLossError(absl::StrCat(file, ": ", opened.status().message()));
}

std::string RootText(const Checkpoint& checkpoint) {
  return base::ToBase64(crypto::Bytes(checkpoint.root));
}

nlohmann::ordered_json Json(const Checkpoint& checkpoint) {
  return {{"size", checkpoint.size}, {"root", RootText(checkpoint)}};
}

void Print(const DiffOptions& options, const Checkpoint& older, const Checkpoint& newer,
           const std::map<std::string, uint64_t>& added) {
  if (options.output == "json") {
    std::cout << nlohmann::ordered_json{{"verified", true},
                                        {"origin", newer.origin},
                                        {"older", Json(older)},
                                        {"newer", Json(newer)},
                                        {"added", newer.size - older.size},
                                        {"added_by_kind", added}}
                     .dump()
              << "\n";
    return;
  }
  std::cout << "origin  " << VisibleText(newer.origin) << "\nolder   " << older.size << " entries, "
            << RootText(older) << "\nnewer   " << newer.size << " entries, " << RootText(newer)
            << "\nadded   " << newer.size - older.size << "\n";
  for (const auto& [kind, count] : added) std::cout << "  " << count << "  " << kind << "\n";
  std::cout << (older.size == newer.size ? "verified: the same log\n"
                                         : "verified: the newer log extends the older one\n");
}

ExitCode Diff(const DiffOptions& options) {
  const absl::StatusOr<VerifierKey> key = ReadLogKey("--key", options.key);
  if (!key.ok()) return Tell(key.status(), kUsage);
  const absl::StatusOr<VerifyOptions> cosigned = ReadWitnesses(options.witnesses);
  if (!cosigned.ok()) return Tell(cosigned.status(), kUsage);
  // The older one was looked at when it was kept, and may have had fewer cosignatures then.
  const absl::StatusOr<Checkpoint> older = ReadSigned(options.older, *key, {});
  if (!older.ok()) return Tell(older.status(), kDiffers);
  const absl::StatusOr<Checkpoint> newer = ReadSigned(options.newer, *key, *cosigned);
  if (!newer.ok()) return Tell(newer.status(), kDiffers);
  if (newer->size > older->size && !IsDirectory(options.newer)) {
    return Tell(absl::InvalidArgumentError(
                    "NEW: must be a directory with tiles, as a checkpoint alone proves no growth"),
                kUsage);
  }
  DirectorySource log(options.newer);
  Comparison compared = CompareCheckpoints(*older, *newer, log);
  if (compared.relation == Relation::kShrank && IsDirectory(options.older)) {
    // Behind is bad; behind and on another branch is worse.
    DirectorySource older_log(options.older);
    const Comparison backward = CompareCheckpoints(*newer, *older, older_log);
    if (backward.relation == Relation::kFork) compared = backward;
  }
  if (compared.relation != Relation::kSame && compared.relation != Relation::kGrew) {
    return Tell(absl::DataLossError(compared.detail), kDiffers);
  }
  std::map<std::string, uint64_t> added;
  if (newer->size > older->size) {
    absl::StatusOr<std::map<std::string, uint64_t>> counted = CountAdded(*older, *newer, log);
    if (!counted.ok()) return Tell(counted.status(), kDiffers);
    added = *std::move(counted);
  }
  Print(options, *older, *newer, added);
  return kVerified;
}

}  // namespace

void AddDiffVerb(base::Verb root, VerbResult& result) {
  auto [verb, options] = AddVerb<DiffOptions>(
      root, result, "diff",
      "Prove that a newer copy of the log extends an older one; say what was added",
      "The older copy may be a checkpoint alone. Entries before it are not looked at: verify it "
      "first.\nThe witnesses are those of the newer copy.\nExamples:\n"
      "  kluis-audit diff log-january log-today --key @vkey\n"
      "  kluis-audit diff kept.checkpoint log-today --key @vkey\n",
      Diff);
  verb.Text("OLD", options->older, "An exported log, or a checkpoint").ExistingPath().Required();
  verb.Text("NEW", options->newer, "An exported log, or a checkpoint").ExistingPath().Required();
  AddLogKey(verb, options->key);
  AddWitnesses(verb, options->witnesses);
  AddOutput(verb, options->output);
}

}  // namespace kluis::audit
