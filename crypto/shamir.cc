// SPDX-License-Identifier: Apache-2.0
#include "crypto/shamir.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::crypto {

uint8_t FieldMultiply(uint8_t a, uint8_t b) {
  unsigned product = 0;
  unsigned power = a;
  for (unsigned bit = 0; bit < 8; ++bit) {
    product ^= power & (0U - ((unsigned{b} >> bit) & 1U));
    power = (power << 1U) ^ (0x11bU & (0U - ((power >> 7U) & 1U)));
  }
  return static_cast<uint8_t>(product);
}

uint8_t FieldInverse(uint8_t a) {
  uint8_t power = a;   // a^(2^i)
  uint8_t result = 1;  // a^(2 + 4 + ... + 128) = a^254
  for (unsigned i = 1; i < 8; ++i) {
    power = FieldMultiply(power, power);
    result = FieldMultiply(result, power);
  }
  return result;
}

absl::StatusOr<std::vector<Share>> Split(std::span<const uint8_t> secret, size_t k, size_t n) {
  if (secret.empty()) return absl::InvalidArgumentError("shares: the secret is empty");
  if (k < kMinNeededShares || k > n || n > kMaxShares) {
    return absl::InvalidArgumentError(absl::StrCat("shares: must be k of n with ", kMinNeededShares,
                                                   " <= k <= n <= ", kMaxShares));
  }
  // coefficients[j * size + byte] belongs to x^(j+1).
  const SecretBytes coefficients = SecretBytes::Random((k - 1) * secret.size());
  const std::span<const uint8_t> drawn = coefficients.Expose();
  std::vector<Share> shares;
  shares.reserve(n);
  for (size_t i = 1; i <= n; ++i) {
    const auto x = static_cast<uint8_t>(i);
    Share share{x, SecretBytes::Zero(secret.size())};
    const std::span<uint8_t> value = share.value.ExposeMutable();
    for (size_t byte = 0; byte < secret.size(); ++byte) {
      uint8_t y = 0;
      for (size_t j = k - 1; j-- > 0;) {
        y = FieldMultiply(y ^ drawn[j * secret.size() + byte], x);
      }
      value[byte] = y ^ secret[byte];
    }
    shares.push_back(std::move(share));
  }
  return shares;
}

absl::StatusOr<SecretBytes> Interpolate(std::span<const Share> shares, uint8_t x) {
  if (shares.empty() || shares[0].value.size() == 0) {
    return absl::InvalidArgumentError("shares: none, or an empty one");
  }
  const size_t size = shares[0].value.size();
  SecretBytes result = SecretBytes::Zero(size);
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].value.size() != size) {
      return absl::InvalidArgumentError("shares: of different lengths");
    }
    // Lagrange's polynomial of share i at x, out of the public indices.
    uint8_t above = 1;
    uint8_t below = 1;
    for (size_t j = 0; j < shares.size(); ++j) {
      if (j == i) continue;
      if (shares[j].index == shares[i].index) {
        return absl::InvalidArgumentError("shares: two have one index");
      }
      above = FieldMultiply(above, x ^ shares[j].index);
      below = FieldMultiply(below, shares[i].index ^ shares[j].index);
    }
    const uint8_t weight = FieldMultiply(above, FieldInverse(below));
    for (size_t byte = 0; byte < size; ++byte) {
      result.ExposeMutable()[byte] ^= FieldMultiply(shares[i].value.Expose()[byte], weight);
    }
  }
  return result;
}

}  // namespace kluis::crypto
