// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/codec.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/verbs/verbs.h"
#include "crypto/key_file.h"
#include "crypto/release.h"

namespace kluis::client::key_verbs {
namespace {

struct KeyOptions {
  std::string file;
};

Outcome PrintKey(Session& session, const crypto::PublicKey& key) {
  const std::string text = crypto::PublicKeyText(key);
  const std::string keyid = crypto::KeyIdOf(key);
  if (session.json()) {
    session.out() << nlohmann::ordered_json{{"public_key", text}, {"keyid", keyid}}.dump() << "\n";
  } else {
    session.out() << AlignedTable({{"public key", text}, {"keyid", keyid}});
  }
  return ExitCode::kDone;
}

Outcome New(Session& session, const KeyOptions& options) {
  const crypto::SigningKey key = crypto::SigningKey::Generate();
  const absl::Status written = crypto::WriteSigningKey(key, options.file);
  if (!written.ok()) return written;
  return PrintKey(session, key.public_key());
}

Outcome Custody(Session& session, const KeyOptions& options) {
  const crypto::SecretBytes secret = crypto::SecretBytes::Random(crypto::kDeviceSecretBytes);
  const absl::Status written = crypto::WriteDeviceSecret(secret, options.file);
  if (!written.ok()) return written;
  const std::string digest = base::ToHex(crypto::Bytes(crypto::CustodyDigest(secret)));
  if (session.json()) {
    session.out() << nlohmann::ordered_json{{"custody_sha256", digest}}.dump() << "\n";
  } else {
    session.out() << AlignedTable({{"custody", "SHA-256 " + digest}})
                  << "Without this file nobody can verify you, and nobody can make it again.\n";
  }
  return ExitCode::kDone;
}

Outcome Show(Session& session, const KeyOptions& options) {
  const absl::StatusOr<crypto::PublicKey> key = ReadPublicKey(options.file);
  if (!key.ok()) return key.status();
  return PrintKey(session, *key);
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("key", "Keys that sign statements");
  auto [make, make_options] = line.Verb<KeyOptions>(
      group, "new", "Make a signing key that only its owner can read; never overwrites",
      "kluis key new officer-1.key", New);
  make.Text("file", make_options->file, "Where to write it").Called("FILE").Required();

  auto [custody, custody_options] = line.Verb<KeyOptions>(
      group, "custody",
      "Make the secret that my template opens with where it is in my custody; never overwrites",
      "kluis key custody me.custody", Custody);
  custody.Text("file", custody_options->file, "Where to write it, readable by me only")
      .Called("FILE")
      .Required();

  auto [show, show_options] =
      line.Verb<KeyOptions>(group, "show", "Print the public half and the key id of a key",
                            "kluis key show officer-1.key", Show);
  show.Text("file", show_options->file, "A key file, or a public key ed25519:...")
      .Called("FILE")
      .Required();
}

}  // namespace kluis::client::key_verbs
