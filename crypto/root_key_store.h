// SPDX-License-Identifier: Apache-2.0
// Where a keyring keeps its root key: 32 bytes that open its newest state, replaced at each
// puncture, and outside every backup. Behind an interface because a store may wrap what it writes
// (root_key_file.h keeps it as it is). Not thread-safe.
#ifndef KLUIS_CRYPTO_ROOT_KEY_STORE_H_
#define KLUIS_CRYPTO_ROOT_KEY_STORE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

inline constexpr size_t kRootKeyBytes = 32;

struct RootKey {
  uint64_t generation;  // of the state that it opens; not authenticated here, the state does that
  SecretBytes key;      // kRootKeyBytes
};

class RootKeyStore {
 public:
  virtual ~RootKeyStore() = default;

  // For messages, such as its path: never a secret.
  virtual std::string name() const = 0;

  // kAlreadyExists: there is a root key, or what is left of one; the message names it.
  // kNotFound: its directory is missing. kUnavailable: the system refused.
  virtual absl::Status CheckAbsent() = 0;

  // The one root key that holds. What an interrupted Replace left is decided first, durably, so
  // that a crash later does not change the answer; it is not yet destroyed.
  // kNotFound: there is none. kDataLoss: damaged. kFailedPrecondition: open to group or others.
  // kUnavailable: the system refused.
  virtual absl::StatusOr<RootKey> Read() = 0;

  // Makes `key` the one that holds, durably before it returns OK. On failure and after a crash
  // either this or the one before holds. The one before is not yet destroyed.
  // kUnavailable: the system refused.
  virtual absl::Status Replace(uint64_t generation,
                               std::span<const uint8_t, kRootKeyBytes> key) = 0;

  // Destroys every root key but the one that Read or Replace last found to hold: when this returns
  // OK their bytes are nowhere. Idempotent. kUnavailable: the system refused.
  virtual absl::Status DestroyOthers() = 0;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_ROOT_KEY_STORE_H_
