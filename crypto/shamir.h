// SPDX-License-Identifier: Apache-2.0
// Splits a secret so that any k of n shares give it back and k-1 say nothing: per byte a random
// polynomial of degree k-1 over GF(2^8) whose value at 0 is the secret's byte; share i is the
// values at i. The field is that of AES (0x11b); its arithmetic has no table and no branch on a
// value, so time depends only on sizes and on the public indices. Stateless and thread-safe.
// Source: A. Shamir, "How to share a secret", CACM 22(11), 1979; draft-mcgrew-tss-03 s.3 for the
// field and the coding; FIPS 197 s.4.2 for its product.
#ifndef KLUIS_CRYPTO_SHAMIR_H_
#define KLUIS_CRYPTO_SHAMIR_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

inline constexpr size_t kMinNeededShares = 2;  // one person alone: use a passphrase
inline constexpr size_t kMaxShares = 32;

struct Share {
  uint8_t index;  // 1 to n; public
  SecretBytes value;
};

uint8_t FieldMultiply(uint8_t a, uint8_t b);

// a^254: the inverse, and 0 for 0.
uint8_t FieldInverse(uint8_t a);

// n shares with indices 1 to n, each as long as `secret`.
// kInvalidArgument: `secret` is empty, k < kMinNeededShares, k > n, or n > kMaxShares.
absl::StatusOr<std::vector<Share>> Split(std::span<const uint8_t> secret, size_t k, size_t n);

// The values at `x` of the polynomials of least degree through `shares`; at x = 0 the secret, when
// `shares` are at least k of one Split. Wrong shares give a wrong result, not an error: check each
// first (shamir_set.h). kInvalidArgument: no share, two with one index, or lengths that differ or
// are 0.
absl::StatusOr<SecretBytes> Interpolate(std::span<const Share> shares, uint8_t x);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SHAMIR_H_
