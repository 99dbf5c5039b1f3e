// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "matching/sketch.h"

namespace kluis::matching::sketch_test {
namespace {

using Words = std::vector<std::uint64_t>;

std::unique_ptr<SketchSpace> Space(std::size_t dimension, std::uint8_t key_byte = 7) {
  std::array<std::uint8_t, SketchSpace::kKeyBytes> key;
  key.fill(key_byte);
  return *SketchSpace::Create(dimension, key);
}

std::vector<float> Gaussian(std::size_t dimension, std::mt19937_64& random) {
  std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(dimension)));
  std::vector<float> values(dimension);
  for (float& value : values) value = normal(random);
  return values;
}

double Length(std::span<const float> values) {
  double squared = 0;
  for (const float value : values)
    squared += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squared);
}

TEST(SketchLength, KeepsElevenBitsAndOrder) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<float> exponent(-16.9F, 14.9F);
  for (int i = 0; i < 10'000; ++i) {
    const float a = std::exp2(exponent(random));
    const float b = std::exp2(exponent(random));
    EXPECT_NEAR(DecodeLength(EncodeLength(a)) / a, 1, 0x1p-12);
    EXPECT_EQ(EncodeLength(a) < EncodeLength(b), EncodeLength(a) != EncodeLength(b) && a < b);
  }
}

