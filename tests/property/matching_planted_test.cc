// SPDX-License-Identifier: Apache-2.0
// Two stages against exhaustive scoring, on people with the shapes of real faces: matches that are
// planted exactly at the cut, and strangers with the tails that strangers have.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "matching/gallery.h"
#include "matching/quantised.h"
#include "matching/threshold.h"
#include "tests/bench/protected_faces.h"

namespace kluis::bench::matching_planted_test {
namespace {

constexpr std::size_t kPeople = 10'000;
constexpr std::size_t kPlanted = 200;

// Everybody whom exhaustive scoring of the quantised templates finds, best first.
std::vector<std::uint32_t> Exhaustive(const ProtectedFaces& faces, std::span<const float> probe,
                                      double cut) {
  const matching::Algorithm& algorithm = faces.algorithm();
  std::vector<std::pair<double, std::uint32_t>> found;
  for (std::size_t person = 0; person < faces.people(); ++person) {
    const double score = ExhaustiveScore(algorithm, probe, faces.Template(person));
    if (!matching::IsMatch(algorithm, score, cut)) continue;
    const bool larger_is_alike = algorithm.metric == matching::Metric::kCosine;
    found.emplace_back(larger_is_alike ? -score : score, static_cast<std::uint32_t>(person));
  }
  std::ranges::sort(found);
  std::vector<std::uint32_t> slots;
  for (const auto& [badness, slot] : found) slots.push_back(slot);
  return slots;
}

class Planted : public testing::TestWithParam<const char*> {};

TEST_P(Planted, MatchesAtTheCutAreFoundAsExhaustiveScoringFindsThem) {
  const auto faces = ProtectedFaces::Create(GetParam(), kPeople);
  ASSERT_TRUE(faces.ok());
  const auto gallery = matching::Gallery::Create((*faces)->algorithm(), {.cipher = {}});
  ASSERT_TRUE(gallery.ok());
  ASSERT_TRUE((*faces)->Load(**gallery).ok());
  const auto scan = [&](std::span<const float> probe, double cut) {
    return (*gallery)->Scan({.probe = probe,
                             .cut = cut,
                             .max_candidates = matching::Gallery::kMaxCandidates,
                             .now = 1,
                             .categories = 1,
                             .should_stop = {}});
  };
  const double strict = matching::CutFor((*faces)->algorithm(), 0.003, kPeople);
  std::size_t refined = 0;
  for (std::size_t i = 0; i < kPlanted; ++i) {
    const std::size_t person = i * (kPeople / kPlanted);
    const auto result = scan((*faces)->ProbeAtTheCut(person, strict), strict);
    ASSERT_TRUE(result.ok());
    refined += result->refined;
    ASSERT_TRUE(std::ranges::any_of(result->candidates, [&](const auto& candidate) {
      return candidate.slot == person;
    })) << person;
  }
  EXPECT_LT(refined / kPlanted, kPeople / 50);  // most were never compared

  // Cuts so loose that strangers pass, of an investigation (cosine 0.40 among 10,000: half a
  // stranger a search) and looser still: all of them, in the same order.
  const bool cosine = (*faces)->algorithm().metric == matching::Metric::kCosine;
  for (const double loose :
       {cosine ? 0.40 : 0.57, matching::CutFor((*faces)->algorithm(), 0.05, 1)}) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < kPlanted; i += 8) {
      const std::vector<float> probe =
          i % 16 == 0 ? (*faces)->Probe(i, 1) : (*faces)->ProbeAtTheCut(i, loose);
      const auto result = scan(probe, loose);
      ASSERT_TRUE(result.ok());
      const std::vector<std::uint32_t> expected = Exhaustive(**faces, probe, loose);
      ASSERT_EQ(result->matches, expected.size());
      for (std::size_t rank = 0; rank < result->candidates.size(); ++rank) {
        ASSERT_EQ(result->candidates[rank].slot, expected[rank]) << rank;
      }
      found += expected.size();
    }
    EXPECT_GT(found, kPlanted / 8);  // more than the people who were planted
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Planted, testing::Values("arcface-512", "dlib-128"));

}  // namespace
}  // namespace kluis::bench::matching_planted_test
