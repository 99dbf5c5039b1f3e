// SPDX-License-Identifier: Apache-2.0
// One keyed hash for every derivation: BLAKE2b-256 with the secret as its key and the use as its
// personalisation, so that two uses can never meet in one value even if their data are equal.
// Stateless and thread-safe.
// Source: RFC 7693 (keyed BLAKE2b), with the personalisation field of the BLAKE2 paper, s.2.8
// (salt all zero); libsodium >= 1.0.18. A keyed BLAKE2b is a PRF, so a derived key says nothing
// about its parent or its siblings.
#ifndef KLUIS_CRYPTO_DERIVE_H_
#define KLUIS_CRYPTO_DERIVE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"

namespace kluis::crypto {

// The name of a use: 1 to 16 characters, padded with zero bytes, known when the program is built:
//   constexpr Label kTemplateKey("kluis-template");
// A longer or an empty name does not compile.
class Label {
 public:
  template <size_t N>
  requires(N >= 2 && N <= 17) explicit consteval Label(const char (&name)[N]) : bytes_{} {
    for (size_t i = 0; i + 1 < N; ++i) bytes_[i] = static_cast<uint8_t>(name[i]);
  }

  const uint8_t* data() const { return bytes_.data(); }

 private:
  std::array<uint8_t, 16> bytes_;
};

// The key for `use` bound to `binding` (purpose, subject, consent digest, algorithm, ...):
//   BLAKE2b-256(key = parent, person = use, message = for each part: u64 little-endian length |
//   part)
// The lengths keep ("ab", "c") and ("a", "bc") apart. Order matters.
SecretKey32 DeriveKey(std::span<const uint8_t, 32> parent, const Label& use,
                      std::initializer_list<std::string_view> binding);

// The message of such a derivation, appended to `message`: for who derives many keys at a time
// (blake2b_lanes.h).
void AppendParts(std::initializer_list<std::string_view> binding, std::string& message);

// A look-up value that means nothing without `key`, such as the index of subjects by public key.
// Same construction as DeriveKey with one part, but the result is public: never use one label for
// both.
Hash KeyedId(std::span<const uint8_t, 32> key, const Label& use, std::string_view data);

// A commitment that an erasable record opens:
//   BLAKE2b-256(key = nonce, person = "kluis-commit", message = payload)
// `nonce` is fresh and random for each payload: while it is kept, nobody finds a second payload;
// once it is destroyed, the commitment says nothing even about a guessable payload.
Hash Commit(std::span<const uint8_t, 32> nonce, std::string_view payload);

// The bare construction: BLAKE2b-256(key, person = use, message), for callers that frame their own
// message of fixed length. `out` is 32 bytes.
void KeyedBlake2b(std::span<const uint8_t, 32> key, const Label& use,
                  std::span<const uint8_t> message, std::span<uint8_t, 32> out);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_DERIVE_H_
