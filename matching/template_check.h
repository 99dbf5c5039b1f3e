// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_TEMPLATE_CHECK_H_
#define KLUIS_MATCHING_TEMPLATE_CHECK_H_

#include <span>

#include "absl/status/status.h"
#include "matching/algorithm.h"

namespace kluis::matching {

// Bounds on the Euclidean length of a template. Real ones lie near 1 (dlib) or 20 (ArcFace).
inline constexpr double kMinTemplateNorm = 1e-6;
inline constexpr double kMaxTemplateNorm = 1e4;
// How far from 1 the length of a protected template of a cosine algorithm may be.
inline constexpr double kUnitTolerance = 1e-3;

// Whether `values` can be a template of `algorithm`. The message names the rule, never a value.
// kInvalidArgument: not `algorithm.dimension` floats; a NaN; an infinity; all zeros; a length below
// kMinTemplateNorm (denormal) or above kMaxTemplateNorm.
absl::Status CheckTemplate(const Algorithm& algorithm, std::span<const float> values);

// Whether `values` can be the output of Transform::Apply: CheckTemplate and, for a cosine
// algorithm, a length of 1. Without that rule a long vector would be "similar" to everybody.
// kInvalidArgument: as CheckTemplate, or a length that is not 1 within kUnitTolerance.
absl::Status CheckProtected(const Algorithm& algorithm, std::span<const float> values);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_TEMPLATE_CHECK_H_
