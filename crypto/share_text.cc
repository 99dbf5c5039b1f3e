// SPDX-License-Identifier: Apache-2.0
#include "crypto/share_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::string_view kPrefix = "kluis-";
constexpr size_t kMaxTextBytes = 90;
constexpr size_t kChecksumChars = 6;
constexpr size_t kValueChars = 52;  // 260 bits for 256
constexpr uint32_t kBech32m = 0x2bc830a3;

// All ones if a == b, else zero; both under 256.
uint32_t Same(uint32_t a, uint32_t b) { return 0U - (((a ^ b) - 1U) >> 31U); }

char CharacterOf(uint32_t five_bits) {
  uint32_t c = 0;
  for (uint32_t i = 0; i < 32; ++i) {
    c |= static_cast<uint8_t>(kAlphabet[i]) & Same(i, five_bits);
  }
  return static_cast<char>(c);
}

// 0 to 31, or 255 for a character outside the alphabet.
uint8_t FiveBitsOf(char character) {
  uint32_t value = 0;
  uint32_t found = 0;
  for (uint32_t i = 0; i < 32; ++i) {
    const uint32_t same = Same(static_cast<uint8_t>(kAlphabet[i]), static_cast<uint8_t>(character));
    value |= i & same;
    found |= same;
  }
  return static_cast<uint8_t>(value | (~found & 0xffU));
}

class Checksum {
 public:
  explicit Checksum(std::string_view readable) {
    for (const char c : readable) Add(static_cast<uint8_t>(c) >> 5U);
    Add(0);
    for (const char c : readable) Add(static_cast<uint8_t>(c) & 31U);
  }
  void Add(uint32_t five_bits) {
    static constexpr uint32_t kGenerator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                               0x2a1462b3};
    const uint32_t top = state_ >> 25U;
    state_ = ((state_ & 0x1ffffffU) << 5U) ^ five_bits;
    for (unsigned i = 0; i < 5; ++i) state_ ^= kGenerator[i] & (0U - ((top >> i) & 1U));
  }
  uint32_t state() const { return state_; }

 private:
  uint32_t state_ = 1;
};

// Lowercase in place; false when small and capital letters are mixed.
bool ToLower(std::span<uint8_t> text) {
  uint32_t any_small = 0;
  uint32_t any_capital = 0;
  for (uint8_t& c : text) {
    const uint32_t capital = ((uint32_t{'A'} - 1U - c) & (c - uint32_t{'Z'} - 1U)) >> 31U;
    const uint32_t small = ((uint32_t{'a'} - 1U - c) & (c - uint32_t{'z'} - 1U)) >> 31U;
    c = static_cast<uint8_t>(c | (capital << 5U));
    any_small |= small;
    any_capital |= capital;
  }
  return (any_small & any_capital) == 0;
}

// Where the separator stands in lowercase `text` that is Bech32m; npos when it is not.
size_t SeparatorOf(std::string_view text) {
  if (text.size() > kMaxTextBytes) return std::string_view::npos;
  const size_t separator = text.rfind('1');
  if (separator == std::string_view::npos || separator == 0 ||
      separator + 1 + kChecksumChars > text.size()) {
    return std::string_view::npos;
  }
  for (const char c : text.substr(0, separator)) {
    if (c < 33 || c > 126) return std::string_view::npos;
  }
  Checksum checksum(text.substr(0, separator));
  uint32_t outside = 0;
  for (const char c : text.substr(separator + 1)) {
    const uint8_t bits = FiveBitsOf(c);
    outside |= bits & 0x80U;
    checksum.Add(bits & 31U);
  }
  return outside == 0 && checksum.state() == kBech32m ? separator : std::string_view::npos;
}

