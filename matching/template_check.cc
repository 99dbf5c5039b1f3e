// SPDX-License-Identifier: Apache-2.0
#include "matching/template_check.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace kluis::matching {
namespace {

struct Measured {
  double squares = 0;  // the sum
  bool finite = true;
};

// Without a branch for each value and with independent sums, so that a compiler may use vectors; in
// those of whoever calls it. No fused multiply-add: every machine has the same sum.
[[gnu::always_inline]] inline Measured MeasureLoop(std::span<const float> values) {
  constexpr std::size_t kLanes = 8;
  constexpr std::uint32_t kExponent = 0x7f800000;  // all ones: infinite or NaN
  double lanes[kLanes] = {};
  std::uint32_t others = 0;
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<double>(values[i + lane]);
      lanes[lane] += value * value;
    }
  }
  for (; i < values.size(); ++i) {
    lanes[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  for (const float value : values) {
    others |= (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent ? 1U : 0U;
  }
  return {((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
              ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7])),
          others == 0};
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] Measured MeasureAvx2(std::span<const float> values) {
  return MeasureLoop(values);
}
#endif

Measured Measure(std::span<const float> values) {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) return MeasureAvx2(values);
#endif
  return MeasureLoop(values);
}

// CheckTemplate, which also tells the sum of the squares.
absl::Status CheckAndSquare(const Algorithm& algorithm, std::span<const float> values,
                            double& squared) {
  if (values.size() != algorithm.dimension) {
    return absl::InvalidArgumentError(absl::StrCat("template: must have ", algorithm.dimension,
                                                   " values for ", std::string(algorithm.id)));
  }
  const Measured measured = Measure(values);
  for (const float value : measured.finite ? std::span<const float>() : values) {
    if (std::isnan(value)) return absl::InvalidArgumentError("template: a value is NaN");
    if (std::isinf(value)) return absl::InvalidArgumentError("template: a value is infinite");
  }
  // No float squared over- or underflows a double, so only a template of zeros has length zero.
  squared = measured.squares;
  if (squared == 0) return absl::InvalidArgumentError("template: all values are zero");
  if (squared < kMinTemplateNorm * kMinTemplateNorm) {
    return absl::InvalidArgumentError("template: length below 1e-6");
  }
  if (squared > kMaxTemplateNorm * kMaxTemplateNorm) {
    return absl::InvalidArgumentError("template: length above 1e4");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTemplate(const Algorithm& algorithm, std::span<const float> values) {
  double squared = 0;
  return CheckAndSquare(algorithm, values, squared);
}

absl::Status CheckProtected(const Algorithm& algorithm, std::span<const float> values) {
  double squared = 0;
  absl::Status status = CheckAndSquare(algorithm, values, squared);
  if (!status.ok() || algorithm.metric != Metric::kCosine) return status;
  if (std::abs(std::sqrt(squared) - 1) > kUnitTolerance) {
    return absl::InvalidArgumentError("template: protected template is not of unit length");
  }
  return absl::OkStatus();
}

}  // namespace kluis::matching
