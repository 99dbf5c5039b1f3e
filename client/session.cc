// SPDX-License-Identifier: Apache-2.0
#include "client/session.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "client/files.h"
#include "crypto/key_file.h"

namespace kluis::client {
namespace {

// The path given, else the one below <home>/pki.
absl::StatusOr<std::string> IdentityFile(const std::string& given, const Settings& settings,
                                         const std::string& below, std::string_view option) {
  std::string path = given;
  if (path.empty()) {
    if (settings.home.empty() || below.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "no ", std::string(option),
          ": say who calls with --home DIR --as ROLE/NAME (KLUIS_HOME, KLUIS_AS), or give --ca, "
          "--cert and --cert-key"));
    }
    path = absl::StrCat(settings.home, "/pki/", below);
  }
  return ReadText(path);
}

// A founding, or a payload from a file, may say for itself which vault it is for.
bool NamesVault(const google::protobuf::Message& payload) {
  return payload.GetReflection()->HasField(payload,
                                           payload.GetDescriptor()->FindFieldByName("vault"));
}

}  // namespace

absl::StatusOr<std::string> Session::Vault() const {
  if (!settings_.vault.empty()) return settings_.vault;
  if (settings_.home.empty()) {
    return absl::InvalidArgumentError(
        "no vault name: give --vault ORIGIN, or --home DIR with the name in DIR/vault.txt");
  }
  const absl::StatusOr<std::string> text = ReadText(settings_.home + "/vault.txt");
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no vault name: give --vault ORIGIN; ", std::string(text.status().message())));
  }
  std::string vault(absl::StripAsciiWhitespace(*text));
  if (vault.empty() || vault.find('\n') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(settings_.home, "/vault.txt: must be one line, the vault's name"));
  }
  return vault;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Session::Channel() {
  if (channel_ != nullptr) return channel_;
  const std::string& who = settings_.identity;
  const absl::StatusOr<std::string> ca = IdentityFile(settings_.ca, settings_, "ca.crt", "--ca");
  if (!ca.ok()) return ca.status();
  const absl::StatusOr<std::string> cert =
      IdentityFile(settings_.cert, settings_, who.empty() ? "" : who + ".crt", "--cert");
  if (!cert.ok()) return cert.status();
  const absl::StatusOr<std::string> key =
      IdentityFile(settings_.cert_key, settings_, who.empty() ? "" : who + ".key", "--cert-key");
  if (!key.ok()) return key.status();

  grpc::SslCredentialsOptions options;
  options.pem_root_certs = *ca;
  options.pem_cert_chain = *cert;
  options.pem_private_key = *key;
  channel_ = grpc::CreateChannel(settings_.server, grpc::SslCredentials(options));
  return channel_;
}

absl::StatusOr<v1::Envelope> Session::Sign(const std::vector<std::string>& key_files,
                                           google::protobuf::Message& payload) const {
  if (key_files.empty()) return UsageError("--key is required");
  std::string vault;
  if (!NamesVault(payload)) {
    const absl::StatusOr<std::string> configured = Vault();
    if (!configured.ok()) return configured.status();
    vault = *configured;
  }
  Stamp(vault, Now(), payload);
  absl::StatusOr<v1::Envelope> envelope = audit::MakeStatement(payload);
  if (!envelope.ok()) return envelope;
  for (const std::string& path : key_files) {
    const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(path);
    if (!key.ok()) return key.status();
    audit::AddSignature(*key, *envelope);
  }
  return envelope;
}

void Session::PrintMessage(const google::protobuf::Message& message) {
  out_ << (json() ? ToJson(message) + "\n" : ToText(message));
}

void Session::SetDeadline(grpc::ClientContext& context) const {
  context.set_deadline(
      std::chrono::system_clock::now() +
      std::chrono::milliseconds(static_cast<int64_t>(settings_.timeout_seconds * 1000)));
}

}  // namespace kluis::client
