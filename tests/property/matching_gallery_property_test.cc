// SPDX-License-Identifier: Apache-2.0
// The gallery against a plain list of rows, over random histories.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "matching/gallery.h"
#include "matching/quantised.h"

namespace kluis::matching::gallery_property_test {
namespace {

struct Entry {
  Row row;
  std::vector<float> values;
};
using Population = std::map<std::uint32_t, Entry>;  // by slot

// KLUIS_SEED repeats a run.
std::mt19937_64 SeededRandom() {
  const char* given = std::getenv("KLUIS_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "seed " << seed << "\n";
  return std::mt19937_64(seed);
}

std::size_t Below(std::size_t bound, std::mt19937_64& random) { return random() % bound; }

// A template near one of a few people, so that scores of all sizes occur.
std::vector<float> RandomTemplate(const Algorithm& algorithm, std::mt19937_64& random) {
  std::mt19937_64 person(Below(20, random));
  std::normal_distribution<float> normal;
  std::vector<float> values(algorithm.dimension);
  for (float& value : values) value = normal(person);
  const auto noise = static_cast<float>(Below(100, random)) / 50.0F;
  double squared = 0;
  for (float& value : values) {
    value += noise * normal(random);
    squared += static_cast<double>(value) * static_cast<double>(value);
  }
  for (float& value : values) value /= static_cast<float>(std::sqrt(squared));
  return values;
}

Row RandomRow(std::uint32_t slot, std::mt19937_64& random) {
  Row row;
  row.slot = slot;
  for (std::uint8_t& byte : row.record_id) byte = static_cast<std::uint8_t>(random());
  for (std::uint8_t& byte : row.subject_id) byte = static_cast<std::uint8_t>(random());
  row.category = static_cast<std::uint8_t>(1 << Below(8, random));
  row.expires_at = static_cast<std::int64_t>(Below(1000, random));
  return row;
}

// Exhaustive scoring of the quantised templates, one by one.
double OracleScore(const Algorithm& algorithm, std::span<const float> a, std::span<const float> b) {
  std::vector<std::int8_t> a_values(a.size());
  std::vector<std::int8_t> b_values(b.size());
  const Quantised a_head = Quantise(a, a_values);
  const Quantised b_head = Quantise(b, b_values);
  return QuantisedScore(algorithm, a_head, a_values, b_head, b_values);
}

void ExpectSameAsOracle(const Algorithm& algorithm, const Population& population,
                        const Query& query, const ScanResult& result) {
  const double sign = algorithm.metric == Metric::kCosine ? -1 : 1;  // lower is better
  std::size_t compared = 0;
  std::size_t matches = 0;
  std::vector<double> sorted;
  std::map<std::uint32_t, double> scores;
  for (const auto& [slot, entry] : population) {
    if (entry.row.expires_at <= query.now) continue;
    if ((entry.row.category & query.categories) == 0) continue;
    ++compared;
    const double score = sign * OracleScore(algorithm, query.probe, entry.values);
    scores[slot] = score;
    sorted.push_back(score);
    if (score <= sign * query.cut) ++matches;
  }
  std::sort(sorted.begin(), sorted.end());
  ASSERT_EQ(result.compared, compared);
  ASSERT_EQ(result.matches, matches);
  ASSERT_EQ(result.candidates.size(), std::min(result.matches, query.max_candidates));
  for (std::size_t i = 0; i < result.candidates.size(); ++i) {
    const Candidate& candidate = result.candidates[i];
    ASSERT_TRUE(scores.contains(candidate.slot)) << "out of scope, expired or removed";
    ASSERT_EQ(scores[candidate.slot], sorted[i]) << "not the best of rank " << i;
    ASSERT_EQ(candidate.record_id, population.at(candidate.slot).row.record_id);
    ASSERT_EQ(candidate.subject_id, population.at(candidate.slot).row.subject_id);
  }
}

TEST(GalleryProperty, AnswersAsAPlainListAfterAnyAddsAndRemoves) {
  std::mt19937_64 random = SeededRandom();
  for (const Algorithm& algorithm : Algorithms()) {
    for (const std::size_t threads : {1, 2, 3}) {
      auto gallery = *Gallery::Create(algorithm, {.threads = threads, .cipher = {}});
      Population population;
      std::uint32_t next_slot = 0;
      for (int step = 0; step < 60; ++step) {
        std::vector<Row> rows;
        std::vector<float> templates;
        const std::size_t count = 1 + Below(step % 10 == 0 ? 200 : 12, random);
        for (std::size_t i = 0; i < count; ++i) {
          next_slot += 1 + static_cast<std::uint32_t>(Below(1000, random));
          Entry entry{RandomRow(next_slot, random), RandomTemplate(algorithm, random)};
          rows.push_back(entry.row);
          templates.insert(templates.end(), entry.values.begin(), entry.values.end());
          population.emplace(next_slot, std::move(entry));
        }
        ASSERT_TRUE(gallery->Add(rows, templates).ok());
        for (std::size_t removals = Below(20, random); removals > 0; --removals) {
          if (population.empty()) break;
          const auto victim = std::next(
              population.begin(), static_cast<std::ptrdiff_t>(Below(population.size(), random)));
          ASSERT_TRUE(gallery->Remove(victim->first).ok());
          population.erase(victim);
        }
        ASSERT_EQ(gallery->size(), population.size());

        const std::vector<float> probe = RandomTemplate(algorithm, random);
        const Query query = {.probe = probe,
                             .cut = static_cast<double>(Below(100, random)) / 80.0,
                             .max_candidates = Below(30, random),
                             .now = static_cast<std::int64_t>(Below(1000, random)),
                             .categories = static_cast<std::uint8_t>(random()),
                             .should_stop = {}};
        const auto result = gallery->Scan(query);
        ASSERT_TRUE(result.ok());
        ExpectSameAsOracle(algorithm, population, query, *result);
        if (HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace kluis::matching::gallery_property_test
