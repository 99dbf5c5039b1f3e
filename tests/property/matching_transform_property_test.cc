// SPDX-License-Identifier: Apache-2.0
// Random people, in the shapes that were measured: BENCHMARKS.md.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "matching/algorithm.h"
#include "matching/transform.h"

namespace kluis::matching::transform_property_test {
namespace {

// KLUIS_SEED repeats a run.
std::mt19937_64 SeededRandom() {
  const char* given = std::getenv("KLUIS_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "seed " << seed << "\n";
  return std::mt19937_64(seed);
}

Transform RandomTransform(const Algorithm& algorithm, std::mt19937_64& random) {
  std::array<std::uint8_t, kTransformKeyBytes> key;
  for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random());
  return *Transform::Create(algorithm, key);
}

std::vector<float> Gaussian(std::size_t dimension, float sd, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(dimension);
  for (float& value : values) value = sd * normal(random);  // no spread at all for 0
  return values;
}

std::vector<float> Apply(const Transform& transform, const std::vector<float>& values) {
  std::vector<float> out(values.size());
  EXPECT_TRUE(transform.Apply(values, out).ok());
  return out;
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

double Norm(const std::vector<float>& a) { return std::sqrt(Dot(a, a)); }

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return Dot(a, b) / (Norm(a) * Norm(b));
}

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  return std::sqrt(std::max(0.0, Dot(a, a) + Dot(b, b) - 2 * Dot(a, b)));
}

struct Moments {
  double mean = 0;
  double sd = 0;
};

Moments MomentsOf(const std::vector<double>& values) {
  Moments moments;
  for (const double value : values) moments.mean += value;
  moments.mean /= static_cast<double>(values.size());
  for (const double value : values) {
    moments.sd += (value - moments.mean) * (value - moments.mean);
  }
  moments.sd = std::sqrt(moments.sd / static_cast<double>(values.size() - 1));
  return moments;
}

TEST(TransformProperty, KeepsBothMetricsForAnyKeyAndPair) {
  std::mt19937_64 random = SeededRandom();
  for (const Algorithm& algorithm : Algorithms()) {
    for (int run = 0; run < 50; ++run) {
      const Transform transform = RandomTransform(algorithm, random);
      // Pairs from nearly equal to unrelated.
      const std::vector<float> a = Gaussian(algorithm.dimension, 0.1F, random);
      std::vector<float> b =
          Gaussian(algorithm.dimension, 0.002F * static_cast<float>(run), random);
      for (std::size_t i = 0; i < b.size(); ++i) b[i] += a[i];
      const std::vector<float> ta = Apply(transform, a);
      const std::vector<float> tb = Apply(transform, b);
      ASSERT_NEAR(Cosine(ta, tb), Cosine(a, b), 1e-5);
      if (algorithm.metric == Metric::kCosine) {
        ASSERT_NEAR(Norm(ta), 1, 1e-5);
        ASSERT_NEAR(Dot(ta, tb), Cosine(a, b), 1e-5);
      } else {
        ASSERT_NEAR(Norm(ta), Norm(a), 1e-5);
        ASSERT_NEAR(Distance(ta, tb), Distance(a, b), 1e-5);
      }
    }
  }
}

TEST(TransformProperty, MakesTheSamePersonAStrangerAcrossPurposes) {
  std::mt19937_64 random = SeededRandom();
  for (const Algorithm& algorithm : Algorithms()) {
    // Templates share a mean vector, as those of dlib do: even that must not link two purposes.
    const std::vector<float> mean = Gaussian(
        algorithm.dimension,
        static_cast<float>(algorithm.mean_length / std::sqrt(algorithm.dimension)), random);
    std::vector<double> mated;
    std::vector<double> non_mated;
    for (int pair = 0; pair < 600; ++pair) {
      const Transform first = RandomTransform(algorithm, random);
      const Transform second = RandomTransform(algorithm, random);
      std::vector<float> person = Gaussian(algorithm.dimension, 0.05F, random);
      std::vector<float> stranger = Gaussian(algorithm.dimension, 0.05F, random);
      for (std::size_t i = 0; i < mean.size(); ++i) {
        person[i] += mean[i];
        stranger[i] += mean[i];
      }
      const std::vector<float> enrolled = Apply(first, person);
      mated.push_back(Cosine(enrolled, Apply(second, person)));
      non_mated.push_back(Cosine(enrolled, Apply(second, stranger)));
    }
    const Moments m = MomentsOf(mated);
    const Moments n = MomentsOf(non_mated);
    // What independent random directions give; margins of five standard errors.
    const double sd = 1 / std::sqrt(static_cast<double>(algorithm.dimension));
    const double margin = 5 * sd / std::sqrt(600.0);
    EXPECT_NEAR(m.mean, 0, margin) << algorithm.id;
    EXPECT_NEAR(n.mean, 0, margin) << algorithm.id;
    EXPECT_NEAR(m.sd, sd, margin) << algorithm.id;
    EXPECT_NEAR(m.sd, n.sd, 1.5 * margin) << algorithm.id;
  }
}

}  // namespace
}  // namespace kluis::matching::transform_property_test
