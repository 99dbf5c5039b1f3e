#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "matching/threshold.h"

namespace kluis::matching {
namespace {

const Algorithm& Cosine() { return *FindAlgorithm("arcface-512/1"); }
const Algorithm& Euclidean() { return *FindAlgorithm("dlib-128/1"); }

// P(X < x), by the C library.
double NormalTail(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(NormalQuantile, GivesThePublishedValues) {
  // Wichura 1988, section 3, and the usual table of the 97.5 % point.
  EXPECT_NEAR(NormalQuantile(0.25), -0.6744897501960817, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232306167814, 5e-15);
  EXPECT_NEAR(NormalQuantile(1e-20), -9.262340089798408, 1e-14);
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 2e-15);
  EXPECT_EQ(NormalQuantile(0.5), 0);
}

TEST(NormalQuantile, IsTheInverseOfTheNormalDistributionInBothTails) {
  for (double p = 1e-300; p < 0.5; p *= 1.7) {
    EXPECT_NEAR(NormalTail(NormalQuantile(p)) / p, 1, 1e-11) << p;
  }
  for (double p = 0.01; p < 1; p += 0.01) {
    EXPECT_NEAR(NormalQuantile(p), -NormalQuantile(1 - p), 1e-13) << p;
  }
}

TEST(NormalQuantile, IsNotANumberOutsideOfZeroToOne) {
  for (const double p : {0.0, 1.0, -1.0, 1.5, std::nan("")}) {
    EXPECT_TRUE(std::isnan(NormalQuantile(p))) << p;
  }
}

TEST(FalseMatchRate, OverTheGalleryGivesTheTarget) {
  for (const std::size_t n : {1UL, 2UL, 1000UL, 1000000UL, 4000000000UL}) {
    for (const double fpir : {1e-9, 0.003, 0.5, 0.999}) {
      const double rate = FalseMatchRate(fpir, n);
      EXPECT_NEAR(-std::expm1(static_cast<double>(n) * std::log1p(-rate)) / fpir, 1, 1e-12);
    }
  }
  EXPECT_DOUBLE_EQ(FalseMatchRate(0.01, 1), 0.01);
  EXPECT_DOUBLE_EQ(FalseMatchRate(0.01, 0), 0.01);
  // 1 - pow(1 - 1e-9, 1e-9) in plain arithmetic would be 0.
  EXPECT_NEAR(FalseMatchRate(1e-9, 1000000000) / 1e-18, 1, 1e-8);
}

// Values of Python's statistics.NormalDist.
TEST(CutFor, GivesKnownCuts) {
  EXPECT_NEAR(CutFor(Cosine(), 0.003, 1000), 0.46260720860956206, 1e-12);
  EXPECT_NEAR(CutFor(Cosine(), 0.001, 1), 0.31902323061678134, 1e-12);
  EXPECT_NEAR(CutFor(Euclidean(), 0.003, 1000), 0.5179142331123503, 1e-12);
  EXPECT_NEAR(CutFor(Euclidean(), 0.001, 1), 0.632781415506575, 1e-12);
  EXPECT_EQ(CutFor(ThresholdPolicy{&Cosine(), 0.003}, 1000), CutFor(Cosine(), 0.003, 1000));
}

TEST(CutFor, IsStricterInALargerGalleryAndForALowerTarget) {
  for (std::size_t n = 1; n < 1'000'000'000; n *= 10) {
    EXPECT_GT(CutFor(Cosine(), 0.01, 10 * n), CutFor(Cosine(), 0.01, n));
    EXPECT_GT(CutFor(Cosine(), 0.001, n), CutFor(Cosine(), 0.01, n));
    EXPECT_LT(CutFor(Euclidean(), 0.01, 10 * n), CutFor(Euclidean(), 0.01, n));
    EXPECT_LT(CutFor(Euclidean(), 0.001, n), CutFor(Euclidean(), 0.01, n));
  }
}

TEST(CutFor, LetsNothingPassWithoutAValidTarget) {
  constexpr double kMax = std::numeric_limits<double>::max();
  for (const double target : {0.0, 1.0, -0.5, 7.0, std::nan("")}) {
    for (const std::size_t n : {0UL, 1UL, 1000UL}) {
      EXPECT_FALSE(IsMatch(Cosine(), kMax, CutFor(Cosine(), target, n)));
      EXPECT_FALSE(IsMatch(Euclidean(), 0, CutFor(Euclidean(), target, n)));
    }
  }
  EXPECT_FALSE(IsMatch(Cosine(), 1, CutFor(ThresholdPolicy{}, 1)));
}

TEST(IsMatch, FollowsTheDirectionOfTheMetricAndCountsEqualAsMatch) {
  EXPECT_TRUE(IsMatch(Cosine(), 0.6, 0.5));
  EXPECT_TRUE(IsMatch(Cosine(), 0.5, 0.5));
  EXPECT_FALSE(IsMatch(Cosine(), 0.4, 0.5));
  EXPECT_FALSE(IsMatch(Euclidean(), 0.6, 0.5));
  EXPECT_TRUE(IsMatch(Euclidean(), 0.5, 0.5));
  EXPECT_TRUE(IsMatch(Euclidean(), 0.4, 0.5));
  EXPECT_FALSE(IsMatch(Cosine(), std::nan(""), 0.5));
  EXPECT_FALSE(IsMatch(Euclidean(), std::nan(""), 0.5));
}

TEST(PolicyText, NamesTheRuleItsTargetAndTheGallerySizeOnly) {
  EXPECT_EQ(PolicyText(0.003, 1000), "normal-tail/1 fpir=0.003 n=1000");
  EXPECT_EQ(PolicyText(1e-6, 1), "normal-tail/1 fpir=1e-06 n=1");
}

}  // namespace
}  // namespace kluis::matching
