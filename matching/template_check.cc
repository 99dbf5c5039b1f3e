#include "matching/template_check.h"

#include <cmath>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"

namespace kluis::matching {
namespace {

double SquaredNorm(std::span<const float> values) {
  constexpr std::size_t kLanes = 8;  // independent sums, so that a compiler may use vectors
  double lanes[kLanes] = {};
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
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
         ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

}  // namespace

absl::Status CheckTemplate(const Algorithm& algorithm, std::span<const float> values) {
  if (values.size() != algorithm.dimension) {
    return absl::InvalidArgumentError(absl::StrCat("template: must have ", algorithm.dimension,
                                                   " values for ", std::string(algorithm.id)));
  }
  for (const float value : values) {
    if (std::isnan(value)) return absl::InvalidArgumentError("template: a value is NaN");
    if (std::isinf(value)) return absl::InvalidArgumentError("template: a value is infinite");
  }
  // No float squared over- or underflows a double, so only a template of zeros has length zero.
  const double squared = SquaredNorm(values);
  if (squared == 0) return absl::InvalidArgumentError("template: all values are zero");
  if (squared < kMinTemplateNorm * kMinTemplateNorm) {
    return absl::InvalidArgumentError("template: length below 1e-6");
  }
  if (squared > kMaxTemplateNorm * kMaxTemplateNorm) {
    return absl::InvalidArgumentError("template: length above 1e4");
  }
  return absl::OkStatus();
}

absl::Status CheckProtected(const Algorithm& algorithm, std::span<const float> values) {
  if (absl::Status status = CheckTemplate(algorithm, values); !status.ok()) return status;
  if (algorithm.metric != Metric::kCosine) return absl::OkStatus();
  if (std::abs(std::sqrt(SquaredNorm(values)) - 1) > kUnitTolerance) {
    return absl::InvalidArgumentError("template: protected template is not of unit length");
  }
  return absl::OkStatus();
}

}  // namespace kluis::matching
