// Keyed BLAKE2b-256 of many short messages at a time: what KeyedBlake2b (derive.h) computes one by
// one, in the eight lanes of a vector register each, in about a fifth of the time. For the many
// keys of a gallery that is loaded. Thread-safe: functions without state.
// Source: RFC 7693; the lanes are independent hashes, not BLAKE2bp.
#ifndef KLUIS_CRYPTO_BLAKE2B_LANES_H_
#define KLUIS_CRYPTO_BLAKE2B_LANES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/derive.h"

namespace kluis::crypto {

struct HashJob {
  const uint8_t* key = nullptr;   // 32 bytes
  std::string_view message = {};  // of any length; in lanes from 1 to 128 bytes
  uint8_t* hash = nullptr;        // 32 bytes; may be `key`, but of no other job
};

// KeyedBlake2b of every job under one label. On a processor with AVX-512 or AVX2 up to eight side
// by side, elsewhere one after another. Copies of keys and messages are wiped at the end.
void KeyedBlake2bEach(const Label& use, std::span<const HashJob> jobs);

// In how many lanes this processor hashes: 8, 4 or 1. For tests and measurements.
size_t Blake2bLanes();

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_BLAKE2B_LANES_H_
