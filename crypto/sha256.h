// SPDX-License-Identifier: Apache-2.0
// SHA-256 over parts, for identifiers, digests and the Merkle log. Stateless and thread-safe.
// Source: FIPS 180-4; OpenSSL 3, which uses the instructions that processors have for it (a fifth
// of the time of libsodium 1.0.18). Ends the process if the library fails.
#ifndef KLUIS_CRYPTO_SHA256_H_
#define KLUIS_CRYPTO_SHA256_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace kluis::crypto {

using Hash = std::array<uint8_t, 32>;

// SHA-256 of the parts one after another, with no separator: a caller whose parts vary in length
// must frame them itself.
Hash Sha256(std::initializer_list<std::string_view> parts);

// The 32 bytes of `hash` as a view, valid while `hash` lives: never pass a temporary and keep it.
inline std::string_view Bytes(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

// Bytes as the C libraries take them.
inline const uint8_t* Raw(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SHA256_H_
