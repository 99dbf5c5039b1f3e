// SPDX-License-Identifier: Apache-2.0
// kluis-audit: verifies an exported log with public keys and nothing else.
#include <iostream>
#include <optional>
#include <string>

#include "audit/tool/verbs.h"
#include "audit/visible_text.h"
#include "base/version.h"

namespace kluis::audit {
namespace {

constexpr char kFooter[] =
    "Every verb has its own help with an example: kluis-audit verify --help\n"
    "Exit codes: 0 verified, 1 it does not verify, 2 wrong usage, 3 a watched log stopped.";

ExitCode Run(int argc, char** argv) {
  // Whatever a verb prints comes from a log that strangers wrote in.
  const VisibleOutput out(std::cout);
  const VisibleOutput err(std::cerr);
  base::CommandLine line("kluis-audit",
                         "kluis-audit: verifies an exported log with public keys and nothing else",
                         kFooter);
  line.Version("kluis-audit " + base::Version());
  line.RequireVerb();
  const base::Verb root = line.root();
  VerbResult result;
  AddVerifyVerb(root, result);
  AddEntryVerb(root, result);
  AddReplayVerb(root, result);
  AddReportVerb(root, result);
  AddDiffVerb(root, result);
  AddWatchVerb(root, result);
  AddReceiptVerb(root, result);
  AddServeVerb(root, result);
  AddWitnessVerb(root, result);
  AddCompletionVerb(line, root, result);
  const std::optional<int> ended = line.Read(argc, argv, std::cout, std::cerr);
  if (ended.has_value()) return *ended == 0 ? kVerified : kUsage;
  if (line.Given("--output") == "json") std::cout << AsJson;
  return result.run ? result.run() : kUsage;
}

}  // namespace
}  // namespace kluis::audit

int main(int argc, char** argv) { return kluis::audit::Run(argc, argv); }
