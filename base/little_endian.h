// SPDX-License-Identifier: Apache-2.0
// Integers in files: little-endian, whatever the machine. Stateless and thread-safe.
#ifndef KLUIS_BASE_LITTLE_ENDIAN_H_
#define KLUIS_BASE_LITTLE_ENDIAN_H_

#include <cstdint>

namespace kluis::base {

// Writes 4 or 8 bytes to `out`.
inline void PutU32(uint32_t value, uint8_t* out) {
  for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}
inline void PutU64(uint64_t value, uint8_t* out) {
  for (unsigned i = 0; i < 8; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

// Reads 4 or 8 bytes from `in`.
inline uint32_t GetU32(const uint8_t* in) {
  uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= uint32_t{in[i]} << (8 * i);
  return value;
}
inline uint64_t GetU64(const uint8_t* in) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= uint64_t{in[i]} << (8 * i);
  return value;
}

}  // namespace kluis::base

#endif  // KLUIS_BASE_LITTLE_ENDIAN_H_
