// SPDX-License-Identifier: Apache-2.0
#include "matching/quantised.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kluis::matching {
namespace {

constexpr std::size_t kLanes = 8;  // independent sums, so that a compiler may use vectors

// The loops are compiled for the instructions of whoever calls them. No fused multiply-add: every
// machine has the same numbers.
[[gnu::always_inline]] inline float Largest(std::span<const float> values) {
  float lanes[kLanes] = {};
  for (std::size_t i = 0; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float size = std::abs(values[i + lane]);
      lanes[lane] = lanes[lane] < size ? size : lanes[lane];
    }
  }
  return *std::max_element(lanes, lanes + kLanes);
}

[[gnu::always_inline]] inline std::int32_t Dot(std::span<const std::int8_t> a,
                                               std::span<const std::int8_t> b) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<std::int32_t>(a[i]) * static_cast<std::int32_t>(b[i]);
  }
  return sum;
}

[[gnu::always_inline]] inline Quantised QuantiseLoop(std::span<const float> from,
                                                     std::span<std::int8_t> values) {
  const float largest = Largest(from);
  const float inverse = 127.0F / largest;
  // Adding 1.5 * 2^23 leaves the rounded number in the low bits of the float.
  constexpr float kRounder = 12582912.0F;
  constexpr std::int32_t kRounderBits = 0x4b400000;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const float moved = from[i] * inverse + kRounder;
    values[i] = static_cast<std::int8_t>(std::bit_cast<std::int32_t>(moved) - kRounderBits);
  }
  return {.scale = largest / 127.0F, .squares = Dot(values, values)};
}

[[gnu::always_inline]] inline void ScaleLoop(std::span<const std::int8_t> values, float scale,
                                             std::span<float> out) {
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = static_cast<float>(values[i]) * scale;
}

#if defined(__x86_64__)

bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

[[gnu::target("avx2")]] Quantised QuantiseAvx2(std::span<const float> from,
                                               std::span<std::int8_t> values) {
  return QuantiseLoop(from, values);
}

[[gnu::target("avx2")]] void ScaleAvx2(std::span<const std::int8_t> values, float scale,
                                       std::span<float> out) {
  ScaleLoop(values, scale, out);
}

#endif

}  // namespace

Quantised Quantise(std::span<const float> from, std::span<std::int8_t> values) {
#if defined(__x86_64__)
  if (HasAvx2()) return QuantiseAvx2(from, values);
#endif
  return QuantiseLoop(from, values);
}

void Dequantise(const Algorithm& algorithm, const Quantised& head,
                std::span<const std::int8_t> values, std::span<float> out) {
  const float scale = algorithm.metric == Metric::kCosine
                          ? static_cast<float>(1 / std::sqrt(static_cast<double>(head.squares)))
                          : head.scale;
#if defined(__x86_64__)
  if (HasAvx2()) return ScaleAvx2(values, scale, out);
#endif
  ScaleLoop(values, scale, out);
}

double QuantisedScore(const Algorithm& algorithm, const Quantised& a_head,
                      std::span<const std::int8_t> a, const Quantised& b_head,
                      std::span<const std::int8_t> b) {
  const double dot = Dot(a, b);
  const double a_squares = a_head.squares;
  const double b_squares = b_head.squares;
  if (algorithm.metric == Metric::kCosine) return dot / std::sqrt(a_squares * b_squares);
  const auto a_scale = static_cast<double>(a_head.scale);
  const auto b_scale = static_cast<double>(b_head.scale);
  const double squared =
      a_scale * a_scale * a_squares + b_scale * b_scale * b_squares - 2 * a_scale * b_scale * dot;
  return std::sqrt(std::max(squared, 0.0));
}

}  // namespace kluis::matching
