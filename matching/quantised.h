// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_QUANTISED_H_
#define KLUIS_MATCHING_QUANTISED_H_

#include <cstdint>
#include <span>

#include "matching/algorithm.h"

namespace kluis::matching {

// A protected template at one byte per value, which is what a search compares: value i is close to
// scale * values[i], within scale / 2. Sums are whole numbers, so a score is the same on every
// machine. Against float32 the scores of real templates move by about 0.0005 (cosine) or 0.001
// (distance), a hundredth of the spread of strangers. Thread-safe: functions of their arguments.

struct Quantised {
  float scale = 0;
  std::int32_t squares = 0;  // sum of values[i]^2, at least 127^2
};

// Writes round(from[i] / scale), -127 to 127, with the scale at which the largest is 127. Sizes are
// equal, at most 4096; `from` has passed CheckProtected.
Quantised Quantise(std::span<const float> from, std::span<std::int8_t> values);

// The template as the score sees it: scaled for a Euclidean algorithm, of length 1 for cosine.
void Dequantise(const Algorithm& algorithm, const Quantised& head,
                std::span<const std::int8_t> values, std::span<float> out);

// Cosine similarity or Euclidean distance of two quantised templates of equal size.
double QuantisedScore(const Algorithm& algorithm, const Quantised& a_head,
                      std::span<const std::int8_t> a, const Quantised& b_head,
                      std::span<const std::int8_t> b);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_QUANTISED_H_
