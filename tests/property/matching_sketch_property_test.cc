// SPDX-License-Identifier: Apache-2.0
// The promise of the first stage: how often a template that is exactly at the cut is passed over.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "matching/sketch.h"

namespace kluis::matching::sketch_property_test {
namespace {

// KLUIS_SEED repeats a run.
std::mt19937_64 SeededRandom() {
  const char* given = std::getenv("KLUIS_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "seed " << seed << "\n";
  return std::mt19937_64(seed);
}

std::vector<double> Direction(std::size_t dimension, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<double> values(dimension);
  double squared = 0;
  for (double& value : values) {
    value = normal(random);
    squared += value * value;
  }
  for (double& value : values) value /= std::sqrt(squared);
  return values;
}

struct Pair {
  std::vector<float> probe;
  std::vector<float> reference;
};

// A pair of these distances from the origin, exactly `cosine` apart in an even random direction.
Pair PairAt(double cosine, double probe_length, double reference_length, std::size_t dimension,
            std::mt19937_64& random) {
  const std::vector<double> a = Direction(dimension, random);
  std::vector<double> e = Direction(dimension, random);
  double dot = 0;
  for (std::size_t i = 0; i < dimension; ++i) dot += a[i] * e[i];
  double squared = 0;
  for (std::size_t i = 0; i < dimension; ++i) {
    e[i] -= dot * a[i];
    squared += e[i] * e[i];
  }
  const double sine = std::sqrt((1 - cosine * cosine) / squared);
  Pair pair{std::vector<float>(dimension), std::vector<float>(dimension)};
  for (std::size_t i = 0; i < dimension; ++i) {
    pair.probe[i] = static_cast<float>(probe_length * a[i]);
    pair.reference[i] = static_cast<float>(reference_length * (cosine * a[i] + sine * e[i]));
  }
  return pair;
}

// How many of `trials` templates at the cut a bound of miss probability `miss` passes over.
int Misses(std::size_t dimension, double miss, int trials, std::mt19937_64& random) {
  std::array<std::uint8_t, SketchSpace::kKeyBytes> key;
  for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random());
  const auto space = *SketchSpace::Create(dimension, key);
  std::uniform_real_distribution<double> cosines(0.3, 0.9);
  std::uniform_real_distribution<double> lengths(0.5, 1.5);
  std::vector<std::uint64_t> words(space->words());
  int misses = 0;
  for (int i = 0; i < trials; ++i) {
    const double cosine = cosines(random);
    const double m = lengths(random);
    const double n = lengths(random);
    const Pair pair = PairAt(cosine, m, n, dimension, random);
    SketchFactors factors;
    space->Encode(pair.reference, words, factors);
    SketchQuery query;
    space->Prepare(pair.probe, m * m + n * n - 2 * m * n * cosine, miss, query);
    const std::uint32_t sum = SketchSum(words.data(), 1, query.planes(), words.size());
    const bool survives = query.Survives(sum, factors);
    const SketchLimit limit = query.LimitFor(factors.length, factors.length);
    const float x = static_cast<float>(factors.alignment) * 0x1p-16F;
    const float length = DecodeLength(factors.length);
    const float most = limit.base + limit.inverse * x / length + limit.direct * x * length +
                       limit.spread * (1 - x * x);
    EXPECT_TRUE(!survives || static_cast<float>(sum) <= most);
    misses += survives ? 0 : 1;
  }
  return misses;
}

TEST(SketchProperty, PassesOverAtMostTheStatedPartOfTemplatesAtTheCut) {
  std::mt19937_64 random = SeededRandom();
  constexpr int kTrials = 20'000;
  for (const std::size_t dimension : {128, 512}) {
    for (const double miss : {0.5, 0.1, 0.01}) {
      const int misses = Misses(dimension, miss, kTrials, random);
      std::cout << dimension << " dimensions, miss at most " << miss << ": "
                << static_cast<double>(misses) / kTrials << "\n";
      // Five standard deviations above what is promised.
      EXPECT_LE(misses, kTrials * miss + 5 * std::sqrt(kTrials * miss));
    }
  }
}

TEST(SketchProperty, HasABoundThatTakesUpWhatIsAllowed) {
  std::mt19937_64 random = SeededRandom();
  // A bound that never misses anything would be looser than it has to be: Hoeffding's inequality
  // costs about a factor of ten here, not more.
  for (const std::size_t dimension : {128, 512}) {
    EXPECT_GE(Misses(dimension, 0.5, 20'000, random), 200);
  }
}

}  // namespace
}  // namespace kluis::matching::sketch_property_test
