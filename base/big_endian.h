// SPDX-License-Identifier: Apache-2.0
// Big-endian numbers, as keys of records and the log's formats have them. Pure functions,
// thread-safe.
#ifndef KLUIS_BASE_BIG_ENDIAN_H_
#define KLUIS_BASE_BIG_ENDIAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kluis::base {

inline constexpr size_t kNumberBytes = 8;  // of a whole number

// The low `width` bytes of `value`, most significant first; `width` is 1 to 8.
inline std::string BigEndian(uint64_t value, size_t width) {
  std::string bytes(width, '\0');
  for (size_t i = 0; i < width; ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (width - 1 - i)) & 0xFF);
  }
  return bytes;
}

// The value of `bytes`, most significant first; at most 8 bytes.
inline uint64_t ReadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

}  // namespace kluis::base

#endif  // KLUIS_BASE_BIG_ENDIAN_H_
