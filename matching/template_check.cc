#include "matching/template_check.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"

namespace kluis::matching {
namespace {

double SquaredNorm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
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
