// SPDX-License-Identifier: Apache-2.0
// kluis-audit replay: every decision of a log, made again.
#include <cstddef>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "audit/replay/replay.h"
#include "audit/tool/verbs.h"

namespace kluis::audit {
namespace {

struct ReplayLine {
  std::string directory;
  std::string key;
  WitnessLine witnesses;
  std::string details;
  size_t listed = 20;
  std::string output = "human";
};

ExitCode ReplayLog(const ReplayLine& line) {
  const absl::StatusOr<VerifierKey> key = ReadLogKey("--key", line.key);
  if (!key.ok()) return Tell(key.status(), kUsage);
  const absl::StatusOr<VerifyOptions> cosigned = ReadWitnesses(line.witnesses);
  if (!cosigned.ok()) return Tell(cosigned.status(), kUsage);

  ReplayOptions options;
  std::ifstream details;
  if (!line.details.empty()) {
    details.open(line.details, std::ios::binary);
    if (!details) {
      return Tell(absl::InvalidArgumentError("--with-details: cannot open " + line.details),
                  kUsage);
    }
    options.details = &details;
  }
  absl::StatusOr<ReplayReport> report = absl::UnknownError("not replayed");
  {
    ProgressBar bar("replay");
    options.progress = [&bar](uint64_t done, uint64_t total) { bar.Show(done, total); };
    report = ReplayDirectory(line.directory, *key, cosigned->witnesses, cosigned->quorum, options);
  }
  if (!report.ok()) return Tell(report.status(), kDiffers);
  std::cout << (line.output == "json" ? ReplayJson(*report, line.listed)
                                      : ReplayText(*report, line.listed));
  return report->clean() ? kVerified : kDiffers;
}

}  // namespace

void AddReplayVerb(base::Verb root, VerbResult& result) {
  auto [verb, line] = AddVerb<ReplayLine>(
      root, result, "replay",
      "Make every decision again, fold the state, and look for what is missing",
      "Exit code 0 only when nothing differs. Verdicts:\n"
      "  integrity     the entries are those that the log's key signed\n"
      "  completeness  each search has one outcome, each erasure is done, no silence is hidden\n"
      "  state         the fold of the entries is the state that each closing entry claims\n"
      "  decisions     REPLAYED, ERASED (reached again, its personal input is forgotten since),\n"
      "                or MISMATCH with index, rule and reason\n"
      "Examples:\n"
      "  kluis-audit replay log-copy --key @log-copy/vkey\n"
      "  kluis-audit replay log-copy --key @vkey --with-details inspection.jsonl --output json\n",
      ReplayLog);
  AddDirectory(verb, line->directory);
  AddLogKey(verb, line->key);
  AddWitnesses(verb, line->witnesses);
  verb.Text("--with-details", line->details,
            "An inspection export: opens commitments and verifies what is behind them")
      .ExistingFile()
      .Called("FILE");
  verb.Count("--list", line->listed, "Mismatches to list for each verdict, up to 1000")
      .ShowingDefault()
      .Called("N");
  AddOutput(verb, line->output);
}

}  // namespace kluis::audit
