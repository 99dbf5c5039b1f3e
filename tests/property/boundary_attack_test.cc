// SPDX-License-Identifier: Apache-2.0
// What an attacker with a matching picture gets out of a gallery's answers
// (fakes/boundary_attack.h), by how many searches it has.

#include "tests/fakes/boundary_attack.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include "matching/gallery.h"
#include "matching/probe_sketch.h"
#include "matching/threshold.h"
#include "tests/bench/protected_faces.h"

namespace kluis::bench::boundary_attack_test {
namespace {

using boundary::Aside;
using boundary::Floats;
using boundary::kWideStep;
using boundary::RandomDirection;
using boundary::Sum;
using boundary::Unit;
using boundary::Vector;

constexpr std::size_t kPeople = 1000;
constexpr std::size_t kAttacks = 5;

// The attacker works on protected templates: the transform is a rotation and changes nothing for
// it.
class BoundaryAttack : public testing::Test {
 protected:
  void SetUp() override {
    auto faces = ProtectedFaces::Create("arcface-512", kPeople);
    ASSERT_TRUE(faces.ok());
    faces_ = *std::move(faces);
    auto gallery = matching::Gallery::Create(faces_->algorithm(), {.threads = 1, .cipher = {}});
    ASSERT_TRUE(gallery.ok());
    gallery_ = *std::move(gallery);
    ASSERT_TRUE(faces_->Load(*gallery_).ok());
    cut_ = matching::CutFor(faces_->algorithm(), 1e-3, kPeople);
  }

  bool Matches(const Vector& probe) const {
    const std::vector<float> values = Floats(probe);
    const auto result = gallery_->Scan({.probe = values,
                                        .cut = cut_,
                                        .max_candidates = 1,
                                        .now = 1,
                                        .categories = 1,
                                        .should_stop = {}});
    EXPECT_TRUE(result.ok());
    return result.ok() && result->matches > 0;
  }

  // Cosine to the template after this many searches.
  double Reached(std::size_t person, int budget, double angle, std::mt19937_64& random) const {
    const auto probe_of = [&](std::size_t who) {
      const auto probe = faces_->Probe(who, 1);
      return Unit(Vector(probe.begin(), probe.end()));
    };
    const auto row = faces_->Template(person);
    const boundary::Start start = {Unit(Vector(row.begin(), row.end())), probe_of(person),
                                   probe_of(kPeople + person), cut_};
    return boundary::Attack(start, angle, budget, random,
                            [&](const Vector& probe) { return Matches(probe); })
        .cosine;
  }

  std::unique_ptr<ProtectedFaces> faces_;
  std::unique_ptr<matching::Gallery> gallery_;
  double cut_ = 0;
};

TEST_F(BoundaryAttack, OnAPictureThatMatchesIsBoundedByTheBudget) {
  std::mt19937_64 random(5);
  double picture = 0;
  for (std::size_t person = 0; person < kAttacks; ++person) {
    const auto row = faces_->Template(person);
    const auto probe = faces_->Probe(person, 1);
    for (std::size_t i = 0; i < row.size(); ++i) {
      picture += static_cast<double>(row[i]) * probe[i] / kAttacks;
    }
  }
  std::vector<double> reached;
  for (const int budget : {20, 100, 1000, 10'000}) {
    double mean = 0;
    for (std::size_t person = 0; person < kAttacks; ++person) {
      mean += Reached(person, budget, kWideStep, random) / kAttacks;
    }
    reached.push_back(mean);
    std::printf("boundary attack: %d searches: cosine %.2f (the picture itself: %.2f)\n", budget,
                mean, picture);
  }
  EXPECT_LT(reached[0], picture + 0.03);
  EXPECT_LT(reached[1], picture + 0.08);
  EXPECT_LT(reached[2], 0.92);
  EXPECT_GT(reached[3], 0.95);  // what the largest budget that a warrant may have gives away
}

// Small steps are probes again; wide ones are not, and novelty does not stop them.
TEST_F(BoundaryAttack, BySmallStepsIsNoticed) {
  std::mt19937_64 random(6);
  const std::array<std::uint8_t, 32> key = {1};
  const Vector edge = Unit(RandomDirection(512, random));
  for (const double angle : {boundary::kSmallStep, kWideStep}) {
    const auto sketch = [&] {
      const Vector side = Aside(RandomDirection(edge.size(), random), edge);
      return *matching::SketchProbe(faces_->algorithm(), key,
                                    Floats(Sum(std::cos(angle), edge, std::sin(angle), side)));
    };
    const matching::ProbeSketch first = sketch();
    int noticed = 0;
    for (int i = 0; i < 200; ++i) {
      if (matching::DifferingBits(first, sketch()) <= matching::kMaxRepeatBits) ++noticed;
    }
    EXPECT_EQ(noticed, angle < 0.2 ? 200 : 0) << angle;
  }
}

}  // namespace
}  // namespace kluis::bench::boundary_attack_test
