// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "matching/quantised.h"
#include "tests/fakes/gallery_peer.h"

namespace kluis::matching::quantised_test {
namespace {

std::vector<float> Random(const Algorithm& algorithm, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(algorithm.dimension);
  double squared = 0;
  for (float& value : values) {
    value = normal(random);
    squared += static_cast<double>(value) * static_cast<double>(value);
  }
  for (float& value : values) value /= static_cast<float>(std::sqrt(squared));
  return values;
}

TEST(Quantise, RoundsEveryValueToTheNearestStep) {
  std::mt19937_64 random(1);
  for (const Algorithm& algorithm : Algorithms()) {
    const std::vector<float> values = Random(algorithm, random);
    std::vector<std::int8_t> quantised(values.size());
    const Quantised head = Quantise(values, quantised);
    std::int32_t squares = 0;
    int largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double exact = static_cast<double>(values[i]) / static_cast<double>(head.scale);
      EXPECT_LE(std::abs(exact - quantised[i]), 0.5001);
      squares += quantised[i] * quantised[i];
      largest = std::max(largest, std::abs(int{quantised[i]}));
    }
    EXPECT_EQ(largest, 127);
    EXPECT_EQ(head.squares, squares);
  }
}

TEST(Quantise, TakesTheLongestAndTheShortestTemplate) {
  for (const float size : {1e-6F, 1e4F}) {
    std::vector<float> values(128, 0.0F);
    values[3] = -size;
    std::vector<std::int8_t> quantised(values.size());
    const Quantised head = Quantise(values, quantised);
    EXPECT_EQ(quantised[3], -127);
    EXPECT_EQ(head.squares, 127 * 127);
    EXPECT_FLOAT_EQ(head.scale * 127, size);
  }
}

TEST(QuantisedScore, IsCloseToTheScoreOfTheFloats) {
  std::mt19937_64 random(2);
  for (const Algorithm& algorithm : Algorithms()) {
    for (int i = 0; i < 200; ++i) {
      const std::vector<float> a = Random(algorithm, random);
      const std::vector<float> b = Random(algorithm, random);
      double dot = 0;
      double squared = 0;
      for (std::size_t j = 0; j < a.size(); ++j) {
        const double x = static_cast<double>(a[j]);
        const double y = static_cast<double>(b[j]);
        dot += x * y;
        squared += (x - y) * (x - y);
      }
      std::vector<std::int8_t> qa(a.size());
      std::vector<std::int8_t> qb(a.size());
      const Quantised ha = Quantise(a, qa);
      const Quantised hb = Quantise(b, qb);
      const double exact = algorithm.metric == Metric::kCosine ? dot : std::sqrt(squared);
      EXPECT_NEAR(QuantisedScore(algorithm, ha, qa, hb, qb), exact, 0.004);
      EXPECT_NEAR(QuantisedScore(algorithm, ha, qa, ha, qa),
                  algorithm.metric == Metric::kCosine ? 1 : 0, 1e-7);
    }
  }
}

TEST(Dequantise, GivesVectorsWhoseExactScoreIsTheQuantisedOne) {
  std::mt19937_64 random(3);
  for (const Algorithm& algorithm : Algorithms()) {
    std::vector<std::vector<float>> seen;
    std::vector<std::vector<std::int8_t>> values;
    std::vector<Quantised> heads;
    for (int i = 0; i < 2; ++i) {
      values.emplace_back(algorithm.dimension);
      heads.push_back(Quantise(Random(algorithm, random), values.back()));
      seen.emplace_back(algorithm.dimension);
      Dequantise(algorithm, heads.back(), values.back(), seen.back());
    }
    double dot = 0;
    double squared = 0;
    for (std::size_t j = 0; j < algorithm.dimension; ++j) {
      const double x = static_cast<double>(seen[0][j]);
      const double y = static_cast<double>(seen[1][j]);
      dot += x * y;
      squared += (x - y) * (x - y);
    }
    EXPECT_NEAR(QuantisedScore(algorithm, heads[0], values[0], heads[1], values[1]),
                algorithm.metric == Metric::kCosine ? dot : std::sqrt(squared), 1e-6);
  }
}

}  // namespace
}  // namespace kluis::matching::quantised_test
