// kluis-audit completion: a script for a shell.
#include <iostream>
#include <memory>
#include <string>

#include "audit/tool/completion.h"
#include "audit/tool/verbs.h"

namespace kluis::audit {
namespace {

ExitCode PrintScript(const CLI::App& app, const std::string& shell) {
  const absl::StatusOr<std::string> script = CompletionScript(app, shell);
  if (!script.ok()) return Tell(script.status(), kUsage);
  std::cout << *script;
  return kVerified;
}

}  // namespace

CLI::App* AddCompletionVerb(CLI::App& app, VerbResult& result) {
  CLI::App* const verb =
      app.add_subcommand("completion", "Print a script that completes kluis-audit in a shell");
  verb->footer("Example:\n  source <(kluis-audit completion bash)\n");
  auto shell = std::make_shared<std::string>();
  verb->add_option("SHELL", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
  verb->final_callback(
      [&app, &result, shell] { result.run = [&app, shell] { return PrintScript(app, *shell); }; });
  return verb;
}

}  // namespace kluis::audit
