// SPDX-License-Identifier: Apache-2.0
// The cut that a calibration gives, on people who took no part in it: the rate of false positives
// is near the target, also where the tail of strangers is not normal.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "matching/calibration.h"
#include "matching/evaluation.h"
#include "matching/threshold.h"
#include "tests/bench/protected_faces.h"

namespace kluis::bench::matching_calibrated_cut_test {
namespace {

constexpr size_t kCalibrated = 3'000;
constexpr size_t kGallery = 1'000;
constexpr size_t kProbes = 3'000;

struct People {
  const matching::Algorithm& algorithm;
  std::vector<std::vector<float>> enrolled;   // kCalibrated
  std::vector<std::vector<float>> strangers;  // kProbes
};

// Of the probes, how many find anybody among the first kGallery at `cut`, over kProbes.
double FalsePositiveRate(const People& people, double cut) {
  matching::Evaluation evaluation(people.algorithm, people.strangers.size(), 2);
  for (const auto& probe : people.strangers) {
    EXPECT_TRUE(evaluation.AddProbe(probe, std::nullopt).ok());
  }
  matching::TemplateSample gallery(people.algorithm, kGallery);
  for (size_t i = 0; i < kGallery; ++i) EXPECT_TRUE(gallery.Add(people.enrolled[i]).ok());
  evaluation.Compare(gallery, std::vector<base::Id>(kGallery));
  return static_cast<double>(evaluation.Count(cut).at_cut.false_positives) /
         static_cast<double>(people.strangers.size());
}

matching::ImpostorModel Calibrated(const People& people) {
  matching::TemplateSample sample(people.algorithm, people.enrolled.size());
  for (const auto& values : people.enrolled) EXPECT_TRUE(sample.Add(values).ok());
  matching::CalibrationPlan plan;
  plan.threads = 2;
  const auto model = matching::MeasureImpostors(sample, plan);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : matching::ImpostorModel();
}

struct Rates {
  double normal;
  double calibrated;
};

Rates RatesAt(const People& people, double target) {
  const matching::ImpostorModel model = Calibrated(people);
  const double normal = matching::CutFor(people.algorithm, target, kGallery);
  const double cut = matching::CutFor(people.algorithm, model, target, kGallery);
  const Rates rates = {FalsePositiveRate(people, normal), FalsePositiveRate(people, cut)};
  std::printf(
      "%s: target FPIR %g, N %zu: registered cut %.4f gives %.4f, calibrated cut %.4f gives "
      "%.4f; mean %.4f, sd %.4f, tail from %.4f with scale %.4f and shape %.3f\n",
      std::string(people.algorithm.id).c_str(), target, kGallery, normal, rates.normal, cut,
      rates.calibrated, model.mean, model.sd, model.tail_start, model.tail_scale, model.tail_shape);
  return rates;
}

class CalibratedCut : public testing::TestWithParam<const char*> {};

TEST_P(CalibratedCut, KeepsTheTargetOnPeopleWithTheShapesOfRealFaces) {
  const auto faces = ProtectedFaces::Create(GetParam(), kCalibrated);
  ASSERT_TRUE(faces.ok());
  People people{(*faces)->algorithm(), {}, {}};
  for (size_t i = 0; i < kCalibrated; ++i) {
    people.enrolled.emplace_back((*faces)->Template(i).begin(), (*faces)->Template(i).end());
  }
  for (size_t i = 0; i < kProbes; ++i)
    people.strangers.push_back((*faces)->Probe(1'000'000 + i, 0));
  for (const double target : {0.03, 0.1}) {
    const Rates rates = RatesAt(people, target);
    EXPECT_GT(rates.calibrated, target / 2);
    EXPECT_LT(rates.calibrated, target * 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, CalibratedCut, testing::Values("arcface-512", "dlib-128"));

// One in forty pairs is of relatives, who are at 0.4 on average: the registered normal tail does
// not know of them.
TEST(CalibratedCutOfFamilies, KeepsATargetThatTheRegisteredCutMissesByFar) {
  constexpr size_t kFamilies = 40;
  constexpr double kShared = 0.4;
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  const auto direction = [&] {
    std::vector<double> values(512);
    double squares = 0;
    for (double& value : values) {
      value = normal(random);
      squares += value * value;
    }
    for (double& value : values) value /= std::sqrt(squares);
    return values;
  };
  std::vector<std::vector<double>> families;
  for (size_t i = 0; i < kFamilies; ++i) families.push_back(direction());
  const auto person = [&](size_t i) {
    const std::vector<double> own = direction();
    const std::vector<double>& family = families[i % kFamilies];
    std::vector<double> mixed(512);
    double squares = 0;
    for (size_t k = 0; k < mixed.size(); ++k) {
      mixed[k] = std::sqrt(kShared) * family[k] + std::sqrt(1 - kShared) * own[k];
      squares += mixed[k] * mixed[k];
    }
    std::vector<float> values;
    for (const double value : mixed)
      values.push_back(static_cast<float>(value / std::sqrt(squares)));
    return values;
  };
  People people{*matching::FindAlgorithm("arcface-512/1"), {}, {}};
  for (size_t i = 0; i < kCalibrated; ++i) people.enrolled.push_back(person(i));
  for (size_t i = 0; i < kProbes; ++i) people.strangers.push_back(person(i));
  const Rates rates = RatesAt(people, 0.03);
  EXPECT_GT(rates.normal, 0.3) << "ten times the target";
  EXPECT_GT(rates.calibrated, 0.015);
  EXPECT_LT(rates.calibrated, 0.06);
}

}  // namespace
}  // namespace kluis::bench::matching_calibrated_cut_test
