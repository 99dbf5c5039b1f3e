// SPDX-License-Identifier: Apache-2.0
// The whole path of a search - normalise, transform, quantise, sketch, refine - against the scores
// of the raw templates in float64.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "client/synth.h"
#include "matching/gallery.h"
#include "matching/threshold.h"
#include "matching/transform.h"
#include "tests/bench/protected_faces.h"

namespace kluis::bench::matching_accuracy_test {
namespace {

constexpr uint32_t kPeople = 4'000;
constexpr uint32_t kProbes = 200;
constexpr double kNearTheCut = 0.005;

double Score(const matching::Algorithm& algorithm, const std::vector<float>& a,
             const std::vector<float>& b) {
  double dot = 0;
  double a_squares = 0;
  double b_squares = 0;
  double apart = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    dot += x * y;
    a_squares += x * x;
    b_squares += y * y;
    apart += (x - y) * (x - y);
  }
  return algorithm.metric == matching::Metric::kCosine ? dot / std::sqrt(a_squares * b_squares)
                                                       : std::sqrt(apart);
}

class WholePath : public testing::TestWithParam<const char*> {};

TEST_P(WholePath, DecidesAsTheRawTemplatesInFloat64ButForScoresNextToTheCut) {
  const matching::Algorithm& algorithm = *matching::FindAlgorithm(std::string(GetParam()) + "/1");
  const auto population = client::Population::Create(GetParam(), 20'261);
  ASSERT_TRUE(population.ok());
  std::array<uint8_t, matching::kTransformKeyBytes> key;
  key.fill(9);
  const auto transform = matching::Transform::Create(algorithm, key);
  const auto gallery = matching::Gallery::Create(algorithm, {.cipher = {}});
  ASSERT_TRUE(transform.ok() && gallery.ok());
  const auto raw = [&](uint64_t person, uint32_t capture) {
    std::vector<float> values(algorithm.dimension);
    population->Capture(person, capture, values);
    return values;
  };
  const auto protect = [&](const std::vector<float>& values) {
    std::vector<float> out(values.size());
    EXPECT_TRUE(transform->Apply(values, out).ok());
    return out;
  };
  std::vector<std::vector<float>> people;
  std::vector<std::vector<float>> kept;
  for (uint32_t person = 0; person < kPeople; ++person) {
    people.push_back(raw(person, 0));
    kept.push_back(protect(people.back()));
    ASSERT_TRUE((*gallery)->Add(ProtectedFaces::RowOf(person), kept.back()).ok());
  }
  // At the policy's cut, and at one so loose that many strangers are next to it.
  const double loose = algorithm.metric == matching::Metric::kCosine ? 0.25 : 0.70;
  double largest = 0;
  size_t near = 0;
  size_t differ = 0;
  for (const double cut : {matching::CutFor(algorithm, 0.003, kPeople), loose}) {
    for (uint32_t probe = 0; probe < kProbes; ++probe) {
      const std::vector<float> values = raw(probe * 19, 1);
      const std::vector<float> shown = protect(values);
      const auto result = (*gallery)->Scan({.probe = shown,
                                            .cut = cut,
                                            .max_candidates = matching::Gallery::kMaxCandidates,
                                            .now = 1,
                                            .categories = 1,
                                            .should_stop = {}});
      ASSERT_TRUE(result.ok());
      ASSERT_LE(result->matches, matching::Gallery::kMaxCandidates);
      std::set<uint32_t> found;
      for (const matching::Candidate& candidate : result->candidates) found.insert(candidate.slot);
      for (uint32_t person = 0; person < kPeople; ++person) {
        const double exact = Score(algorithm, values, people[person]);
        largest =
            std::max(largest, std::abs(exact - ExhaustiveScore(algorithm, shown, kept[person])));
        if (std::abs(exact - cut) < kNearTheCut) ++near;
        if (matching::IsMatch(algorithm, exact, cut) == found.contains(person)) continue;
        ++differ;
        ASSERT_LT(std::abs(exact - cut), kNearTheCut) << "probe " << probe << ", person " << person;
      }
    }
  }
  std::printf(
      "%s: largest error of a score over %u pairs %.6f; %zu decisions of the %zu within %g "
      "of a cut differ, and no other\n",
      GetParam(), kPeople * kProbes, largest, differ, near, kNearTheCut);
  EXPECT_LT(largest, 2 * kNearTheCut)
      << "of distances between captures of one person, far from a cut";
  EXPECT_GT(near, 0u) << "nothing was next to the cut";
}

INSTANTIATE_TEST_SUITE_P(Shapes, WholePath, testing::Values("arcface-512", "dlib-128"));

}  // namespace
}  // namespace kluis::bench::matching_accuracy_test
