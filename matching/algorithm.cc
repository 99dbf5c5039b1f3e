// SPDX-License-Identifier: Apache-2.0
#include "matching/algorithm.h"

#include <array>

namespace kluis::matching {
namespace {

// Repeats, by the scores of genuine pairs in BENCHMARKS.md. ArcFace: 0.74 +- 0.09 is
// an angle of 0.74 +- 0.13, and a cosine of 0.95 one of 0.32, 3.1 deviations below: one pair in a
// thousand. dlib: 0.15 is 3.4 deviations below 0.39 +- 0.07: three in ten thousand.
constexpr std::array kAlgorithms = {
    Algorithm{.id = "arcface-512/1",
              .dimension = 512,
              .metric = Metric::kCosine,
              .impostor_mean = 0.01,
              .impostor_sd = 0.10,
              .mean_length = 0.0,
              .repeat_score = 0.95},
    Algorithm{.id = "dlib-128/1",
              .dimension = 128,
              .metric = Metric::kEuclidean,
              .impostor_mean = 0.88,
              .impostor_sd = 0.08,
              .mean_length = 1.39,
              .repeat_score = 0.15},
};

}  // namespace

std::span<const Algorithm> Algorithms() { return kAlgorithms; }

const Algorithm* FindAlgorithm(std::string_view id) {
  for (const Algorithm& algorithm : kAlgorithms) {
    if (algorithm.id == id) return &algorithm;
  }
  return nullptr;
}

}  // namespace kluis::matching
