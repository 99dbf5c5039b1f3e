// Who already has a picture that matches, and wants the template behind it: it searches from just
// inside the cut in random directions, and adds up those that still match. What that gives within a
// budget is the most that yes and no can tell, since this attacker is told where the cut lies.
// Source: HopSkipJumpAttack, Chen, Jordan and Wainwright, IEEE S&P 2020 (arXiv 1904.02144), s.III.

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

namespace kluis::bench {
namespace {

using Vector = std::vector<double>;

constexpr std::size_t kPeople = 1000;
constexpr std::size_t kAttacks = 5;

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector Sum(double x, const Vector& a, double y, const Vector& b) {
  Vector sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = x * a[i] + y * b[i];
  return sum;
}

Vector Unit(const Vector& a) { return Sum(1 / std::sqrt(Dot(a, a)), a, 0, a); }

std::vector<float> Floats(const Vector& a) { return {a.begin(), a.end()}; }

// The part of `a` that is at a right angle to the unit vector `b`.
Vector Aside(const Vector& a, const Vector& b) { return Unit(Sum(1, a, -Dot(a, b), b)); }

Vector RandomDirection(std::size_t dimension, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Vector direction(dimension);
  for (double& value : direction) value = normal(random);
  return direction;
}

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

  // The point between the matching picture and a stranger from which a step of `angle` to the side
  // is as likely inside the cut as outside.
  Vector Edge(const Vector& target, const Vector& inside, const Vector& outside,
              double angle) const {
    double low = 0;
    double high = 1;
    for (int i = 0; i < 50; ++i) {
      const double part = (low + high) / 2;
      const Vector point = Unit(Sum(1 - part, inside, part, outside));
      (Dot(point, target) * std::cos(angle) > cut_ ? low : high) = part;
    }
    return Unit(Sum(1 - low, inside, low, outside));
  }

  // Cosine to the template after this many searches, of the best mix of picture and estimate.
  double Reached(std::size_t person, int budget, double angle, std::mt19937_64& random) const {
    const auto row = faces_->Template(person);
    const Vector target = Unit(Vector(row.begin(), row.end()));
    const auto probe_of = [&](std::size_t who) {
      const auto probe = faces_->Probe(who, 1);
      return Unit(Vector(probe.begin(), probe.end()));
    };
    const Vector picture = probe_of(person);
    const Vector edge = Edge(target, picture, probe_of(kPeople + person), angle);
    std::vector<Vector> sides;
    std::vector<double> answers;
    double mean = 0;
    for (int i = 0; i < budget; ++i) {
      sides.push_back(Aside(RandomDirection(edge.size(), random), edge));
      const Vector probe = Sum(std::cos(angle), edge, std::sin(angle), sides.back());
      answers.push_back(Matches(probe) ? 1 : -1);
      mean += answers.back() / budget;
    }
    Vector uphill(edge.size());
    for (std::size_t i = 0; i < sides.size(); ++i) {
      uphill = Sum(1, uphill, answers[i] - mean, sides[i]);
    }
    const double known = cut_ / std::cos(angle);
    const Vector estimate = Sum(known, edge, std::sqrt(1 - known * known), Aside(uphill, edge));
    return std::hypot(Dot(picture, target), Dot(Aside(estimate, picture), target));
  }

  std::unique_ptr<ProtectedFaces> faces_;
  std::unique_ptr<matching::Gallery> gallery_;
  double cut_ = 0;
};

// Steps wide enough that each is a probe of its own.
constexpr double kWideStep = 0.3;

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
  for (const double angle : {0.1, kWideStep}) {
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
}  // namespace kluis::bench
