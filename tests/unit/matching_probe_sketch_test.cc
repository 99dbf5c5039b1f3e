// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "client/synth.h"
#include "matching/algorithm.h"
#include "matching/probe_sketch.h"

namespace kluis::matching::probe_sketch_test {
namespace {

using Key = std::array<std::uint8_t, 32>;

Key KeyOf(std::uint8_t byte) {
  Key key;
  key.fill(byte);
  return key;
}

ProbeSketch SketchOf(const Algorithm& algorithm, const Key& key, std::span<const float> probe) {
  const auto sketch = SketchProbe(algorithm, key, probe);
  EXPECT_TRUE(sketch.ok()) << sketch.status();
  return sketch.value_or(ProbeSketch{});
}

class Shapes : public testing::TestWithParam<const char*> {
 protected:
  const Algorithm& algorithm() const {
    return *FindAlgorithm(std::string(GetParam()) == "dlib-128" ? "dlib-128/1" : "arcface-512/1");
  }
  std::vector<float> Face(std::uint64_t person, std::uint32_t capture) const {
    std::vector<float> face(algorithm().dimension);
    people_.Capture(person, capture, face);
    return face;
  }
  // A probe at `score` from the face, in a direction drawn from `random`.
  std::vector<float> At(double score, std::span<const float> face, std::mt19937_64& random) const {
    std::normal_distribution<double> normal;
    std::vector<double> aside(face.size());
    double length = 0;
    double along = 0;
    for (std::size_t i = 0; i < face.size(); ++i) {
      aside[i] = normal(random);
      length += static_cast<double>(face[i]) * face[i];
      along += aside[i] * face[i];
    }
    const bool cosine = algorithm().metric == Metric::kCosine;
    double side = 0;
    for (std::size_t i = 0; i < face.size(); ++i) {
      if (cosine) aside[i] -= along / length * face[i];
      side += aside[i] * aside[i];
    }
    const double step =
        (cosine ? std::sqrt(length) * std::tan(std::acos(score)) : score) / std::sqrt(side);
    std::vector<float> probe(face.begin(), face.end());
    for (std::size_t i = 0; i < face.size(); ++i) {
      probe[i] += static_cast<float>(step * aside[i]);
    }
    return probe;
  }

