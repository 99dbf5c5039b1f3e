#include "audit/tool/completion.h"
#include "client/command_line.h"
#include "client/verbs.h"

namespace kluis::client {
namespace {

struct CompletionOptions {
  std::string shell;
  const CLI::App* app = nullptr;
};

Outcome Print(Session& session, const CompletionOptions& options) {
  const absl::StatusOr<std::string> script = audit::CompletionScript(*options.app, options.shell);
  if (!script.ok()) return script.status();
  session.out() << *script;
  return ExitCode::kDone;
}

}  // namespace

void AddCompletionVerb(CommandLine& line) {
  auto [verb, options] = line.Verb<CompletionOptions>(
      line.app(), "completion", "Print a script that completes kluis in a shell",
      "source <(kluis completion bash)", Print);
  options->app = &line.app();
  verb->add_option("shell", options->shell, "bash, zsh or fish")
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
}

}  // namespace kluis::client
