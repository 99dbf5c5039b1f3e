// SPDX-License-Identifier: Apache-2.0
// The way down the keyring's tree to the slot derived last, so that the next one in order needs
// about two hashes and not 32. Not thread-safe.
#ifndef KLUIS_CRYPTO_KEYRING_PATH_H_
#define KLUIS_CRYPTO_KEYRING_PATH_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/keyring_cover.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

class KeyringPath {
 public:
  KeyringPath();

  // The key of `slot`, which `node` covers. Between two calls without Forget the nodes must come
  // from one state of the keyring.
  SecretKey32 Key(const CoverNode& node, uint32_t slot);

  // Wipes the way: a slot beside it was punctured.
  void Forget();

 private:
  std::span<uint8_t, 32> SeedAt(int depth);

  SecretBytes seeds_;  // by depth, from top_ down to slot_
  uint32_t slot_ = 0;
  int top_ = -1;  // -1: none
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_PATH_H_
