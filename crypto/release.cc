// SPDX-License-Identifier: Apache-2.0
#include "crypto/release.h"

#include <sodium.h>

#include "absl/status/status.h"
#include "crypto/derive.h"
#include "crypto/memory.h"

namespace kluis::crypto {
namespace {

constexpr Label kReleaseUse("kluis-release");

static_assert(crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32 &&
              crypto_box_SEEDBYTES == 32);
static_assert(crypto_box_SEALBYTES + kDeviceSecretBytes == kSealedDeviceSecretBytes);

}  // namespace

ReleaseKey ReleaseKey::Derive(std::span<const uint8_t, 32> vault_slot_key) {
  EnsureSodium();
  const SecretKey32 seed = DeriveKey(vault_slot_key, kReleaseUse, {});
  ReleaseKey key;
  crypto_box_seed_keypair(key.public_key_.data(), key.secret_key_.ExposeMutable().data(),
                          seed.Expose().data());
  return key;
}

absl::StatusOr<SecretBytes> ReleaseKey::Open(std::string_view sealed) const {
  const absl::Status refused = absl::DataLossError("sealed secret: does not open");
  if (sealed.size() != kSealedDeviceSecretBytes) return refused;
  absl::StatusOr<SecretBytes> secret = SecretBytes::Create(kDeviceSecretBytes);
  if (!secret.ok()) return secret;
  const int rc = crypto_box_seal_open(
      secret->ExposeMutable().data(), reinterpret_cast<const unsigned char*>(sealed.data()),
      sealed.size(), public_key_.data(), secret_key_.Expose().data());
  if (rc != 0) return refused;
  return secret;
}

absl::StatusOr<std::string> SealToVault(const ReleasePublicKey& to, const SecretBytes& secret) {
  if (secret.size() != kDeviceSecretBytes) {
    return absl::InvalidArgumentError("secret: must be 32 bytes");
  }
  EnsureSodium();
  std::string sealed(kSealedDeviceSecretBytes, '\0');
  const int rc = crypto_box_seal(reinterpret_cast<unsigned char*>(sealed.data()),
                                 secret.Expose().data(), secret.size(), to.data());
  if (rc != 0) return absl::InvalidArgumentError("release key: is not a usable X25519 key");
  return sealed;
}

Hash CustodyDigest(const SecretBytes& secret) {
  return Sha256({"kluis-custody-v1\n",
                 {reinterpret_cast<const char*>(secret.Expose().data()), secret.size()}});
}

}  // namespace kluis::crypto
