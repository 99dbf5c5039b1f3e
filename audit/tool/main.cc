// kluis-audit: verifies an exported log with public keys and nothing else.
#include <iostream>
#include <string>

#include "audit/tool/verbs.h"
#include "audit/visible_text.h"

namespace kluis::audit {
namespace {

constexpr char kFooter[] =
    "Every verb has its own help with an example: kluis-audit verify --help\n"
    "Exit codes: 0 verified, 1 it does not verify, 2 wrong usage, 3 a watched log stopped.";

// Of the verb that was chosen, whichever it is.
bool AsksForJson(const CLI::App& app) {
  for (const CLI::App* verb = &app; verb != nullptr;) {
    const CLI::Option* output = verb->get_option_no_throw("--output");
    if (output != nullptr && output->count() > 0 && output->as<std::string>() == "json")
      return true;
    const auto chosen = verb->get_subcommands();
    verb = chosen.empty() ? nullptr : chosen.front();
  }
  return false;
}

ExitCode Run(int argc, char** argv) {
  // Whatever a verb prints comes from a log that strangers wrote in.
  const VisibleOutput out(std::cout);
  const VisibleOutput err(std::cerr);
  CLI::App app("kluis-audit: verifies an exported log with public keys and nothing else",
               "kluis-audit");
  app.set_version_flag("--version", "kluis-audit 0.1.0");
  app.require_subcommand(1);
  app.footer(kFooter);
  VerbResult result;
  AddVerifyVerb(app, result);
  AddEntryVerb(app, result);
  AddReplayVerb(app, result);
  AddReportVerb(app, result);
  AddDiffVerb(app, result);
  AddWatchVerb(app, result);
  AddReceiptVerb(app, result);
  AddServeVerb(app, result);
  AddWitnessVerb(app, result);
  AddCompletionVerb(app, result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // CLI11 reports by exception; it ends here
    return app.exit(error) == 0 ? kVerified : kUsage;
  }
  if (AsksForJson(app)) std::cout << AsJson;
  return result.run ? result.run() : kUsage;
}

}  // namespace
}  // namespace kluis::audit

int main(int argc, char** argv) { return kluis::audit::Run(argc, argv); }