TEST(SketchLength, IsZeroForNothingAndAtMostTheLongest) {
  EXPECT_EQ(EncodeLength(0), 0);
  EXPECT_EQ(EncodeLength(1e-7F), 0);
  EXPECT_EQ(EncodeLength(std::nanf("")), 0);
  EXPECT_EQ(EncodeLength(1e9F), 0xffff);
  EXPECT_GT(DecodeLength(0xffff), 32'000);
}

TEST(SketchSpace, TakesPowersOfTwoAndPadsShortOnes) {
  const std::array<std::uint8_t, 32> key = {};
  for (const std::size_t bad : {0, 4, 100, 8192}) {
    EXPECT_EQ(SketchSpace::Create(bad, key).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Space(8)->bits(), 512U);
  EXPECT_EQ(Space(128)->bits(), 512U);
  EXPECT_EQ(Space(512)->bits(), 512U);
  EXPECT_EQ(Space(4096)->bits(), 4096U);
}

TEST(SketchEncode, KeepsSignsLengthAndAlignment) {
  std::mt19937_64 random(2);
  const auto space = Space(512);
  std::vector<float> centre = Gaussian(512, random);
  space->SetCentre(centre);
  std::vector<float> values = Gaussian(512, random);
  Words words(8);
  SketchFactors factors;
  space->Encode(values, words, factors);
  double sizes = 0;
  for (std::size_t i = 0; i < 512; ++i) {
    values[i] -= centre[i];
    sizes += std::abs(static_cast<double>(values[i]));
    EXPECT_EQ(words[i / 64] >> i % 64 & 1, values[i] >= 0 ? 1U : 0U);
  }
  EXPECT_NEAR(static_cast<double>(DecodeLength(factors.length)) / Length(values), 1, 0x1p-11);
  EXPECT_NEAR(factors.alignment * 0x1p-16, sizes / Length(values) / std::sqrt(512.0), 1e-4);
}

TEST(SketchEncode, LiftsShortTemplatesToAsManyIndependentBits) {
  std::mt19937_64 random(3);
  const auto space = Space(128);
  const auto other = Space(128, 8);
  Words words(8);
  Words opposite(8);
  Words of_other(8);
  SketchFactors factors;
  for (int i = 0; i < 20; ++i) {
    std::vector<float> values = Gaussian(128, random);
    space->Encode(values, words, factors);
    other->Encode(values, of_other, factors);
    EXPECT_NEAR(static_cast<double>(DecodeLength(factors.length)) / Length(values), 1, 0x1p-11);
    EXPECT_NEAR(factors.alignment * 0x1p-16, 0.798, 0.06);
    for (float& value : values) value = -value;
    space->Encode(values, opposite, factors);
    int differ = 0;
    for (std::size_t w = 0; w < 8; ++w) {
      EXPECT_EQ(words[w], ~opposite[w]);
      differ += std::popcount(words[w] ^ of_other[w]);
    }
    EXPECT_NEAR(differ, 256, 80);  // another key gives another rotation
  }
}

TEST(SketchQuery, EstimatesTheCosine) {
  std::mt19937_64 random(4);
  for (const std::size_t dimension : {128, 512, 1024}) {
    const auto space = Space(dimension);
    double error = 0;
    for (int i = 0; i < 200; ++i) {
      const std::vector<float> a = Gaussian(dimension, random);
      std::vector<float> b = Gaussian(dimension, random);
      for (std::size_t j = 0; j < dimension; ++j) b[j] += a[j];
      double dot = 0;
      for (std::size_t j = 0; j < dimension; ++j) {
        dot += static_cast<double>(a[j]) * static_cast<double>(b[j]);
      }
      Words words(space->words());
      SketchFactors factors;
      space->Encode(b, words, factors);
      SketchQuery query;
      space->Prepare(a, 0.5, 1e-9, query);
      const double estimate = query.Estimate(
          SketchSum(words.data(), 1, query.planes(), words.size()), factors.alignment * 0x1p-16);
      const double cosine = dot / Length(a) / Length(b);
      EXPECT_NEAR(estimate, cosine, query.Radius(0, factors.alignment * 0x1p-16));
      error += estimate - cosine;
    }
    EXPECT_NEAR(error / 200, 0, 0.008);  // without bias
  }
}

TEST(SketchQuery, HasTheRadiusThatItsHeaderStates) {
  const auto space = Space(512);
  // Values of one size fit the first range, 4 / sqrt(512); one large value needs a later one.
  std::vector<float> even(512, 0.5F);
  std::vector<float> uneven = even;
  uneven[7] = 5;  // 9.0 / sqrt(512) of the length: the fourth range, 4 sqrt(8) = 11.3
  for (const double miss : {0.1, 1e-9}) {
    for (const bool is_even : {true, false}) {
      SketchQuery query;
      space->Prepare(is_even ? even : uneven, 0.8, miss, query);
      const double step = is_even ? 4 / 7.5 / std::sqrt(512.0) : 4 / 7.5 / 8;
      const double shared = is_even ? miss / 2 : miss / 16;
      const double epsilon = std::sqrt(2 * std::log(1 / shared));
      for (const double alignment : {0.75, 0.8}) {
        EXPECT_NEAR(query.Estimate(0, alignment), step * 7.5 * 512 / std::sqrt(512.0) / alignment,
                    1e-9);
        for (const double cosine : {0.0, 0.6}) {
          const double k = std::sqrt(1 - alignment * alignment) / alignment;
          const double variance =
              k * k * (1 - cosine * cosine) / 511 + step * step / (4 * alignment * alignment);
          EXPECT_NEAR(query.Radius(cosine, alignment), epsilon * std::sqrt(variance), 1e-9);
        }
      }
    }
  }
}

TEST(SketchQuery, IsTheSameForTheSameProbe) {
  std::mt19937_64 random(5);
  const auto space = Space(512);
  const std::vector<float> probe = Gaussian(512, random);
  SketchQuery one;
  SketchQuery two;
  SketchQuery three;
  space->Prepare(probe, 0.8, 1e-9, one);
  space->Prepare(probe, 0.8, 1e-9, two);
  Space(512, 8)->Prepare(probe, 0.8, 1e-9, three);
  EXPECT_TRUE(std::equal(one.planes(), one.planes() + 32, two.planes()));
  EXPECT_FALSE(std::equal(one.planes(), one.planes() + 32, three.planes()));
}

TEST(SketchQuery, HasALimitNoStricterThanTheBoundOfEachLength) {
  std::mt19937_64 random(6);
  std::size_t looser = 0;
  std::size_t survived = 0;
  for (int round = 0; round < 300; ++round) {
    const auto space = Space(128);
    SketchQuery query;
    std::vector<float> probe = Gaussian(128, random);
    const double cut = static_cast<double>(random() % 160) / 100 - 0.1;
    space->Prepare(probe, cut < 0 ? -1 : cut * cut, 1e-6, query);
    const std::uint16_t shortest = EncodeLength(0.3F + static_cast<float>(random() % 100) / 100);
    const auto longest = static_cast<std::uint16_t>(shortest + random() % 4000);
    const SketchLimit limit = query.LimitFor(shortest, longest);
    for (int i = 0; i < 200; ++i) {
      const SketchFactors factors = {
          .alignment = static_cast<std::uint16_t>(40'000 + random() % 20'000),
          .length = static_cast<std::uint16_t>(shortest + random() % (longest - shortest + 1U))};
      const auto sum = static_cast<std::uint32_t>(random() % 7681);
      const float x = static_cast<float>(factors.alignment) * 0x1p-16F;
      const float n = DecodeLength(factors.length);
      const float most =
          limit.base + limit.inverse * x / n + limit.direct * x * n + limit.spread * (1 - x * x);
      const bool within = static_cast<float>(sum) <= most;
      const bool survives = query.Survives(sum, factors);
      EXPECT_TRUE(within || !survives) << cut << " " << sum << " " << most;
      looser += within && !survives ? 1 : 0;
      survived += survives ? 1 : 0;
    }
  }
  EXPECT_GT(survived, 3000U);
  EXPECT_LT(looser, 3000U);  // nor much looser
}

TEST(SketchQuery, PassesOverNothingWhenProbeOrTemplateIsTheCentre) {
  std::mt19937_64 random(7);
  const auto space = Space(128);
  const std::vector<float> centre = Gaussian(128, random);
  space->SetCentre(centre);
  const std::vector<float> other = Gaussian(128, random);
  Words words(8);
  SketchFactors at_centre;
  SketchFactors elsewhere;
  space->Encode(centre, words, at_centre);
  space->Encode(other, words, elsewhere);
  EXPECT_EQ(at_centre.length, 0);
  SketchQuery query;
  space->Prepare(other, 0.01, 1e-6, query);
  EXPECT_TRUE(query.Survives(7680, at_centre));
  EXPECT_FALSE(query.Survives(7680, elsewhere));
  EXPECT_GT(query.LimitFor(0, 0).base, 7680);
  SketchQuery from_centre;
  space->Prepare(centre, 0.01, 1e-6, from_centre);
  EXPECT_TRUE(from_centre.Survives(7680, elsewhere));
  const SketchLimit limit = from_centre.LimitFor(elsewhere.length, elsewhere.length);
  EXPECT_GT(limit.base, 7680);
  EXPECT_EQ(limit.inverse, 0);
}

}  // namespace
}  // namespace kluis::matching::sketch_test
