// SPDX-License-Identifier: Apache-2.0
// Protected templates do not tell that they are of one person: not across purposes, not across a
// rotation. KLUIS_SEED repeats a run.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "matching/algorithm.h"
#include "tests/fakes/linkage.h"

namespace kluis::unlinkability_test {
namespace {

constexpr double kMostLinkable = 0.05;

uint64_t Seed() {
  const char* text = std::getenv("KLUIS_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
  std::printf("KLUIS_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

std::vector<double> Normal(double mean, size_t count, std::mt19937_64& random) {
  std::normal_distribution<double> normal(mean, 1);
  std::vector<double> scores(count);
  for (double& score : scores) score = normal(random);
  return scores;
}

// Of two normal densities that are `shift` deviations apart, by the trapezoid rule:
// (LR - 1) / (LR + 1) = tanh(shift (s - shift / 2) / 2).
double OfTwoNormals(double shift) {
  constexpr double kStep = 1e-4;
  double sum = 0;
  for (double s = shift / 2; s < shift + 8; s += kStep) {
    const double density = std::exp(-(s - shift) * (s - shift) / 2) / std::sqrt(2 * M_PI);
    sum += std::tanh(shift * (s - shift / 2) / 2) * density * kStep;
  }
  return sum;
}

TEST(SystemUnlinkability, IsThatOfKnownDensities) {
  std::mt19937_64 random(Seed());
  const std::vector<double> other = Normal(0, 200'000, random);
  for (const double shift : {0.5, 1.0, 2.0, 4.0}) {
    EXPECT_NEAR(SystemUnlinkability(Normal(shift, 200'000, random), other), OfTwoNormals(shift),
                0.01)
        << shift;
  }
  EXPECT_LT(SystemUnlinkability(Normal(0, 200'000, random), other), 0.01);
  EXPECT_GT(SystemUnlinkability(Normal(100, 1'000, random), other), 0.999);
}

void Print(const char* algorithm, const Linkage& linkage) {
  std::printf(
      "D_sys of %s: unprotected %.3f; across purposes %.4f, worst pair of secrets %.4f; across a "
      "rotation %.4f, worst %.4f; floor of the estimate %.4f\n",
      algorithm, linkage.unprotected, linkage.purposes, linkage.worst_purposes, linkage.rotation,
      linkage.worst_rotation, linkage.floor);
}

TEST(Unlinkability, OfProtectedTemplatesIsAtMostOneTwentieth) {
  const uint64_t seed = Seed();
  const struct {
    const char* shape;
    const char* algorithm;
  } kinds[] = {{"arcface-512", "arcface-512/1"}, {"dlib-128", "dlib-128/1"}};
  for (const auto& kind : kinds) {
    const auto population = client::Population::Create(kind.shape, seed);
    ASSERT_TRUE(population.ok());
    const Linkage linkage =
        MeasureLinkage(*population, *matching::FindAlgorithm(kind.algorithm), 20'000, 10, seed);
    Print(kind.algorithm, linkage);
    EXPECT_LE(linkage.purposes, kMostLinkable) << kind.algorithm;
    EXPECT_LE(linkage.rotation, kMostLinkable) << kind.algorithm;
    EXPECT_GT(linkage.unprotected, 0.9) << kind.algorithm << ": the control finds nothing";
  }
}

}  // namespace
}  // namespace kluis::unlinkability_test
