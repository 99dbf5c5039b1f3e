// SPDX-License-Identifier: Apache-2.0
// Custody of the subject: a template whose key also needs a secret that only the subject's device
// keeps. The secret travels to the vault in a sealed box: to enrol, and in the signed release of
// one verification. Whoever carries the box, a registrar's station or an officer, cannot open it.
// Stateless but for randomness, thread-safe.
// Source: libsodium's sealed boxes, crypto_box_seal (X25519, XSalsa20-Poly1305; the sender's key is
// made for one box, its nonce is BLAKE2b-192 of both public keys); libsodium >= 1.0.18.
#ifndef KLUIS_CRYPTO_RELEASE_H_
#define KLUIS_CRYPTO_RELEASE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"

namespace kluis::crypto {

inline constexpr size_t kDeviceSecretBytes = 32;
inline constexpr size_t kSealedDeviceSecretBytes = 32 + 16 + kDeviceSecretBytes;

using ReleasePublicKey = std::array<uint8_t, 32>;

// The vault's X25519 pair, for one call: derived from the key of the vault's own slot, so that it
// is the same after every start and is stored nowhere.
class ReleaseKey {
 public:
  // seed = DeriveKey(vault_slot_key, "kluis-release"), then crypto_box_seed_keypair.
  static ReleaseKey Derive(std::span<const uint8_t, 32> vault_slot_key);

  const ReleasePublicKey& public_key() const { return public_key_; }

  // The device's secret, kDeviceSecretBytes. kDataLoss: sealed to another key, altered, or of
  // another length - one code and one message for all three.
  absl::StatusOr<SecretBytes> Open(std::string_view sealed) const;

 private:
  ReleaseKey() = default;

  ReleasePublicKey public_key_{};
  SecretKey32 secret_key_;
};

// Returns the sender's key[32] | tag[16] | ciphertext[32]: kSealedDeviceSecretBytes, another text
// each time. kInvalidArgument: `secret` is not kDeviceSecretBytes, or `to` is no usable X25519 key
// (of small order).
absl::StatusOr<std::string> SealToVault(const ReleasePublicKey& to, const SecretBytes& secret);

// What consent, entry and record name the secret by: SHA-256("kluis-custody-v1\n" | secret). Says
// nothing of a secret that was drawn at random.
Hash CustodyDigest(const SecretBytes& secret);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_RELEASE_H_
