// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "matching/threshold.h"

namespace kluis::matching::threshold_test {
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

ImpostorModel Measured(double shape) {
  return {.measured_at = 1'800'000'000,
          .templates = 5000,
          .pairs = 10'000'000,
          .mean = 0.01,
          .sd = 0.08,
          .tail_start = 0.3,
          .tail_rate = 1e-3,
          .tail_scale = 0.02,
          .tail_shape = shape};
}

TEST(CalibratedCut, IsTheQuantileOfTheParetoTail) {
  EXPECT_NEAR(CutFor(Cosine(), Measured(0.1), 1e-6, 1), 0.3 + 0.2 * (std::pow(10, 0.3) - 1), 1e-12);
  EXPECT_NEAR(CutFor(Cosine(), Measured(0), 1e-6, 1), 0.3 + 0.02 * std::log(1000), 1e-12);
  EXPECT_NEAR(CutFor(Cosine(), Measured(-0.2), 1e-5, 1), 0.3 + 0.1 * (1 - std::pow(0.01, 0.2)),
              1e-12);
  EXPECT_NEAR(CutFor(Cosine(), Measured(0.1), 0.999999e-3, 1), 0.3, 1e-6) << "its start";
  EXPECT_EQ(CutFor(Euclidean(), Measured(0.1), 1e-6, 1), -CutFor(Cosine(), Measured(0.1), 1e-6, 1));
  EXPECT_EQ(CutFor(Cosine(), Measured(0.1), 0.003, 1000),
            CutFor(Cosine(), Measured(0.1), FalseMatchRate(0.003, 1000), 1));
}

TEST(CalibratedCut, IsNormalInTheBodyAndNeverStricterThereThanTheTailsStart) {
  EXPECT_NEAR(CutFor(Cosine(), Measured(0.1), 0.01, 1), 0.01 - 0.08 * NormalQuantile(0.01), 1e-12);
  ImpostorModel wide = Measured(0.1);
  wide.sd = 0.2;
  EXPECT_EQ(CutFor(Cosine(), wide, 0.01, 1), 0.3);
}

// Ten pairs of ten million are a rate of 1e-6: from there on an end that was fitted decides
// nothing.
TEST(CalibratedCut, GoesOnBeyondTheEndOfABoundedTailAndStaysStricterThanIt) {
  const double bounded = 0.3 + 0.1 * (1 - std::pow(1e-4, 0.2));  // at 1e-7, were it believed
  const double at = 0.3 + 0.1 * (1 - std::pow(1e-3, 0.2));
  const double scale = 0.02 * std::pow(1e-3, 0.2);
  EXPECT_NEAR(CutFor(Cosine(), Measured(-0.2), 1e-6, 1), at, 1e-12);
  EXPECT_NEAR(CutFor(Cosine(), Measured(-0.2), 1e-7, 1), at + scale * std::log(10), 1e-12);
  EXPECT_GT(CutFor(Cosine(), Measured(-0.2), 1e-7, 1), bounded);
  EXPECT_GT(CutFor(Cosine(), Measured(-0.2), 1e-12, 1), 0.4) << "beyond the fitted end";
  ImpostorModel few = Measured(-0.2);
  few.pairs = 100'000;
  EXPECT_GT(CutFor(Cosine(), few, 1e-6, 1), CutFor(Cosine(), Measured(-0.2), 1e-6, 1))
      << "fewer pairs are believed less far";
}

TEST(CalibratedCut, IsStricterInALargerGalleryAndForALowerTarget) {
  for (const double shape : {-0.4, -0.1, 0.0, 0.2}) {
    double before = -1;
    for (double rate = 0.5; rate > 1e-15; rate *= 0.7) {
      const double cut = CutFor(Cosine(), Measured(shape), rate, 1);
      EXPECT_GE(cut, before) << shape << " at " << rate;
      before = cut;
    }
    for (std::size_t n = 1; n < 1'000'000'000; n *= 10) {
      EXPECT_GT(CutFor(Cosine(), Measured(shape), 0.001, 10 * n),
                CutFor(Cosine(), Measured(shape), 0.001, n));
    }
  }
}

TEST(CalibratedCut, LetsNothingPassByAModelThatIsNone) {
  constexpr double kMax = std::numeric_limits<double>::max();
  for (double ImpostorModel::*field :
       {&ImpostorModel::mean, &ImpostorModel::sd, &ImpostorModel::tail_start,
        &ImpostorModel::tail_rate, &ImpostorModel::tail_scale, &ImpostorModel::tail_shape}) {
    ImpostorModel broken = Measured(0.1);
    broken.*field = std::nan("");
    EXPECT_FALSE(IsMatch(Cosine(), kMax, CutFor(Cosine(), broken, 0.003, 1000)));
    EXPECT_FALSE(IsMatch(Euclidean(), 0, CutFor(Euclidean(), broken, 0.003, 1000)));
  }
  for (const double target : {0.0, 1.0, -0.5, std::nan("")}) {
    EXPECT_FALSE(IsMatch(Cosine(), kMax, CutFor(Cosine(), Measured(0.1), target, 1000)));
  }
}

TEST(CalibratedCut, IsTheRegisteredOneWithoutAMeasurement) {
  EXPECT_EQ(CutFor(Cosine(), std::nullopt, 0.003, 1000), CutFor(Cosine(), 0.003, 1000));
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
  EXPECT_EQ(PolicyText(Measured(0.1), 0.003, 1000),
            "gallery-tail/1 at=1800000000 fpir=0.003 n=1000");
}

}  // namespace
}  // namespace kluis::matching::threshold_test
