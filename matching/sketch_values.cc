// SPDX-License-Identifier: Apache-2.0
#include "matching/sketch_values.h"

#include <bit>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kluis::matching {
namespace {

// Loops that a compiler turns into vectors, those of whoever calls them. No fused multiply-add:
// every machine has the same sums.

[[gnu::always_inline]] inline Sums SumsLoop(std::span<const float> values) {
  constexpr std::size_t kLanes = 8;
  float squares[kLanes] = {};
  float sizes[kLanes] = {};
  for (std::size_t i = 0; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + lane];
      squares[lane] += value * value;
      sizes[lane] += std::abs(value);
    }
  }
  const auto total = [](const float* of) {
    return ((of[0] + of[4]) + (of[1] + of[5])) + ((of[2] + of[6]) + (of[3] + of[7]));
  };
  return {total(squares), total(sizes)};
}

[[gnu::always_inline]] inline void SubtractLoop(std::span<const float> values, const float* centre,
                                                float* out) {
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = values[i] - centre[i];
}

#if defined(__x86_64__)

bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

[[gnu::target("avx2")]] Sums SumsAvx2(std::span<const float> values) { return SumsLoop(values); }

[[gnu::target("avx2")]] void SubtractAvx2(std::span<const float> values, const float* centre,
                                          float* out) {
  SubtractLoop(values, centre, out);
}

#endif

}  // namespace

Sums SumsOf(std::span<const float> values) {
#if defined(__x86_64__)
  if (HasAvx2()) return SumsAvx2(values);
#endif
  return SumsLoop(values);
}

void Subtract(std::span<const float> values, const float* centre, std::span<float> out) {
#if defined(__x86_64__)
  if (HasAvx2()) return SubtractAvx2(values, centre, out.data());
#endif
  SubtractLoop(values, centre, out.data());
}

std::uint64_t SignsOf(const float* values) {
  std::uint64_t negative = 0;
  for (int i = 0; i < 64; i += 4) {
#if defined(__x86_64__)
    const auto four = static_cast<std::uint64_t>(_mm_movemask_ps(_mm_loadu_ps(values + i)));
#else
    std::uint64_t four = 0;
    for (int at = 0; at < 4; ++at) {
      four |= std::uint64_t{std::bit_cast<std::uint32_t>(values[i + at]) >> 31} << at;
    }
#endif
    negative |= four << i;
  }
  return ~negative;
}

}  // namespace kluis::matching
