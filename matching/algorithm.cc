#include "matching/algorithm.h"

#include <array>

namespace kluis::matching {
namespace {

constexpr std::array kAlgorithms = {
    Algorithm{.id = "arcface-512/1",
              .dimension = 512,
              .metric = Metric::kCosine,
              .impostor_mean = 0.01,
              .impostor_sd = 0.10,
              .mean_length = 0.0},
    Algorithm{.id = "dlib-128/1",
              .dimension = 128,
              .metric = Metric::kEuclidean,
              .impostor_mean = 0.88,
              .impostor_sd = 0.08,
              .mean_length = 1.39},
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
