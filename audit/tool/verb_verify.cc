// SPDX-License-Identifier: Apache-2.0
// kluis-audit verify: the checkpoint, its cosignatures, and every entry and tile under it.
#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/note.h"
#include "audit/tool/verbs.h"

namespace kluis::audit {
namespace {

struct VerifyLine {
  std::string directory;
  std::string key;
  WitnessLine witnesses;
  std::vector<std::string> since;
  std::string output = "human";
};

ExitCode Verify(const VerifyLine& line) {
  const absl::StatusOr<VerifierKey> key = ReadLogKey("--key", line.key);
  if (!key.ok()) return Tell(key.status(), kUsage);
  absl::StatusOr<VerifyOptions> read = ReadWitnesses(line.witnesses);
  if (!read.ok()) return Tell(read.status(), kUsage);
  VerifyOptions& options = *read;
  for (const std::string& path : line.since) {
    absl::StatusOr<std::string> note = ReadWholeFile(path, kMaxNoteBytes);
    if (!note.ok()) return Tell(note.status(), kUsage);
    options.since.push_back({path, *std::move(note)});
  }

  absl::StatusOr<DirectoryReport> report = absl::UnknownError("not verified");
  {
    ProgressBar bar("verify");
    options.progress = [&bar](uint64_t done, uint64_t size) { bar.Show(done, size); };
    report = LogDirectory(line.directory).Verify(*key, options);
  }
  if (!report.ok()) return Tell(report.status(), kDiffers);
  std::cout << (line.output == "json" ? ReportJson(*report) : ReportText(*report));
  return kVerified;
}

}  // namespace

void AddVerifyVerb(base::Verb root, VerbResult& result) {
  auto [verb, line] = AddVerb<VerifyLine>(
      root, result, "verify",
      "Verify the checkpoint, its cosignatures, and every entry and tile under it",
      "Examples:\n"
      "  kluis-audit verify log-copy --key @log-copy/vkey --since last-year/checkpoint\n"
      "  kluis-audit verify log-copy --key @vkey --witness @w1 --witness @w2 --quorum 1\n",
      Verify);
  AddDirectory(verb, line->directory);
  AddLogKey(verb, line->key);
  AddWitnesses(verb, line->witnesses);
  verb.Repeated("--since", line->since,
                "An older checkpoint of this log, which it must extend; may be repeated")
      .ExistingFile()
      .Called("FILE");
  AddOutput(verb, line->output);
}

}  // namespace kluis::audit
