// The verbs of kluis-audit; each is one file, verb_<name>.cc, of the program and not of the
// library.
#ifndef KLUIS_AUDIT_TOOL_VERBS_H_
#define KLUIS_AUDIT_TOOL_VERBS_H_

#include <CLI/CLI.hpp>
#include <functional>

#include "audit/tool/verb_output.h"

namespace kluis::audit {

// What the command line chose. A verb's final callback only sets `run`; main runs it after the
// whole command line was read and found good.
struct VerbResult {
  std::function<ExitCode()> run;
};

// Each adds its verb to `app` and returns it.
CLI::App* AddVerifyVerb(CLI::App& app, VerbResult& result);
CLI::App* AddEntryVerb(CLI::App& app, VerbResult& result);
CLI::App* AddReplayVerb(CLI::App& app, VerbResult& result);
CLI::App* AddReportVerb(CLI::App& app, VerbResult& result);
CLI::App* AddDiffVerb(CLI::App& app, VerbResult& result);
CLI::App* AddWatchVerb(CLI::App& app, VerbResult& result);
CLI::App* AddReceiptVerb(CLI::App& app, VerbResult& result);  // receipt verify
CLI::App* AddServeVerb(CLI::App& app, VerbResult& result);
CLI::App* AddWitnessVerb(CLI::App& app, VerbResult& result);
CLI::App* AddCompletionVerb(CLI::App& app, VerbResult& result);  // of the verbs of `app`

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_VERBS_H_
