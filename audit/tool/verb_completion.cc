// SPDX-License-Identifier: Apache-2.0
// kluis-audit completion: a script for a shell.
#include <iostream>
#include <string>

#include "audit/tool/verbs.h"
#include "base/completion.h"

namespace kluis::audit {
namespace {

struct CompletionOptions {
  std::string shell;
  const base::CommandLine* line = nullptr;
};

ExitCode PrintScript(const CompletionOptions& options) {
  const absl::StatusOr<std::string> script =
      base::CompletionScript(options.line->words(), options.shell);
  if (!script.ok()) return Tell(script.status(), kUsage);
  std::cout << *script;
  return kVerified;
}

}  // namespace

void AddCompletionVerb(const base::CommandLine& line, base::Verb root, VerbResult& result) {
  auto [verb, options] = AddVerb<CompletionOptions>(
      root, result, "completion", "Print a script that completes kluis-audit in a shell",
      "Example:\n  source <(kluis-audit completion bash)\n", PrintScript);
  options->line = &line;
  verb.Text("SHELL", options->shell, "bash, zsh or fish").OneOf({"bash", "zsh", "fish"}).Required();
}

}  // namespace kluis::audit
