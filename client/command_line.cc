#include "client/command_line.h"

#include "audit/visible_text.h"
#include "client/verbs.h"

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

void AddSettings(CLI::App& app, Settings& settings) {
  app.add_option("--server", settings.server, "Address of the vault")
      ->envname("KLUIS_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--home", settings.home, "Directory with pki/ and vault.txt")
      ->envname("KLUIS_HOME")
      ->type_name("DIR");
  app.add_option("--as", settings.identity,
                 "Who calls: DIR/pki/ROLE/NAME.crt and .key, against DIR/pki/ca.crt")
      ->envname("KLUIS_AS")
      ->type_name("ROLE/NAME");
  app.add_option("--ca", settings.ca, "Certificate of the authority that signed the vault's")
      ->type_name("FILE");
  app.add_option("--cert", settings.cert, "Certificate of the caller")->type_name("FILE");
  app.add_option("--cert-key", settings.cert_key, "Private key of --cert")->type_name("FILE");
  app.add_option("--vault", settings.vault,
                 "Name of the vault (its log's origin) in statements; else DIR/vault.txt")
      ->envname("KLUIS_VAULT")
      ->type_name("ORIGIN");
  app.add_option("--timeout", settings.timeout_seconds, "How long to wait for an answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_option("--output", settings.output, "human, or json: one message a line")
      ->type_name("FORM")
      ->check(CLI::IsMember({"human", "json"}))
      ->capture_default_str();
}

}  // namespace

CommandLine::CommandLine()
    : app_("kluis: the command line of a vault for face templates, for every role", "kluis") {
  app_.get_formatter()->column_width(34);
  app_.option_defaults()->group("Options");
  app_.set_version_flag("--version", "kluis 0.1.0");
  app_.require_subcommand(1);
  app_.fallthrough();
  app_.footer(kFooter + std::string(ExitCodeHelp()));
  AddSettings(app_, settings_);
  AddKeyVerbs(*this);
  AddStatementVerbs(*this);
  AddVaultVerbs(*this);
  AddSealVerbs(*this);
  AddBackupVerbs(*this);
  AddClockVerbs(*this);
  AddAuthorityVerbs(*this);
  AddPurposeVerbs(*this);
  AddMeasurementVerbs(*this);
  AddConsentVerbs(*this);
  AddEnrollVerbs(*this);
  AddCaseVerbs(*this);
  AddSearchVerbs(*this);
  AddCandidateVerbs(*this);
  AddReleaseVerbs(*this);
  AddMeVerbs(*this);
  AddOrderVerbs(*this);
  AddLogVerbs(*this);
  AddSynthVerbs(*this);
  AddCompletionVerb(*this);
}

CLI::App& CommandLine::Group(const std::string& name, const std::string& description) {
  CLI::App* group = app_.add_subcommand(name, description);
  group->require_subcommand(1);
  return *group;
}

ExitCode CommandLine::Run(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  const audit::VisibleOutput visible_out(out);
  const audit::VisibleOutput visible_err(err);
  chosen_ = nullptr;
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exception; it ends here. --help and --version are "errors" with code 0.
    return app_.exit(error, out, err) == 0 ? ExitCode::kDone : ExitCode::kUsage;
  }
  if (!chosen_) return ExitCode::kUsage;
  Session session(settings_, out, err);
  if (session.json()) out << audit::AsJson;
  const Outcome outcome = chosen_(session);
  out.flush();
  if (outcome.ok()) return *outcome;
  err << FailureText(outcome.status(), settings_.server);
  return ExitCodeOf(outcome.status());
}

CLI::Option* AddRepeated(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                         const std::string& description) {
  return verb.add_option(name, values, description)->allow_extra_args(false);
}

CLI::Option* AddKeys(CLI::App& verb, std::vector<std::string>& files,
                     const std::string& description) {
  return AddRepeated(verb, "--key", files, description)->type_name("FILE")->required();
}

}  // namespace kluis::client
