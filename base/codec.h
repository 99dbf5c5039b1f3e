// SPDX-License-Identifier: Apache-2.0
// Hexadecimal and base64 for public values, each with exactly one spelling per value: two texts
// that decode to the same bytes would give one statement two digests. Not for secrets: time and
// memory are not protected. Stateless and thread-safe.
// Source: RFC 4648 s.4 and s.8.
#ifndef KLUIS_BASE_CODEC_H_
#define KLUIS_BASE_CODEC_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kluis::base {

// Two lowercase digits per byte.
std::string ToHex(std::string_view bytes);

// Inverse of ToHex. kInvalidArgument: odd length, or a character outside 0-9 a-f.
absl::StatusOr<std::string> FromHex(std::string_view text);

// Standard alphabet (+ and /), padded with =, no line breaks.
std::string ToBase64(std::string_view bytes);

// Inverse of ToBase64. kInvalidArgument: wrong alphabet, white space, missing or surplus padding,
// or unused bits that are not zero.
absl::StatusOr<std::string> FromBase64(std::string_view text);

}  // namespace kluis::base

#endif  // KLUIS_BASE_CODEC_H_
