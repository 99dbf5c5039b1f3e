// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "matching/calibration.h"

namespace kluis::matching::calibration_test {
namespace {

const Algorithm& Cosine() { return *FindAlgorithm("arcface-512/1"); }
const Algorithm& Euclidean() { return *FindAlgorithm("dlib-128/1"); }

// The quantiles of a generalised Pareto distribution at even steps, as a perfect sample of it.
std::vector<double> ParetoSample(double scale, double shape, size_t n) {
  std::vector<double> sample;
  for (size_t i = 0; i < n; ++i) {
    const double tail = 1 - (static_cast<double>(i) + 0.5) / static_cast<double>(n);
    sample.push_back(shape == 0 ? -scale * std::log(tail)
                                : scale / shape * (std::pow(tail, -shape) - 1));
  }
  return sample;
}

// `n` templates of random directions, so that all pairs are of strangers.
TemplateSample RandomSample(const Algorithm& algorithm, size_t n, uint64_t seed) {
  TemplateSample sample(algorithm, n);
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(algorithm.dimension);
  for (size_t i = 0; i < n; ++i) {
    double squares = 0;
    for (float& value : values) {
      value = normal(random);
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
    for (float& value : values) value /= static_cast<float>(std::sqrt(squares));
    EXPECT_TRUE(sample.Add(values).ok());
  }
  return sample;
}

TEST(FitPareto, FindsScaleAndShapeOfKnownDistributions) {
  for (const double shape : {-0.4, -0.2, 0.0, 0.1, 0.3}) {
    const absl::StatusOr<ParetoFit> fit = FitPareto(ParetoSample(0.03, shape, 20'000));
    ASSERT_TRUE(fit.ok());
    EXPECT_NEAR(fit->shape, shape, 0.01) << shape;
    EXPECT_NEAR(fit->scale / 0.03, 1, 0.02) << shape;
  }
}

TEST(FitPareto, GivesTheEstimatorsOfTheSourceOnASmallSample) {
  const std::vector<double> sample = {0, 1, 2, 3, 4};
  const absl::StatusOr<ParetoFit> fit = FitPareto(sample);
  ASSERT_TRUE(fit.ok());
  // alpha = 2 a0 a1 / (a0 - 2 a1), k = a0 / (a0 - 2 a1) - 2, with a0 = 2 and a1 = 1/2.
  EXPECT_DOUBLE_EQ(fit->scale, 2);
  EXPECT_DOUBLE_EQ(fit->shape, 0);
}

TEST(FitPareto, RefusesWhatHasNoSpread) {
  EXPECT_TRUE(absl::IsInvalidArgument(FitPareto({}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FitPareto(std::vector<double>{1}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FitPareto(std::vector<double>(9, 0.0)).status()));
}

TEST(MeasureImpostors, CountsEveryPairOnceAndFindsTheirMeanAndSpread) {
  const TemplateSample sample = RandomSample(Cosine(), 400, 1);
  double sum = 0;
  double squares = 0;
  size_t beyond = 0;
  uint64_t told = 0;
  CalibrationPlan plan;
  plan.threads = 2;
  plan.tail_rate = 0.01;
  plan.progress = [&](uint64_t done, uint64_t all) { told = done == all ? all : 0; };
  const absl::StatusOr<ImpostorModel> model = MeasureImpostors(sample, plan);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->pairs, 400u * 399 / 2);
  EXPECT_EQ(told, model->pairs);
  EXPECT_EQ(model->templates, 400u);
  for (size_t a = 0; a < 400; ++a) {
    for (size_t b = 0; b < a; ++b) {
      const double alike = sample.Alike(a, sample, b);
      sum += alike;
      squares += alike * alike;
      if (alike > model->tail_start) ++beyond;
    }
  }
  const auto pairs = static_cast<double>(model->pairs);
  EXPECT_NEAR(model->mean, sum / pairs, 1e-12);
  EXPECT_NEAR(model->sd, std::sqrt(squares / pairs - sum / pairs * sum / pairs), 1e-6);
  EXPECT_NEAR(model->tail_rate, static_cast<double>(beyond) / pairs, 1e-12);
  EXPECT_NEAR(model->tail_rate, 0.01, 1e-4);
}

TEST(MeasureImpostors, DrawsPairsWhenThereAreTooManyAndGivesAboutTheSame) {
  const TemplateSample sample = RandomSample(Cosine(), 600, 2);
  CalibrationPlan plan;
  plan.tail_rate = 0.01;
  const absl::StatusOr<ImpostorModel> all = MeasureImpostors(sample, plan);
  plan.max_pairs = 150'000;
  plan.seed[5] = 77;
  const absl::StatusOr<ImpostorModel> drawn = MeasureImpostors(sample, plan);
  ASSERT_TRUE(all.ok() && drawn.ok());
  EXPECT_EQ(drawn->pairs, 150'000u);
  EXPECT_NEAR(drawn->sd / all->sd, 1, 0.02);
  EXPECT_NEAR(drawn->tail_start / all->tail_start, 1, 0.02);
  plan.seed[5] = 78;
  EXPECT_NE(MeasureImpostors(sample, plan)->mean, drawn->mean) << "another draw";
}

TEST(MeasureImpostors, TurnsTheSignOfADistance) {
  const TemplateSample sample = RandomSample(Euclidean(), 300, 3);
  CalibrationPlan plan;
  plan.tail_rate = 0.01;
  const absl::StatusOr<ImpostorModel> model = MeasureImpostors(sample, plan);
  ASSERT_TRUE(model.ok());
  EXPECT_NEAR(model->mean, -std::sqrt(2.0), 0.01) << "of random directions";
  EXPECT_GT(model->tail_start, model->mean);
}

TEST(MeasureImpostors, RefusesTooFewAndAllEqualAndStopsWhenAsked) {
  CalibrationPlan plan;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(MeasureImpostors(RandomSample(Cosine(), 1, 4), plan).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(MeasureImpostors(RandomSample(Cosine(), 100, 4), plan).status()));
  TemplateSample same(Cosine(), 300);
  const std::vector<float> one(512, 1 / std::sqrt(512.0F));
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(same.Add(one).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(MeasureImpostors(same, plan).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(same.Add(one)));
  EXPECT_TRUE(absl::IsInvalidArgument(TemplateSample(Cosine(), 1).Add(std::vector<float>(512))));
  plan.should_stop = [] { return true; };
  EXPECT_TRUE(absl::IsCancelled(MeasureImpostors(RandomSample(Cosine(), 300, 5), plan).status()));
}

TEST(TemplateSample, HoldsNothingAfterClear) {
  TemplateSample sample = RandomSample(Cosine(), 3, 6);
  sample.Clear();
  EXPECT_EQ(sample.size(), 0u);
  const std::vector<float> one(512, 1 / std::sqrt(512.0F));
  ASSERT_TRUE(sample.Add(one).ok());
  EXPECT_NEAR(sample.Alike(0, sample, 0), 1, 1e-9);
}

}  // namespace
}  // namespace kluis::matching::calibration_test
