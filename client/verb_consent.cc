#include "absl/strings/str_cat.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/purposes.h"
#include "client/verbs.h"
#include "crypto/key_file.h"

namespace kluis::client {
namespace {

struct ConsentOptions {
  std::vector<std::string> keys;
  std::string purpose;
  std::string language;
  uint32_t days = 0;
  std::string out;
};

void PrintTerms(Session& session, const v1::PurposeRegistration& purpose,
                const v1::Consent& consent) {
  if (session.json()) {
    session.PrintMessage(consent);
    return;
  }
  session.out() << "You agree that a template of your face is kept and used for one purpose.\n"
                << AlignedTable(
                       {{"purpose", Printable(purpose.title())},
                        {"controller", Printable(purpose.controller().name())},
                        {"contact", Printable(purpose.controller().contact())},
                        {"legal basis", Printable(purpose.legal_basis().reference())},
                        {"until", TimeText(consent.expires_at().seconds())},
                        {"notice", absl::StrCat(Printable(consent.notice().language()), " ",
                                                Printable(consent.notice().version()), ", SHA-256 ",
                                                Printable(consent.notice().sha256()))}})
                << "You can end this at any time: kluis me withdraw --purpose "
                << Printable(consent.purpose()) << "\n";
}

Outcome Sign(Session& session, const ConsentOptions& options) {
  if (options.keys.size() != 1) return UsageError("--key: one person consents, with one key");
  const absl::StatusOr<v1::Purpose> purpose = FindPurpose(session, options.purpose);
  if (!purpose.ok()) return purpose.status();
  const absl::StatusOr<v1::Notice> notice = FindNotice(*purpose, options.language);
  if (!notice.ok()) return notice.status();
  const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(options.keys.front());
  if (!key.ok()) return key.status();

  v1::Consent consent = DraftConsent(*purpose, *notice, options.days, Now());
  consent.set_subject_public_key(crypto::PublicKeyText(key->public_key()));
  const absl::StatusOr<v1::Envelope> statement = session.Sign(options.keys, consent);
  if (!statement.ok()) return statement.status();
  PrintTerms(session, purpose->registration(), consent);
  const absl::Status written = WriteStatement(options.out, *statement);
  if (!written.ok()) return written;
  return ExitCode::kDone;
}

}  // namespace

void AddConsentVerbs(CommandLine& line) {
  CLI::App& group = line.Group("consent", "A person's consent (subject)");
  auto [sign, options] = line.Verb<ConsentOptions>(
      group, "sign", "Sign consent for one purpose; prints what the person agrees to",
      "kluis consent sign --key me.key --purpose missing-persons --language nl -o consent.json",
      Sign);
  AddKeys(*sign, options->keys, "The person's own key");
  sign->add_option("--purpose", options->purpose, "See kluis purpose list")->required();
  sign->add_option("--language", options->language, "Of the notice that the person read")
      ->type_name("LANGUAGE")
      ->required();
  sign->add_option("--days", options->days, "For how long; else as long as the purpose allows")
      ->type_name("DAYS")
      ->check(CLI::Range(1, 36500));
  sign->add_option("-o,--out", options->out, "Where to write it; - is stdout")
      ->type_name("FILE")
      ->required();
}

}  // namespace kluis::client
