// SPDX-License-Identifier: Apache-2.0
#include "base/codec.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"

namespace kluis::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::string ToHex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kHexDigits[byte >> 4]);
    text.push_back(kHexDigits[byte & 15]);
  }
  return text;
}

absl::StatusOr<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return absl::InvalidArgumentError("hex: length must be even");
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = kHexDigits.find(text[i]);
    const size_t low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return absl::InvalidArgumentError("hex: only 0-9 and a-f are allowed");
    }
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

std::string ToBase64(std::string_view bytes) {
  return absl::Base64Escape({bytes.data(), bytes.size()});
}

absl::StatusOr<std::string> FromBase64(std::string_view text) {
  std::string bytes;
  // Abseil also takes white space, text without padding and bits that nobody reads.
  if (!absl::Base64Unescape({text.data(), text.size()}, &bytes) || ToBase64(bytes) != text) {
    return absl::InvalidArgumentError("base64: not standard, padded and canonical");
  }
  return bytes;
}

}  // namespace kluis::base
