#include "crypto/sha256.h"

#include <sodium.h>

namespace kluis::crypto {

Hash Sha256(std::initializer_list<std::string_view> parts) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (const std::string_view part : parts) {
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                              part.size());
  }
  Hash hash;
  crypto_hash_sha256_final(&state, hash.data());
  return hash;
}

}  // namespace kluis::crypto
