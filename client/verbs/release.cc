// SPDX-License-Identifier: Apache-2.0
#include "base/codec.h"
#include "client/command_line.h"
#include "client/custody.h"
#include "client/files.h"
#include "client/verbs/verbs.h"
#include "crypto/key_file.h"

namespace kluis::client::release_verbs {
namespace {

struct ReleaseOptions {
  std::vector<std::string> keys;
  std::string purpose;
  std::string verifier;
  std::string secret;
  uint32_t minutes = 5;
  std::string out;
};

Outcome Sign(Session& session, const ReleaseOptions& options) {
  if (options.keys.size() != 1) return UsageError("--key: one person releases, with one key");
  const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(options.keys.front());
  if (!key.ok()) return key.status();
  const absl::StatusOr<crypto::SecretBytes> secret = crypto::ReadDeviceSecret(options.secret);
  if (!secret.ok()) return secret.status();
  const absl::StatusOr<std::string> sealed = SealForVault(session, *secret);
  if (!sealed.ok()) return sealed.status();

  constexpr int64_t kMinuteSeconds = 60;
  v1::Release release;
  release.set_subject_public_key(crypto::PublicKeyText(key->public_key()));
  release.set_purpose(options.purpose);
  release.set_verifier(options.verifier);
  *release.mutable_expires_at() = ToTimestamp(Now() + options.minutes * kMinuteSeconds);
  release.set_sealed_secret(base::ToBase64(*sealed));
  const absl::StatusOr<v1::Envelope> statement = session.Sign(options.keys, release);
  if (!statement.ok()) return statement.status();
  const absl::Status written = WriteStatement(options.out, *statement);
  if (!written.ok()) return written;
  return ExitCode::kDone;
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("release", "My template, in my own custody (subject)");
  auto [sign, options] = line.Verb<ReleaseOptions>(
      group, "sign", "Let one officer verify me once, for one purpose, within minutes",
      "kluis release sign --key me.key --custody-secret me.custody --purpose fast-lane \\\n"
      "    --verifier officer-1 -o release.json",
      Sign);
  AddKeys(sign, options->keys, "The person's own key");
  sign.Text("--custody-secret", options->secret, "See kluis key custody").Called("FILE").Required();
  sign.Text("--purpose", options->purpose, "The one I consented to").Required();
  sign.Text("--verifier", options->verifier, "The officer's name, without officer/")
      .Called("NAME")
      .Required();
  sign.Count("--minutes", options->minutes, "For how long")
      .Between(1, 1440)
      .Called("N")
      .ShowingDefault();
  sign.Text("-o,--out", options->out, "Where to write it; - is stdout").Called("FILE").Required();
}

}  // namespace kluis::client::release_verbs
