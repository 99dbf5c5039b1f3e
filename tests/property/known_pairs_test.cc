// SPDX-License-Identifier: Apache-2.0
// How many templates in both forms, raw and protected, give a purpose's transform away: it is
// linear, so as many as it has dimensions. Encryption stands before it (SECURITY.md).

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "client/synth.h"
#include "matching/algorithm.h"
#include "matching/transform.h"

namespace kluis::matching::known_pairs_test {
namespace {

using Vector = std::vector<double>;
using Matrix = std::vector<Vector>;  // rows

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The X of A X = B for a square A; Gauss with the largest pivot.
Matrix Solve(Matrix a, Matrix b) {
  const std::size_t n = a.size();
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column; row < n; ++row) {
      if (std::abs(a[row][column]) > std::abs(a[pivot][column])) pivot = row;
    }
    std::swap(a[column], a[pivot]);
    std::swap(b[column], b[pivot]);
    for (std::size_t row = 0; row < n; ++row) {
      if (row == column) continue;
      const double factor = a[row][column] / a[column][column];
      for (std::size_t i = column; i < n; ++i) a[row][i] -= factor * a[column][i];
      for (std::size_t i = 0; i < b[row].size(); ++i) b[row][i] -= factor * b[column][i];
    }
  }
  for (std::size_t row = 0; row < n; ++row) {
    for (double& value : b[row]) value /= a[row][row];
  }
  return b;
}

class KnownPairs : public testing::Test {
 protected:
  std::vector<float> Face(std::uint64_t person) const {
    std::vector<float> face(algorithm_.dimension);
    people_.Capture(person, 0, face);
    return face;
  }
  std::vector<float> Protected(std::uint64_t person) const {
    std::vector<float> out(algorithm_.dimension);
    EXPECT_TRUE(transform_.Apply(Face(person), out).ok());
    return out;
  }

  // Distance of somebody's protected template from what a solver that knows `pairs` of others
  // expects: of all transforms that fit the pairs, the smallest one. Mean of 20 people.
  double Error(std::size_t pairs) const {
    Matrix raw;
    Matrix known;
    for (std::uint64_t person = 0; person < pairs; ++person) {
      const std::vector<float> face = Face(person);
      const std::vector<float> hidden = Protected(person);
      raw.emplace_back(face.begin(), face.end());
      known.emplace_back(hidden.begin(), hidden.end());
    }
    Matrix gram(pairs, Vector(pairs));
    for (std::size_t i = 0; i < pairs; ++i) {
      for (std::size_t j = 0; j < pairs; ++j) gram[i][j] = Dot(raw[i], raw[j]);
    }
    const Matrix weights = Solve(gram, known);  // pairs * dimension
    constexpr std::uint64_t kOthers = 20;
    double error = 0;
    for (std::uint64_t person = 5000; person < 5000 + kOthers; ++person) {
      const std::vector<float> face = Face(person);
      const std::vector<float> hidden = Protected(person);
      const Vector values(face.begin(), face.end());
      Vector expected(algorithm_.dimension);
      for (std::size_t i = 0; i < pairs; ++i) {
        const double along = Dot(raw[i], values);
        for (std::size_t j = 0; j < expected.size(); ++j) expected[j] += along * weights[i][j];
      }
      double squared = 0;
      for (std::size_t j = 0; j < expected.size(); ++j) {
        squared += std::pow(expected[j] - static_cast<double>(hidden[j]), 2);
      }
      error += std::sqrt(squared) / kOthers;
    }
    return error;
  }

  const Algorithm& algorithm_ = *FindAlgorithm("dlib-128/1");
  const client::Population people_ = *client::Population::Create("dlib-128", 4);
  const Transform transform_ = *Transform::Create(algorithm_, std::array<std::uint8_t, 32>{9});
};

TEST_F(KnownPairs, AsManyAsDimensionsSolveForTheTransformAndFewerDoNot) {
  for (const std::size_t pairs : {16, 32, 64, 96, 112, 127, 128}) {
    std::printf("known pairs: %zu of 128: a protected template is foretold to a distance of %.4f\n",
                pairs, Error(pairs));
  }
  EXPECT_LT(Error(128), 0.01);
  EXPECT_GT(Error(64), 0.15);  // not even the same picture (Algorithm::repeat_score)
}

}  // namespace
}  // namespace kluis::matching::known_pairs_test