bool IsHint(std::string_view hint) {
  return !hint.empty() && hint.size() <= kMaxHintBytes &&
         std::all_of(hint.begin(), hint.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

bool IsLabelInBounds(const ShareLabel& label) {
  return IsHint(label.hint) && label.generation >= 1 && label.generation <= kMaxShareGeneration &&
         label.index >= 1 && label.index <= 99;
}

std::string ReadablePart(const ShareLabel& label) {
  return absl::StrCat(std::string(kPrefix), label.hint, "-g", label.generation, "-s", label.index,
                      "-");
}

// kluis-<hint>-g<generation>-s<index>-; one spelling per label.
absl::StatusOr<ShareLabel> ParseLabel(std::string_view readable) {
  const absl::Status refused = absl::InvalidArgumentError("share: not a share of Kluis");
  if (!readable.starts_with(kPrefix)) return refused;
  const size_t generation_at = readable.find("-g", kPrefix.size());
  const size_t index_at = readable.rfind("-s");
  if (generation_at == std::string_view::npos || index_at == std::string_view::npos ||
      index_at < generation_at + 2 || readable.back() != '-' || index_at + 3 > readable.size()) {
    return refused;
  }
  const auto part = [&](size_t from, size_t to) {
    return std::string(readable.substr(from, to - from));
  };
  ShareLabel label{part(kPrefix.size(), generation_at), 0, 0};
  uint32_t index = 0;
  if (!absl::SimpleAtoi(part(generation_at + 2, index_at), &label.generation) ||
      !absl::SimpleAtoi(part(index_at + 2, readable.size() - 1), &index)) {
    return refused;
  }
  label.index = static_cast<uint8_t>(index);  // one over 255 is then spelled otherwise
  if (!IsLabelInBounds(label) || ReadablePart(label) != readable) return refused;
  return label;
}

}  // namespace

std::string Describe(const ShareLabel& label) {
  return absl::StrCat("share ", label.index, " of ", label.hint, ", generation ", label.generation);
}

std::string ShareHint(std::string_view vault_name) {
  std::string hint;
  for (const char c : vault_name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (hint.size() < kMaxHintBytes && IsHint({&lower, 1})) hint.push_back(lower);
  }
  return hint.empty() ? "vault" : hint;
}

absl::StatusOr<SecretBytes> FormatShare(const ShareLabel& label, std::span<const uint8_t> value) {
  if (!IsLabelInBounds(label)) {
    return absl::InvalidArgumentError(
        "share label: a hint of 1 to 12 of a-z 0-9, a generation of 1 to 999999, an index of 1 to "
        "99");
  }
  if (value.size() != kShareBytes) return absl::InvalidArgumentError("share: must be 32 bytes");
  const std::string readable = ReadablePart(label);
  SecretBytes text = SecretBytes::Zero(readable.size() + 1 + kValueChars + kChecksumChars);
  std::span<uint8_t> out = text.ExposeMutable();
  std::copy(readable.begin(), readable.end(), out.begin());
  out[readable.size()] = '1';
  out = out.subspan(readable.size() + 1);
  Checksum checksum(readable);
  for (size_t i = 0; i < kValueChars; ++i) {
    uint32_t five_bits = 0;
    for (size_t bit = 5 * i; bit < 5 * i + 5; ++bit) {
      const uint32_t one =
          bit < 8 * kShareBytes ? (uint32_t{value[bit / 8]} >> (7 - bit % 8)) & 1U : 0;
      five_bits = five_bits << 1U | one;
    }
    checksum.Add(five_bits);
    out[i] = static_cast<uint8_t>(CharacterOf(five_bits));
  }
  for (size_t i = 0; i < kChecksumChars; ++i) checksum.Add(0);
  for (size_t i = 0; i < kChecksumChars; ++i) {
    const uint32_t five_bits =
        (checksum.state() ^ kBech32m) >> (5 * (kChecksumChars - 1 - i)) & 31U;
    out[kValueChars + i] = static_cast<uint8_t>(CharacterOf(five_bits));
  }
  return text;
}

absl::StatusOr<LabeledShare> ParseShare(std::string_view text) {
  const auto mistyped = [] {
    return absl::InvalidArgumentError("share: mistyped or cut off, its checksum does not hold");
  };
  absl::StatusOr<SecretBytes> memory = SecretBytes::Create(kMaxTextBytes);
  if (!memory.ok()) return memory.status();
  SecretBytes kept = *std::move(memory);
  size_t size = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    if (size == kMaxTextBytes) return mistyped();
    kept.ExposeMutable()[size++] = static_cast<uint8_t>(c);
  }
  if (!ToLower(kept.ExposeMutable().first(size))) return mistyped();
  const std::string_view lower(reinterpret_cast<const char*>(kept.Expose().data()), size);
  const size_t separator = SeparatorOf(lower);
  if (separator == std::string_view::npos) return mistyped();
  absl::StatusOr<ShareLabel> label = ParseLabel(lower.substr(0, separator));
  if (!label.ok()) return label.status();
  const std::string_view data = lower.substr(separator + 1);
  if (data.size() != kValueChars + kChecksumChars) {
    return absl::InvalidArgumentError("share: not a share of Kluis");
  }
  SecretBytes value = SecretBytes::Zero(kShareBytes + 1);  // the last byte takes the spare bits
  for (size_t i = 0; i < kValueChars; ++i) {
    const uint32_t five_bits = FiveBitsOf(data[i]);
    for (size_t bit = 5 * i; bit < 5 * i + 5; ++bit) {
      const uint32_t one = (five_bits >> (4 - bit % 5)) & 1U;
      uint8_t& byte = value.ExposeMutable()[bit / 8];
      byte = static_cast<uint8_t>(byte | (one << (7 - bit % 8)));
    }
  }
  if (value.Expose()[kShareBytes] != 0) {
    return absl::InvalidArgumentError("share: not a share of Kluis");
  }
  return LabeledShare{*std::move(label), SecretBytes::CopyOf(value.Expose().first(kShareBytes))};
}

bool IsBech32m(std::string_view text) {
  if (text.size() > kMaxTextBytes) return false;
  SecretBytes lower = SecretBytes::CopyOf(text);
  if (!ToLower(lower.ExposeMutable())) return false;
  return SeparatorOf({reinterpret_cast<const char*>(lower.Expose().data()), lower.size()}) !=
         std::string_view::npos;
}

}  // namespace kluis::crypto
