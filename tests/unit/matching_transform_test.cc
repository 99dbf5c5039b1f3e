// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "matching/transform.h"

namespace kluis::matching::transform_test {
namespace {

using Key = std::array<std::uint8_t, kTransformKeyBytes>;

const Algorithm& Cosine() { return *FindAlgorithm("arcface-512/1"); }
const Algorithm& Euclidean() { return *FindAlgorithm("dlib-128/1"); }

Key CountingKey() {
  Key key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  return key;
}

std::vector<float> WholeNumbers(const Algorithm& algorithm) {
  std::vector<float> values(algorithm.dimension);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(7 * i % 13) - 6.0F;
  }
  return values;
}

std::vector<float> Protected(const Algorithm& algorithm, const Key& key,
                             const std::vector<float>& values) {
  const auto transform = Transform::Create(algorithm, key);
  EXPECT_TRUE(transform.ok());
  std::vector<float> out(algorithm.dimension);
  EXPECT_TRUE(transform->Apply(values, out).ok());
  return out;
}

std::string Sha256Hex(const std::vector<float>& values) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const std::uint8_t*>(values.data()),
                     values.size() * sizeof(float));
  std::array<char, 2 * crypto_hash_sha256_BYTES + 1> hex;
  return sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
}

// The expected hashes (of the floats, little-endian) come from a second implementation in Python:
// its own shuffle, a full Hadamard matrix, hashlib's BLAKE2b and the openssl command's ChaCha20.
// The input is whole numbers, so every sum is exact and the answer does not depend on the compiler.
TEST(TransformApply, GivesTheKnownAnswers) {
  EXPECT_EQ(Sha256Hex(Protected(Cosine(), CountingKey(), WholeNumbers(Cosine()))),
            "67eb1949c94dc0ad54ba01b601c0428a8c758cf9162babb9469b7f8aeb3fc007");
  EXPECT_EQ(Sha256Hex(Protected(Euclidean(), CountingKey(), WholeNumbers(Euclidean()))),
            "a430dbf4871a710a99266dbbd228169f95a792c8a2bad4ae441fb106f5ed6c76");
}

TEST(TransformApply, IgnoresTheLengthForCosineAndKeepsItForEuclidean) {
  std::vector<float> values = WholeNumbers(Cosine());
  const std::vector<float> once = Protected(Cosine(), CountingKey(), values);
  for (float& value : values) value *= 4;
  EXPECT_EQ(Protected(Cosine(), CountingKey(), values), once);

  std::vector<float> other = WholeNumbers(Euclidean());
  const std::vector<float> single = Protected(Euclidean(), CountingKey(), other);
  for (float& value : other) value *= 4;
  const std::vector<float> fourfold = Protected(Euclidean(), CountingKey(), other);
  for (std::size_t i = 0; i < single.size(); ++i) EXPECT_EQ(fourfold[i], 4 * single[i]);
}

TEST(TransformApply, ChangesCompletelyWithAnyBitOfTheKey) {
  const std::vector<float> values = WholeNumbers(Euclidean());
  const std::vector<float> first = Protected(Euclidean(), CountingKey(), values);
  for (std::size_t bit = 0; bit < 8 * kTransformKeyBytes; ++bit) {
    Key key = CountingKey();
    key[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    const std::vector<float> second = Protected(Euclidean(), key, values);
    double dot = 0;
    double squared = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      dot += static_cast<double>(first[i]) * static_cast<double>(second[i]);
      squared += static_cast<double>(first[i]) * static_cast<double>(first[i]);
    }
    // A cosine of 0 +- 0.09 is expected: 0.5 is over five standard deviations.
    EXPECT_LT(std::abs(dot / squared), 0.5) << "bit " << bit;
  }
}

TEST(TransformApply, MayWriteOverItsInput) {
  const auto transform = Transform::Create(Cosine(), CountingKey());
  ASSERT_TRUE(transform.ok());
  std::vector<float> values = WholeNumbers(Cosine());
  const std::vector<float> expected = Protected(Cosine(), CountingKey(), values);
  ASSERT_TRUE(transform->Apply(values, values).ok());
  EXPECT_EQ(values, expected);
}

