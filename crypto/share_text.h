// SPDX-License-Identifier: Apache-2.0
// A share as people write it down, print it and type it in again:
//   kluis-haarlem-g1-s2-1<52 characters of the value><6 of the checksum>
// that is: the vault's hint, the generation of the shares, the number of this share, then Bech32m's
// separator `1`. The checksum covers all of it, so that a typing error (always up to 4 wrong
// characters, else with a chance of one in a billion) is found before anything else is tried.
// Coding takes the same time for every value. Stateless and thread-safe.
// Source: Bech32m, BIP-350 and BIP-173; at most 90 characters.
#ifndef KLUIS_CRYPTO_SHARE_TEXT_H_
#define KLUIS_CRYPTO_SHARE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

inline constexpr size_t kShareBytes = 32;
inline constexpr size_t kMaxHintBytes = 12;
inline constexpr uint32_t kMaxShareGeneration = 999'999;

// What a share says of itself in the open.
struct ShareLabel {
  std::string hint;     // 1 to 12 of a-z 0-9: of which vault, for people
  uint32_t generation;  // 1 to 999,999: which set of shares
  uint8_t index;        // 1 to 99
};

struct LabeledShare {
  ShareLabel label;
  SecretBytes value;  // kShareBytes
};

// "share 2 of haarlem, generation 1", for messages.
std::string Describe(const ShareLabel& label);

// A hint out of a vault's name: its letters and digits, lowercase, cut to 12; "vault" if none.
std::string ShareHint(std::string_view vault_name);

// kInvalidArgument: a part of the label is out of bounds, or `value` is not kShareBytes.
absl::StatusOr<SecretBytes> FormatShare(const ShareLabel& label, std::span<const uint8_t> value);

// Inverse of FormatShare. White space anywhere is skipped; all letters may be capitals.
// kInvalidArgument: a wrong checksum (a typing error), or not a share of Kluis. No message repeats
// what was typed.
absl::StatusOr<LabeledShare> ParseShare(std::string_view text);

// Whether `text` is Bech32m to the letter.
bool IsBech32m(std::string_view text);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SHARE_TEXT_H_