 private:
  const client::Population people_ = *client::Population::Create(GetParam(), 11);
};

TEST_P(Shapes, AProbeAndItsScaledCopyGiveOneSketchWhereLengthDoesNotCount) {
  std::vector<float> face = Face(1, 0);
  const ProbeSketch sketch = SketchOf(algorithm(), KeyOf(1), face);
  EXPECT_EQ(DifferingBits(sketch, SketchOf(algorithm(), KeyOf(1), face)), 0);
  for (float& value : face) value *= 2;
  const int differing = DifferingBits(sketch, SketchOf(algorithm(), KeyOf(1), face));
  if (algorithm().metric == Metric::kCosine) {
    EXPECT_LE(differing, 2);  // of values that rounding moved over an edge
  } else {
    EXPECT_GT(differing, kMaxRepeatBits);
  }
}

TEST_P(Shapes, SketchesUnderTwoKeysAreThoseOfStrangers) {
  double sum = 0;
  for (std::uint64_t person = 0; person < 50; ++person) {
    const std::vector<float> face = Face(person, 0);
    sum +=
        DifferingBits(SketchOf(algorithm(), KeyOf(1), face), SketchOf(algorithm(), KeyOf(2), face));
  }
  EXPECT_NEAR(sum / 50, 256, 8);  // five deviations of the mean
}

TEST_P(Shapes, BitsDifferAsTheDistanceSays) {
  std::mt19937_64 random(7);
  const double line = algorithm().metric == Metric::kCosine
                          ? std::sqrt(2 - 2 * algorithm().repeat_score)
                          : algorithm().repeat_score;
  for (const double part : {0.25, 0.5, 1.0, 1.5, 2.5}) {
    const double d = part * line;
    const double score = algorithm().metric == Metric::kCosine ? 1 - d * d / 2 : d;
    double sum = 0;
    constexpr int kPairs = 400;
    for (int i = 0; i < kPairs; ++i) {
      const std::vector<float> face = Face(static_cast<std::uint64_t>(i), 0);
      const Key key = KeyOf(static_cast<std::uint8_t>(i));
      sum += DifferingBits(SketchOf(algorithm(), key, face),
                           SketchOf(algorithm(), key, At(score, face, random)));
    }
    double expected = 0.5;
    for (int n = 1; n < 10; n += 2) {
      const double x = M_PI * n * part / 2.5;
      expected -= 4 / (M_PI * M_PI) * std::exp(-x * x / 2) / (n * n);
    }
    EXPECT_NEAR(sum / kPairs / 512, expected, 0.006) << d;
  }
}

// Nearly equal ones are noticed, and other photographs of the person nearly never.
TEST_P(Shapes, RepeatsAreNoticedAndOtherPicturesOfThePersonAreNot) {
  std::mt19937_64 random(8);
  constexpr int kPairs = 20'000;
  const bool cosine = algorithm().metric == Metric::kCosine;
  const double close = cosine ? 0.97 : 0.11;
  int missed = 0;
  int flagged = 0;
  int alike = 0;
  for (int i = 0; i < kPairs; ++i) {
    const auto person = static_cast<std::uint64_t>(i);
    const Key key = KeyOf(static_cast<std::uint8_t>(i % 251));
    const std::vector<float> face = Face(person, 0);
    const std::vector<float> other = Face(person, 1);
    const ProbeSketch sketch = SketchOf(algorithm(), key, face);
    if (i % 20 == 0 && DifferingBits(sketch, SketchOf(algorithm(), key, At(close, face, random))) >
                           kMaxRepeatBits) {
      ++missed;
    }
    if (DifferingBits(sketch, SketchOf(algorithm(), key, other)) <= kMaxRepeatBits) ++flagged;
    double dot = 0;
    double a = 0;
    double b = 0;
    for (std::size_t j = 0; j < face.size(); ++j) {
      dot += static_cast<double>(face[j]) * other[j];
      a += static_cast<double>(face[j]) * face[j];
      b += static_cast<double>(other[j]) * other[j];
    }
    if (cosine ? dot / std::sqrt(a * b) >= algorithm().repeat_score
               : std::sqrt(a + b - 2 * dot) <= algorithm().repeat_score) {
      ++alike;
    }
  }
  std::printf(
      "%s: of %d genuine pairs %d beyond the repeat score, %d flagged; of %d at %.2f %d "
      "missed\n",
      GetParam(), kPairs, alike, flagged, kPairs / 20, close, missed);
  EXPECT_LE(missed, 5);
  EXPECT_LE(flagged, kPairs / 1000);
}

// Around the origin no value crosses an edge but by its dither: there distance counts like
// anywhere, not the sign, and another key still gives other bits.
TEST(ProbeSketch, CountsDistanceAlsoAroundTheOrigin) {
  const Algorithm& algorithm = *FindAlgorithm("dlib-128/1");
  const std::vector<float> one(128, 0.001F);
  const std::vector<float> opposite(128, -0.001F);
  const ProbeSketch sketch = SketchOf(algorithm, KeyOf(1), one);
  EXPECT_LE(DifferingBits(sketch, SketchOf(algorithm, KeyOf(1), opposite)), kMaxRepeatBits);
  EXPECT_GT(DifferingBits(sketch, SketchOf(algorithm, KeyOf(2), one)), kMaxRepeatBits);
}

TEST(ProbeSketch, RefusesWhatIsNoTemplate) {
  const Algorithm& algorithm = *FindAlgorithm("arcface-512/1");
  std::vector<float> probe(511, 1.0F);
  EXPECT_EQ(SketchProbe(algorithm, KeyOf(1), probe).status().code(),
            absl::StatusCode::kInvalidArgument);
  probe.assign(512, 0.0F);
  EXPECT_EQ(SketchProbe(algorithm, KeyOf(1), probe).status().code(),
            absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(ProbeSketch, Shapes, testing::Values("arcface-512", "dlib-128"));

}  // namespace
}  // namespace kluis::matching::probe_sketch_test
