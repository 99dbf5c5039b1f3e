// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "matching/algorithm.h"
#include "matching/template_check.h"
#include "matching/threshold.h"
#include "matching/verify.h"

namespace kluis::matching::algorithm_test {
namespace {

using ::testing::HasSubstr;

const Algorithm& Cosine() { return *FindAlgorithm("arcface-512/1"); }
const Algorithm& Euclidean() { return *FindAlgorithm("dlib-128/1"); }

// A vector with `length` on one axis.
std::vector<float> Axis(const Algorithm& algorithm, std::size_t axis, float length) {
  std::vector<float> values(algorithm.dimension);
  values[axis] = length;
  return values;
}

void ExpectRefused(const absl::Status& status, const std::string& rule) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(rule));
}

TEST(Algorithms, AreFoundByTheirExactIdOnly) {
  for (const Algorithm& algorithm : Algorithms()) {
    EXPECT_EQ(FindAlgorithm(algorithm.id), &algorithm);
    EXPECT_TRUE(std::has_single_bit(algorithm.dimension));
  }
  EXPECT_EQ(FindAlgorithm(""), nullptr);
  EXPECT_EQ(FindAlgorithm("arcface-512"), nullptr);
  EXPECT_EQ(FindAlgorithm("arcface-512/2"), nullptr);
  EXPECT_EQ(FindAlgorithm("ArcFace-512/1"), nullptr);
}

TEST(CheckTemplate, AcceptsATemplateOfAnyReasonableLength) {
  for (const float length : {1e-5F, 1.0F, 23.0F, 9999.0F}) {
    EXPECT_TRUE(CheckTemplate(Cosine(), Axis(Cosine(), 511, length)).ok()) << length;
  }
}

TEST(CheckTemplate, RefusesAnotherDimension) {
  for (const std::size_t size : {0, 1, 128, 511, 513}) {
    ExpectRefused(CheckTemplate(Cosine(), std::vector<float>(size, 1)), "must have 512 values");
  }
}

TEST(CheckTemplate, RefusesNotANumberAndInfinityAtEveryPlace) {
  for (std::size_t i = 0; i < 128; ++i) {
    std::vector<float> values(128, 0.1F);
    values[i] = std::numeric_limits<float>::quiet_NaN();
    ExpectRefused(CheckTemplate(Euclidean(), values), "NaN");
    values[i] = -std::numeric_limits<float>::infinity();
    ExpectRefused(CheckTemplate(Euclidean(), values), "infinite");
  }
}

TEST(CheckTemplate, RefusesLengthsThatAreNoTemplate) {
  ExpectRefused(CheckTemplate(Euclidean(), std::vector<float>(128)), "all values are zero");
  ExpectRefused(CheckTemplate(Euclidean(), Axis(Euclidean(), 0, 1e-7F)), "below");
  ExpectRefused(
      CheckTemplate(Euclidean(), Axis(Euclidean(), 0, std::numeric_limits<float>::denorm_min())),
      "below");
  ExpectRefused(CheckTemplate(Euclidean(), Axis(Euclidean(), 0, 10001)), "above");
  ExpectRefused(
      CheckTemplate(Euclidean(), std::vector<float>(128, std::numeric_limits<float>::max())),
      "above");
}

TEST(CheckTemplate, MessagesHoldNoValue) {
  std::vector<float> values = Axis(Euclidean(), 3, 98765.0F);
  EXPECT_THAT(std::string(CheckTemplate(Euclidean(), values).message()),
              testing::Not(HasSubstr("98765")));
}

TEST(CheckProtected, RefusesALongVectorOfACosineAlgorithm) {
  EXPECT_TRUE(CheckProtected(Cosine(), Axis(Cosine(), 0, 1)).ok());
  ExpectRefused(CheckProtected(Cosine(), Axis(Cosine(), 0, 1.01F)), "unit length");
  ExpectRefused(CheckProtected(Cosine(), Axis(Cosine(), 0, 0.99F)), "unit length");
  EXPECT_TRUE(CheckProtected(Euclidean(), Axis(Euclidean(), 0, 1.5F)).ok());
}

TEST(Verify, ComparesByTheMetricOfTheAlgorithm) {
  std::vector<float> near = Axis(Cosine(), 0, 0.8F);
  near[1] = 0.6F;
  EXPECT_TRUE(Verify(Cosine(), Axis(Cosine(), 0, 1), near, 0.79));
  EXPECT_FALSE(Verify(Cosine(), Axis(Cosine(), 0, 1), near, 0.81));
  EXPECT_FALSE(Verify(Cosine(), Axis(Cosine(), 0, 1), Axis(Cosine(), 0, -1), 0.0));

  // 3-4-5: the distance between the two is 0.5.
  std::vector<float> far = Axis(Euclidean(), 0, 1.3F);
  far[1] = 0.4F;
  EXPECT_TRUE(Verify(Euclidean(), Axis(Euclidean(), 0, 1), far, 0.51));
  EXPECT_FALSE(Verify(Euclidean(), Axis(Euclidean(), 0, 1), far, 0.49));
}

TEST(Verify, SaysNoToEverythingThatIsNotAProtectedTemplate) {
  const std::vector<float> good = Axis(Cosine(), 0, 1);
  ASSERT_TRUE(Verify(Cosine(), good, good, 0.5));
  std::vector<float> nan = good;
  nan[7] = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& bad :
       {std::vector<float>{}, std::vector<float>(511, 0.04F), nan, Axis(Cosine(), 0, 100)}) {
    EXPECT_FALSE(Verify(Cosine(), bad, good, 0.5));
    EXPECT_FALSE(Verify(Cosine(), good, bad, 0.5));
  }
  EXPECT_FALSE(Verify(Cosine(), good, good, std::numeric_limits<double>::quiet_NaN()));
}

TEST(Verify, RefusesEverybodyWhenTheTargetIsNotAProbability) {
  for (const double target : {0.0, 1.0, -0.1, 2.0, std::nan("")}) {
    const std::vector<float> one = Axis(Cosine(), 0, 1);
    EXPECT_FALSE(Verify(Cosine(), one, one, CutFor(Cosine(), target, 1)));
    const std::vector<float> two = Axis(Euclidean(), 0, 1);
    EXPECT_FALSE(Verify(Euclidean(), two, two, CutFor(Euclidean(), target, 1)));
  }
}

}  // namespace
}  // namespace kluis::matching::algorithm_test
