// SPDX-License-Identifier: Apache-2.0
#include "crypto/ed25519.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/codec.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kPublicPrefix = "ed25519:";
constexpr size_t kKeyIdBytes = 16;

}  // namespace

SigningKey::SigningKey(SecretBytes seed)
    : seed_(std::move(seed)), expanded_(SecretBytes::Zero(crypto_sign_SECRETKEYBYTES)) {
  crypto_sign_seed_keypair(public_key_.data(), expanded_.ExposeMutable().data(),
                           seed_.Expose().data());
}

absl::StatusOr<SigningKey> SigningKey::FromSeed(SecretBytes seed) {
  if (seed.size() != crypto_sign_SEEDBYTES) {
    return absl::InvalidArgumentError("seed: must be 32 bytes");
  }
  return SigningKey(std::move(seed));
}

SigningKey SigningKey::Generate() { return SigningKey(SecretBytes::Random(crypto_sign_SEEDBYTES)); }

Signature SigningKey::Sign(std::string_view message) const {
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr, Raw(message), message.size(),
                       expanded_.Expose().data());
  return signature;
}

bool Verify(const PublicKey& key, std::string_view message, std::string_view signature) {
  if (signature.size() != crypto_sign_BYTES) return false;
  return crypto_sign_verify_detached(Raw(signature), Raw(message), message.size(), key.data()) == 0;
}

std::string KeyIdOf(const PublicKey& key) {
  const Hash hash = Sha256({Bytes(key)});
  return base::ToHex(Bytes(hash).substr(0, kKeyIdBytes));
}

std::string PublicKeyText(const PublicKey& key) {
  return absl::StrCat(std::string(kPublicPrefix), base::ToBase64(Bytes(key)));
}

absl::StatusOr<PublicKey> ParsePublicKey(std::string_view text) {
  if (!text.starts_with(kPublicPrefix)) {
    return absl::InvalidArgumentError("public key: must start with ed25519:");
  }
  const absl::StatusOr<std::string> bytes = base::FromBase64(text.substr(kPublicPrefix.size()));
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("public key: ", bytes.status().message()));
  }
  PublicKey key;
  if (bytes->size() != key.size()) {
    return absl::InvalidArgumentError("public key: must be 32 bytes");
  }
  std::copy(bytes->begin(), bytes->end(), reinterpret_cast<char*>(key.data()));
  return key;
}

}  // namespace kluis::crypto
