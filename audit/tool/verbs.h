// SPDX-License-Identifier: Apache-2.0
// The verbs of kluis-audit; each is one file, verb_<name>.cc, of the program and not of the
// library.
#ifndef KLUIS_AUDIT_TOOL_VERBS_H_
#define KLUIS_AUDIT_TOOL_VERBS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "audit/tool/verb_output.h"
#include "base/command_line.h"

namespace kluis::audit {

// What the command line chose. A verb only sets `run`; main runs it after the whole command line
// was read and found good.
struct VerbResult {
  std::function<ExitCode()> run;
};

// A verb in `group`, and the options that it will run with: bind the verb's options to them.
template <typename Options>
std::pair<base::Verb, Options*> AddVerb(base::Verb group, VerbResult& result,
                                        const std::string& name, const std::string& description,
                                        const std::string& footer,
                                        ExitCode (*run)(const Options&)) {
  auto options = std::make_shared<Options>();
  Options* const bound = options.get();
  const base::Verb verb = group.Add(name, description, footer, [&result, options, run] {
    result.run = [options, run] { return run(*options); };
  });
  return {verb, bound};
}

// Each adds its verb to `root`.
void AddVerifyVerb(base::Verb root, VerbResult& result);
void AddEntryVerb(base::Verb root, VerbResult& result);
void AddReplayVerb(base::Verb root, VerbResult& result);
void AddReportVerb(base::Verb root, VerbResult& result);
void AddDiffVerb(base::Verb root, VerbResult& result);
void AddWatchVerb(base::Verb root, VerbResult& result);
void AddReceiptVerb(base::Verb root, VerbResult& result);  // receipt verify
void AddServeVerb(base::Verb root, VerbResult& result);
void AddWitnessVerb(base::Verb root, VerbResult& result);
void AddCompletionVerb(const base::CommandLine& line, base::Verb root, VerbResult& result);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_VERBS_H_
