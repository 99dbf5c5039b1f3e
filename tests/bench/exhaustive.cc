// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/exhaustive.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "matching/kernels.h"
#include "matching/quantised.h"
#include "matching/threshold.h"

namespace kluis::bench {
namespace {

constexpr size_t kBlock = 200;     // people whose values stay in the cache while all probes pass
constexpr double kMargin = 0.001;  // of a score: what is nearer is scored as a search does

struct QuantisedFace {
  matching::Quantised head;
  std::vector<int8_t> values;

  double scale() const { return static_cast<double>(head.scale); }
};

QuantisedFace QuantisedOf(std::span<const float> from) {
  QuantisedFace face;
  face.values.resize(from.size());
  face.head = matching::Quantise(from, face.values);
  return face;
}

// Whether a pair could match, from the dot product of its values alone.
bool IsNear(const matching::Algorithm& algorithm, const QuantisedFace& a, const QuantisedFace& b,
            double dot, double cut) {
  const double squares = static_cast<double>(a.head.squares) * b.head.squares;
  if (algorithm.metric == matching::Metric::kCosine) {
    return dot > (cut - kMargin) * std::sqrt(squares);
  }
  const double squared = a.scale() * a.scale() * a.head.squares +
                         b.scale() * b.scale() * b.head.squares - 2 * a.scale() * b.scale() * dot;
  return squared < (cut + kMargin) * (cut + kMargin);
}

}  // namespace

std::vector<size_t> ExhaustiveMatches(const ProtectedFaces& faces,
                                      std::span<const std::vector<float>> probes, double cut) {
  const matching::Algorithm& algorithm = faces.algorithm();
  const size_t dimension = algorithm.dimension;
  std::vector<QuantisedFace> queries;
  for (const std::vector<float>& probe : probes) queries.push_back(QuantisedOf(probe));
  std::vector<std::atomic<size_t>> matches(probes.size());

  OnTwoThreads(faces.people(), kBlock, [&](size_t first, size_t end) {
    std::vector<QuantisedFace> block;
    std::vector<float> rows;
    for (size_t person = first; person < end; ++person) {
      block.push_back(QuantisedOf(faces.Template(person)));
      rows.insert(rows.end(), block.back().values.begin(), block.back().values.end());
    }
    std::vector<float> dots(block.size());
    for (size_t i = 0; i < queries.size(); ++i) {
      // Whole numbers below 2^24, as all sums of these are, are exact in a float.
      const std::vector<float> query(queries[i].values.begin(), queries[i].values.end());
      matching::BestKernels().dot(query.data(), rows.data(), block.size(), dimension, dots.data());
      for (size_t row = 0; row < block.size(); ++row) {
        const QuantisedFace& face = block[row];
        const auto dot = static_cast<double>(dots[row]);
        if (!IsNear(algorithm, queries[i], face, dot, cut)) continue;
        const double score = matching::QuantisedScore(algorithm, queries[i].head, queries[i].values,
                                                      face.head, face.values);
        if (matching::IsMatch(algorithm, score, cut)) ++matches[i];
      }
    }
  });
  return {matches.begin(), matches.end()};
}

}  // namespace kluis::bench
