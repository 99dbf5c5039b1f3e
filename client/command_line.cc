// SPDX-License-Identifier: Apache-2.0
#include "client/command_line.h"

#include <optional>

#include "audit/visible_text.h"
#include "base/version.h"

namespace kluis::client {
namespace {

constexpr char kFooter[] =
    "Who does what:\n"
    "  supervisor  vault found, authority, purpose register, calibrate and evaluate, order\n"
    "  subject     consent, me\n"
    "  registrar   enroll\n"
    "  officer     case open, approve and close, identify, verify, candidate\n"
    "  judge       case warrant and refuse\n"
    "  auditor     log, policy list, vault selfcheck\n"
    "  operator    vault status, init, unseal, seal, rekey, backup and restore\n"
    "Every verb has its own help with an example: kluis case open --help\n\n";

void AddSettings(base::Verb kluis, Settings& settings) {
  kluis.Text("--server", settings.server, "Address of the vault")
      .FromEnvironment("KLUIS_SERVER")
      .Called("HOST:PORT")
      .ShowingDefault();
  kluis.Text("--home", settings.home, "Directory with pki/ and vault.txt")
      .FromEnvironment("KLUIS_HOME")
      .Called("DIR");
  kluis
      .Text("--as", settings.identity,
            "Who calls: DIR/pki/ROLE/NAME.crt and .key, against DIR/pki/ca.crt")
      .FromEnvironment("KLUIS_AS")
      .Called("ROLE/NAME");
  kluis.Text("--ca", settings.ca, "Certificate of the authority that signed the vault's")
      .Called("FILE");
  kluis.Text("--cert", settings.cert, "Certificate of the caller").Called("FILE");
  kluis.Text("--cert-key", settings.cert_key, "Private key of --cert").Called("FILE");
  kluis
      .Text("--vault", settings.vault,
            "Name of the vault (its log's origin) in statements; else DIR/vault.txt")
      .FromEnvironment("KLUIS_VAULT")
      .Called("ORIGIN");
  kluis.Number("--timeout", settings.timeout_seconds, "How long to wait for an answer")
      .Called("SECONDS")
      .BetweenNumbers(0.1, 86400.0)
      .ShowingDefault();
  kluis.Text("--output", settings.output, "human, or json: one message a line")
      .Called("FORM")
      .OneOf({"human", "json"})
      .ShowingDefault();
}

}  // namespace

CommandLine::CommandLine()
    : line_("kluis", "kluis: the command line of a vault for face templates, for every role",
            kFooter + std::string(ExitCodeHelp())) {
  line_.OptionsAnywhere("Options", 34);
  line_.Version("kluis " + base::Version());
  line_.RequireVerb();
  AddSettings(root(), settings_);
}

ExitCode CommandLine::Run(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  const audit::VisibleOutput visible_out(out);
  const audit::VisibleOutput visible_err(err);
  chosen_ = nullptr;
  const std::optional<int> ended = line_.Read(argc, argv, out, err);
  if (ended.has_value()) return *ended == 0 ? ExitCode::kDone : ExitCode::kUsage;
  if (!chosen_) return ExitCode::kUsage;
  Session session(settings_, out, err);
  if (session.json()) out << audit::AsJson;
  const Outcome outcome = chosen_(session);
  out.flush();
  if (outcome.ok()) return *outcome;
  err << FailureText(outcome.status(), settings_.server);
  return ExitCodeOf(outcome.status());
}

base::Option AddKeys(base::Verb verb, std::vector<std::string>& files,
                     const std::string& description) {
  return verb.Repeated("--key", files, description).Called("FILE").Required();
}

}  // namespace kluis::client
