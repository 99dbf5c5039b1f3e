// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "base/utc_text.h"
#include "client/command_line.h"
#include "client/custody.h"
#include "client/files.h"
#include "client/holdings.h"
#include "client/purposes.h"
#include "client/verbs/verbs.h"
#include "crypto/key_file.h"
#include "crypto/release.h"

namespace kluis::client::consent_verbs {
namespace {

struct ConsentOptions {
  std::vector<std::string> keys;
  std::string purpose;
  std::string language;
  uint32_t days = 0;
  bool again = false;
  std::string replaces;
  std::string follows = "none";
  std::string secret;
  std::string sealed_secret;
  std::string out;
};

bool SubjectHeld(const v1::PurposeRegistration& purpose) {
  return purpose.custody() == v1::CUSTODY_SUBJECT_HELD;
}

// Names the person's own secret in the consent and writes it, sealed to the vault, for the desk.
absl::Status TakeCustody(Session& session, const v1::PurposeRegistration& purpose,
                         const ConsentOptions& options, v1::Consent& consent) {
  const bool given = !options.secret.empty() && !options.sealed_secret.empty();
  const bool none = options.secret.empty() && options.sealed_secret.empty();
  if (!SubjectHeld(purpose)) {
    if (none) return absl::OkStatus();
    return UsageError("--custody-secret: the purpose is not in the subject's custody");
  }
  if (!given) {
    return UsageError(
        "--custody-secret and --sealed-secret: the purpose is in your own custody; kluis key "
        "custody makes the secret");
  }
  const absl::StatusOr<crypto::SecretBytes> secret = crypto::ReadDeviceSecret(options.secret);
  if (!secret.ok()) return secret.status();
  const absl::StatusOr<std::string> sealed = SealForVault(session, *secret);
  if (!sealed.ok()) return sealed.status();
  consent.set_custody_sha256(base::ToHex(crypto::Bytes(crypto::CustodyDigest(*secret))));
  return WriteText(options.sealed_secret, base::ToBase64(*sealed) + "\n");
}

void PrintTerms(Session& session, const v1::PurposeRegistration& purpose,
                const v1::Consent& consent) {
  if (session.json()) {
    session.PrintMessage(consent);
    return;
  }
  session.out()
      << "You agree that a template of your face is kept and used for one purpose.\n"
      << AlignedTable(
             {{"purpose", Printable(purpose.title())},
              {"controller", Printable(purpose.controller().name())},
              {"contact", Printable(purpose.controller().contact())},
              {"legal basis", Printable(purpose.legal_basis().reference())},
              {"opened by", SubjectHeld(purpose)
                                ? "nobody without a release that you sign each time"
                                : "the vault, for an officer who verifies or has a case"},
              {"until", base::UtcText(consent.expires_at().seconds())},
              {"replaces", consent.replaces().empty() ? "nothing" : Printable(consent.replaces())},
              {"follows", consent.follows() == "none" ? "nothing" : Printable(consent.follows())},
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
  if (options.again) {
    const absl::Status named = NamePredecessor(session, options.keys, consent);
    if (!named.ok()) return named;
  } else {
    consent.set_replaces(options.replaces);
    if (options.replaces.empty()) consent.set_follows(options.follows);
  }
  const absl::Status custody = TakeCustody(session, purpose->registration(), options, consent);
  if (!custody.ok()) return custody;
  const absl::StatusOr<v1::Envelope> statement = session.Sign(options.keys, consent);
  if (!statement.ok()) return statement.status();
  PrintTerms(session, purpose->registration(), consent);
  const absl::Status written = WriteStatement(options.out, *statement);
  if (!written.ok()) return written;
  return ExitCode::kDone;
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("consent", "A person's consent (subject)");
  auto [sign, options] = line.Verb<ConsentOptions>(
      group, "sign", "Sign consent for one purpose; prints what the person agrees to",
      "kluis consent sign --key me.key --purpose missing-persons --language nl -o consent.json",
      Sign);
  AddKeys(sign, options->keys, "The person's own key");
  sign.Text("--purpose", options->purpose, "See kluis purpose list").Required();
  sign.Text("--language", options->language, "Of the notice that the person read")
      .Called("LANGUAGE")
      .Required();
  sign.Count("--days", options->days, "For how long; else as long as the purpose allows")
      .Called("DAYS")
      .Between(1, 36500);
  const base::Option again = sign.Flag(
      "--again", options->again,
      "I consented to this purpose before: asks the vault what is held about me, and names in the "
      "consent the template that it replaces or the end that it follows");
  const base::Option replaces =
      sign.Text("--replaces", options->replaces,
                "Without asking: my template that the new one replaces and that is erased "
                "then; its name is in kluis me show")
          .Called("subjects/ID/templates/ID")
          .Excludes(again);
  sign.Text("--follows", options->follows,
            "Without asking: the end of my last template for the purpose, as kluis me show "
            "has it; none for a first consent")
      .Called("END")
      .ShowingDefault()
      .Excludes(again)
      .Excludes(replaces);
  sign.Text("--custody-secret", options->secret,
            "Where the purpose is in my custody: what kluis key custody made")
      .Called("FILE");
  sign.Text("--sealed-secret", options->sealed_secret,
            "Where to write that secret for the desk, sealed to the vault")
      .Called("FILE");
  sign.Text("-o,--out", options->out, "Where to write it; - is stdout").Called("FILE").Required();
}

}  // namespace kluis::client::consent_verbs
