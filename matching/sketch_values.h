// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_SKETCH_VALUES_H_
#define KLUIS_MATCHING_SKETCH_VALUES_H_

#include <cstdint>
#include <span>

namespace kluis::matching {

// What sketch.cc does with each value of a template, in vectors where the processor has them and
// with the same results where not. Thread-safe: functions of their arguments.

struct Sums {
  float squares;
  float sizes;  // absolute values
};

// Of a multiple of eight values.
Sums SumsOf(std::span<const float> values);

// Writes values[i] - centre[i]; `centre` and `out` have as many.
void Subtract(std::span<const float> values, const float* centre, std::span<float> out);

// Bit i is value i of 64, 1 where it is not negative.
std::uint64_t SignsOf(const float* values);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SKETCH_VALUES_H_
