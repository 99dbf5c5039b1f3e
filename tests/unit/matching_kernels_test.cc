// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "matching/kernels.h"

namespace kluis::matching::kernels_test {
namespace {

constexpr KernelSet kSets[] = {KernelSet::kPortable, KernelSet::kAvx2, KernelSet::kAvx512};
constexpr double kUnitRoundoff = 0x1p-24;

// The bound that kernels.h states, without the sum.
double Gamma(std::size_t n) {
  const double nu = static_cast<double>(n) * kUnitRoundoff;
  return nu / (1 - nu);
}

struct Exact {
  double dot = 0;
  double dot_sizes = 0;  // sum |q_i r_i|
  double squared_distance = 0;
};

Exact Oracle(const float* query, const float* row, std::size_t dimension) {
  Exact exact;
  for (std::size_t i = 0; i < dimension; ++i) {
    const double q = static_cast<double>(query[i]);
    const double r = static_cast<double>(row[i]);
    exact.dot += q * r;
    exact.dot_sizes += std::abs(q * r);
    exact.squared_distance += (q - r) * (q - r);
  }
  return exact;
}

std::vector<float> RandomFloats(std::size_t count, std::mt19937_64& random) {
  std::normal_distribution<float> normal(0.1F, 1.0F);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

void ExpectWithinBound(KernelSet set, std::size_t row_count, std::size_t dimension,
                       std::mt19937_64& random) {
  // Vectors of exactly the size: the address sanitizer sees a read beyond the end.
  const std::vector<float> query = RandomFloats(dimension, random);
  const std::vector<float> rows = RandomFloats(row_count * dimension, random);
  std::vector<float> dots(row_count);
  std::vector<float> distances(row_count);
  KernelsOf(set).dot(query.data(), rows.data(), row_count, dimension, dots.data());
  KernelsOf(set).squared_distance(query.data(), rows.data(), row_count, dimension,
                                  distances.data());
  for (std::size_t row = 0; row < row_count; ++row) {
    const Exact exact = Oracle(query.data(), rows.data() + row * dimension, dimension);
    ASSERT_LE(std::abs(static_cast<double>(dots[row]) - exact.dot),
              Gamma(dimension) * exact.dot_sizes)
        << "dimension " << dimension << " row " << row << " of " << row_count;
    ASSERT_LE(std::abs(static_cast<double>(distances[row]) - exact.squared_distance),
              Gamma(dimension + 3) * exact.squared_distance)
        << "dimension " << dimension << " row " << row << " of " << row_count;
  }
}

class KernelsOfSet : public testing::TestWithParam<KernelSet> {
 protected:
  void SetUp() override {
    if (!IsAvailable(GetParam())) GTEST_SKIP() << "this processor lacks the instructions";
  }
};

TEST_P(KernelsOfSet, StayWithinTheStatedBoundForEveryLength) {
  std::mt19937_64 random(1);
  for (std::size_t dimension = 0; dimension <= 130; ++dimension) {
    ExpectWithinBound(GetParam(), 6, dimension, random);
  }
  for (const std::size_t dimension : {511, 512, 513, 1000, 1023, 1024, 4096}) {
    ExpectWithinBound(GetParam(), 5, dimension, random);
  }
}

TEST_P(KernelsOfSet, StayWithinTheStatedBoundForEveryNumberOfRows) {
  std::mt19937_64 random(2);
  for (std::size_t row_count = 0; row_count <= 33; ++row_count) {
    ExpectWithinBound(GetParam(), row_count, 37, random);
    ExpectWithinBound(GetParam(), row_count, 128, random);
  }
}

TEST_P(KernelsOfSet, AreExactOnSmallWholeNumbers) {
  for (std::size_t dimension = 1; dimension <= 70; ++dimension) {
    std::vector<float> query(dimension, 2);
    std::vector<float> row(dimension, 5);
    float dot = 0;
    float distance = 0;
    KernelsOf(GetParam()).dot(query.data(), row.data(), 1, dimension, &dot);
    KernelsOf(GetParam()).squared_distance(query.data(), row.data(), 1, dimension, &distance);
    EXPECT_EQ(dot, static_cast<float>(10 * dimension));
    EXPECT_EQ(distance, static_cast<float>(9 * dimension));
  }
}

TEST_P(KernelsOfSet, ScoreARowTheSameAtEveryPlace) {
  std::mt19937_64 random(3);
  for (const std::size_t dimension : {5, 128, 512}) {
    const std::vector<float> query = RandomFloats(dimension, random);
    const std::vector<float> row = RandomFloats(dimension, random);
    std::vector<float> rows;
    for (int i = 0; i < 7; ++i) rows.insert(rows.end(), row.begin(), row.end());
    for (const RowsKernel kernel :
         {KernelsOf(GetParam()).dot, KernelsOf(GetParam()).squared_distance}) {
      std::vector<float> scores(7);
      kernel(query.data(), rows.data(), 7, dimension, scores.data());
      for (const float score : scores) EXPECT_EQ(score, scores[0]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KernelsOfSet, testing::ValuesIn(kSets));

TEST(BestKernels, AreThoseOfAnAvailableSet) {
  EXPECT_TRUE(IsAvailable(KernelSet::kPortable));
  bool found = false;
  for (const KernelSet set : kSets) {
    found = found || (IsAvailable(set) && &KernelsOf(set) == &BestKernels());
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace kluis::matching::kernels_test
