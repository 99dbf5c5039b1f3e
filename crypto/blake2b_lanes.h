// SPDX-License-Identifier: Apache-2.0
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
// by side, elsewhere one after another. What depends on keys and messages is wiped from the stack
// at the end, with what the compiler spilled there; registers are not.
void KeyedBlake2bEach(const Label& use, std::span<const HashJob> jobs);

enum class LaneKind {
  kOneByOne,
  kAvx2,    // x86-64 with AVX2: four lanes to a vector, and two vectors
  kAvx512,  // x86-64 with AVX-512F
};

// Whether this processor, asked at run time, has the instructions.
bool HasLanes(LaneKind kind);

// KeyedBlake2bEach, which takes the fastest, in lanes of one kind; one by one for a kind that the
// processor lacks. For tests of each.
void KeyedBlake2bEachIn(LaneKind kind, const Label& use, std::span<const HashJob> jobs);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_BLAKE2B_LANES_H_