TEST(TransformApply, RefusesWhatIsNoTemplateAndLeavesTheOutputAlone) {
  const auto transform = Transform::Create(Euclidean(), CountingKey());
  ASSERT_TRUE(transform.ok());
  std::vector<float> nan = WholeNumbers(Euclidean());
  nan[127] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> out(128, 42);
  for (const std::vector<float>& bad :
       {std::vector<float>(127, 1), std::vector<float>(129, 1), std::vector<float>(128, 0), nan}) {
    EXPECT_EQ(transform->Apply(bad, out).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(out, std::vector<float>(128, 42));
  std::vector<float> small(127);
  EXPECT_EQ(transform->Apply(WholeNumbers(Euclidean()), small).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TransformRenew, GivesWhatTheNewKeyGivesForTheTemplateItself) {
  Key other = CountingKey();
  other[0] ^= 1;
  for (const Algorithm* algorithm : {&Cosine(), &Euclidean()}) {
    const auto former = Transform::Create(*algorithm, CountingKey());
    const auto next = Transform::Create(*algorithm, other);
    ASSERT_TRUE(former.ok() && next.ok());
    const std::vector<float> values = WholeNumbers(*algorithm);
    const std::vector<float> expected = Protected(*algorithm, other, values);
    std::vector<float> renewed = Protected(*algorithm, CountingKey(), values);
    ASSERT_TRUE(next->Renew(*former, renewed, renewed).ok());
    double squared = 0;
    double error = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double difference = static_cast<double>(renewed[i]) - static_cast<double>(expected[i]);
      squared += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
      error += difference * difference;
    }
    EXPECT_LT(std::sqrt(error / squared), 1e-6) << algorithm->id;
  }
}

// A vault that rotates every day for three years.
TEST(TransformRenew, DoesNotWearATemplateOut) {
  std::vector<float> renewed = Protected(Cosine(), CountingKey(), WholeNumbers(Cosine()));
  Key key = CountingKey();
  absl::StatusOr<Transform> former = Transform::Create(Cosine(), key);
  for (int day = 0; day < 1'000; ++day) {
    key[static_cast<std::size_t>(day) % key.size()] ^= static_cast<std::uint8_t>(1 + day % 255);
    absl::StatusOr<Transform> next = Transform::Create(Cosine(), key);
    ASSERT_TRUE(next.ok());
    ASSERT_TRUE(next->Renew(*former, renewed, renewed).ok());
    former = std::move(next);
  }
  const std::vector<float> expected = Protected(Cosine(), key, WholeNumbers(Cosine()));
  double dot = 0;
  double squared = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    dot += static_cast<double>(renewed[i]) * static_cast<double>(expected[i]);
    squared += static_cast<double>(renewed[i]) * static_cast<double>(renewed[i]);
  }
  EXPECT_NEAR(dot, 1, 1e-6);
  EXPECT_NEAR(squared, 1, 1e-6);
}

TEST(TransformRenew, RefusesAnotherAlgorithmAndWhatIsNotProtected) {
  const auto cosine = Transform::Create(Cosine(), CountingKey());
  const auto euclidean = Transform::Create(Euclidean(), CountingKey());
  std::vector<float> protected_form = Protected(Cosine(), CountingKey(), WholeNumbers(Cosine()));
  std::vector<float> out(Cosine().dimension, 42);
  EXPECT_EQ(cosine->Renew(*euclidean, protected_form, out).code(),
            absl::StatusCode::kInvalidArgument);
  std::vector<float> of_length_two = protected_form;
  for (float& value : of_length_two) value *= 2;
  EXPECT_EQ(cosine->Renew(*cosine, of_length_two, out).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(out, std::vector<float>(Cosine().dimension, 42));
  std::vector<float> small(Cosine().dimension - 1);
  EXPECT_EQ(cosine->Renew(*cosine, protected_form, small).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TransformCreate, RefusesADimensionThatIsNoPowerOfTwo) {
  Algorithm algorithm = Euclidean();
  for (const std::size_t dimension : {0, 1, 4, 127, 129, 500, 8192}) {
    algorithm.dimension = dimension;
    EXPECT_EQ(Transform::Create(algorithm, CountingKey()).status().code(),
              absl::StatusCode::kInvalidArgument)
        << dimension;
  }
}

TEST(TransformCreate, GivesAnotherMapToAnotherAlgorithmUnderTheSameKey) {
  Algorithm next = Euclidean();
  next.id = "dlib-128/2";
  const std::vector<float> values = WholeNumbers(Euclidean());
  EXPECT_NE(Protected(next, CountingKey(), values), Protected(Euclidean(), CountingKey(), values));
}

}  // namespace
}  // namespace kluis::matching::transform_test
