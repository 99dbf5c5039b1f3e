// SPDX-License-Identifier: Apache-2.0
// Who protects the root key. The keyring's root key changes at each puncture and lies in a small
// file; what that file holds is wrapped, so that a disk alone opens nothing. What unwraps it comes
// from a passphrase (passphrase.h), from k of n shares (shamir_set.h) or stays in a token
// (token.h).
//
// A wrapped root key, integers little-endian:
//   "kluis-wrapped-k1"[16] | kind u8 | header bytes u16 | header | generation u64 | sealed key
// All before the sealed key is authenticated. The header says, in the open, what is needed to
// unwrap; its form belongs to the kind.
//
// The order of one change of the root key, which the keeper of the file follows:
//   1. Wrap the new key       2. make the file durable and current       3. DestroyAllBut(new one)
// A crash between any two loses nothing: whichever file is current opens, and step 3 is repeated
// at the next start.
#ifndef KLUIS_CRYPTO_ROOT_WRAPPER_H_
#define KLUIS_CRYPTO_ROOT_WRAPPER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/root_key_store.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

inline constexpr size_t kMaxWrappedBytes = 4096;

enum class WrapKind : uint8_t { kPassphrase = 1, kShares = 2, kToken = 3 };

// Implementations are thread-safe.
class RootWrapper {
 public:
  virtual ~RootWrapper() = default;

  // At most kMaxWrappedBytes. Whatever was wrapped before still opens.
  // kUnavailable, kFailedPrecondition, kPermissionDenied: the token refused (token.h).
  virtual absl::StatusOr<std::string> Wrap(std::span<const uint8_t, kRootKeyBytes> root_key,
                                           uint64_t generation) = 0;

  // Inverse of Wrap; the generation is authenticated. kDataLoss: not a wrapped root key of this
  // kind and vault, altered, or what opened it was destroyed. kUnavailable, ...: as Wrap.
  virtual absl::StatusOr<RootKey> Unwrap(std::string_view wrapped) = 0;

  // Destroys what opens every other wrapped root key of this wrapper, as far as it is in the
  // wrapper's power: a token destroys its older keys; for a passphrase and shares the secret stays
  // the same, so the older file itself must be destroyed. Idempotent. Call when `current` is
  // durable. kDataLoss: `current` itself is not one that this wrapper opens; nothing is destroyed.
  // kUnavailable, ...: as Wrap; call again.
  virtual absl::Status DestroyAllBut(std::string_view current) = 0;

  // Destroys what opens any wrapped root key of this wrapper, as far as it is in its power: its
  // end, once the root key is durable under another wrapper. Idempotent. Codes as Wrap. Where a
  // secret is with its holders, there is nothing to destroy.
  virtual absl::Status DestroyAll() { return absl::OkStatus(); }
};

// A wrapped root key taken apart; views into what was parsed.
struct WrappedRoot {
  WrapKind kind;
  std::string_view header;
  uint64_t generation;
  std::string_view authenticated;  // all before `sealed`
  std::string_view sealed;
};

// Form only. kDataLoss: not the form above, an unknown kind, or over kMaxWrappedBytes.
absl::StatusOr<WrappedRoot> ParseWrapped(std::string_view wrapped);

// All of a wrapped root key but the sealed key. `header` at most 2,048 bytes.
std::string WrappedPrefix(WrapKind kind, std::string_view header, uint64_t generation);

// Wraps under one secret that its holder knows: XChaCha20-Poly1305 (envelope.h) under
// DeriveKey(secret, "kluis-root-wrap", {kind, header}).
class SecretWrapper final : public RootWrapper {
 public:
  // `secret` is wiped when this returns. `header` goes before each wrapped key; one of another
  // header does not open. kInvalidArgument: `secret` is not 32 bytes, or `header` is over 2,048.
  static absl::StatusOr<std::unique_ptr<SecretWrapper>> Create(WrapKind kind, std::string header,
                                                               SecretBytes secret);

  absl::StatusOr<std::string> Wrap(std::span<const uint8_t, kRootKeyBytes> root_key,
                                   uint64_t generation) override;
  absl::StatusOr<RootKey> Unwrap(std::string_view wrapped) override;
  absl::Status DestroyAllBut(std::string_view current) override;

 private:
  SecretWrapper(WrapKind kind, std::string header, SecretBytes key);

  const WrapKind kind_;
  const std::string header_;
  const SecretBytes key_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_ROOT_WRAPPER_H_
