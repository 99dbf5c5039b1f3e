// SPDX-License-Identifier: Apache-2.0
#include "base/completion.h"

#include "client/command_line.h"
#include "client/verbs/verbs.h"

namespace kluis::client::completion_verbs {
namespace {

struct CompletionOptions {
  std::string shell;
  const CommandLine* line = nullptr;
};

Outcome Print(Session& session, const CompletionOptions& options) {
  const absl::StatusOr<std::string> script =
      base::CompletionScript(options.line->words(), options.shell);
  if (!script.ok()) return script.status();
  session.out() << *script;
  return ExitCode::kDone;
}

}  // namespace

void Add(CommandLine& line) {
  auto [verb, options] = line.Verb<CompletionOptions>(
      line.root(), "completion", "Print a script that completes kluis in a shell",
      "source <(kluis completion bash)", Print);
  options->line = &line;
  verb.Text("shell", options->shell, "bash, zsh or fish")
      .Called("SHELL")
      .OneOf({"bash", "zsh", "fish"})
      .Required();
}

}  // namespace kluis::client::completion_verbs
