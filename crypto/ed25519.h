// SPDX-License-Identifier: Apache-2.0
// Signatures of people and of the log. Thread-safe: keys do not change after they are made.
// Source: RFC 8032 s.5.1 (Ed25519, pure); libsodium >= 1.0.18, which refuses small-order public
// keys and signatures whose S is not reduced.
#ifndef KLUIS_CRYPTO_ED25519_H_
#define KLUIS_CRYPTO_ED25519_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"  // Bytes(PublicKey)

namespace kluis::crypto {

using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

class SigningKey {
 public:
  // Takes ownership of `seed`: 32 bytes, the private key of RFC 8032.
  // kInvalidArgument: any other length.
  static absl::StatusOr<SigningKey> FromSeed(SecretBytes seed);

  // A key nobody else has.
  static SigningKey Generate();

  const PublicKey& public_key() const { return public_key_; }

  // Deterministic: the same message gives the same signature.
  Signature Sign(std::string_view message) const;

  // For saving the key (key_file.h) and for nothing else.
  const SecretBytes& seed() const { return seed_; }

 private:
  explicit SigningKey(SecretBytes seed);

  SecretBytes seed_;
  SecretBytes expanded_;  // libsodium's form: seed | public key
  PublicKey public_key_;
};

// True when `signature` is `key`'s over exactly `message`; false also for any length but 64.
bool Verify(const PublicKey& key, std::string_view message, std::string_view signature);

// The name of a key in statements: lowercase hex of the first 16 bytes of SHA-256(key).
std::string KeyIdOf(const PublicKey& key);

// "ed25519:<base64 of 32 bytes>", the form in configuration files and on the command line.
std::string PublicKeyText(const PublicKey& key);

// Inverse of PublicKeyText. kInvalidArgument: other prefix, not canonical base64, or not 32 bytes.
// Whether the bytes are a usable point is found out by Verify, which then answers false.
absl::StatusOr<PublicKey> ParsePublicKey(std::string_view text);

// The bytes as a view, valid while the argument lives.
inline std::string_view Bytes(const Signature& signature) {
  return {reinterpret_cast<const char*>(signature.data()), signature.size()};
}

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_ED25519_H_
