// SPDX-License-Identifier: Apache-2.0
// kluis-audit report: the yearly account of a vault.
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "audit/report/report.h"
#include "audit/tool/verbs.h"
#include "audit/visible_text.h"

namespace kluis::audit {
namespace {

struct ReportOptions {
  std::string directory;
  std::string key;
  WitnessLine witnesses;
  int year = 0;
  std::string format = "md";
  std::string out;
};

ExitCode Report(const ReportOptions& options) {
  const absl::StatusOr<VerifierKey> key = ReadLogKey("--key", options.key);
  if (!key.ok()) return Tell(key.status(), kUsage);
  const absl::StatusOr<VerifyOptions> cosigned = ReadWitnesses(options.witnesses);
  if (!cosigned.ok()) return Tell(cosigned.status(), kUsage);
  absl::StatusOr<YearReport> report = absl::UnknownError("not counted");
  {
    ProgressBar bar("verify and count");
    VerifyOptions verify = *cosigned;
    verify.progress = [&bar](uint64_t done, uint64_t total) { bar.Show(done, total); };
    report = MakeYearReport(options.directory, *key, options.year, std::move(verify));
  }
  if (!report.ok()) return Tell(report.status(), kDiffers);
  const std::string text = options.format == "json"   ? YearReportJson(*report)
                           : options.format == "html" ? YearReportHtml(*report)
                                                      : YearReportMarkdown(*report);
  if (options.out.empty()) {
    if (options.format == "json") std::cout << AsJson;
    std::cout << text;
    return kVerified;
  }
  const absl::Status written = WriteWholeFile(options.out, text);
  return written.ok() ? kVerified : Tell(written, kUsage);
}

}  // namespace

void AddReportVerb(base::Verb root, VerbResult& result) {
  auto [verb, options] = AddVerb<ReportOptions>(
      root, result, "report",
      "Verify the log, then count a year: cases, searches, refusals, erasures, orders",
      "The yearly report of AI Act article 26(10) and the statistics of Directive 2016/680. The\n"
      "HTML page needs nothing else: it can be sent and printed.\nExamples:\n"
      "  kluis-audit report log-copy --key @vkey --year 2026 --format html -o 2026.html\n"
      "  kluis-audit report log-copy --key @vkey --year 2026 --format json\n",
      Report);
  AddDirectory(verb, options->directory);
  AddLogKey(verb, options->key);
  AddWitnesses(verb, options->witnesses);
  verb.Count("--year", options->year, "Which year, in UTC")
      .Called("YYYY")
      .Between(1970, 9999)
      .Required();
  verb.Text("--format", options->format, "md, json or html")
      .OneOf({"md", "json", "html"})
      .ShowingDefault();
  verb.Text("-o,--out", options->out, "Where to; else standard output").Called("FILE");
}

}  // namespace kluis::audit
