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

CLI::App* AddReportVerb(CLI::App& app, VerbResult& result) {
  CLI::App* const verb = app.add_subcommand(
      "report", "Verify the log, then count a year: cases, searches, refusals, erasures, orders");
  verb->footer(
      "The yearly report of AI Act article 26(10) and the statistics of Directive 2016/680. The\n"
      "HTML page needs nothing else: it can be sent and printed.\nExamples:\n"
      "  kluis-audit report log-copy --key @vkey --year 2026 --format html -o 2026.html\n"
      "  kluis-audit report log-copy --key @vkey --year 2026 --format json\n");
  auto options = std::make_shared<ReportOptions>();
  AddDirectory(*verb, options->directory);
  AddLogKey(*verb, options->key);
  AddWitnesses(*verb, options->witnesses);
  verb->add_option("--year", options->year, "Which year, in UTC")
      ->type_name("YYYY")
      ->check(CLI::Range(1970, 9999))
      ->required();
  verb->add_option("--format", options->format, "md, json or html")
      ->check(CLI::IsMember({"md", "json", "html"}))
      ->capture_default_str();
  verb->add_option("-o,--out", options->out, "Where to; else standard output")->type_name("FILE");
  verb->final_callback([&result, options] { result.run = [options] { return Report(*options); }; });
  return verb;
}

}  // namespace kluis::audit
