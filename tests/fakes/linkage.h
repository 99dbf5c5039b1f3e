// SPDX-License-Identifier: Apache-2.0
// Measures whether two protected forms tell that they are of one person: D_sys of Gomez-Barrero,
// Galbally, Rathgeb and Busch, "General Framework to Evaluate Unlinkability in Biometric Template
// Protection Systems", IEEE TIFS 13(6), 2018, with omega = 1 (mated and other pairs equally
// likely):
//
//   LR(s)  = p(s | mated) / p(s | other)
//   D(s)   = 2 LR / (1 + LR) - 1 where LR > 1, else 0
//   D_sys  = integral of D(s) p(s | mated) ds;  0: no score tells anything, 1: every score does
//
// The densities are histograms of kBins equal bins over all scores. Where the two are the same, a
// bin with n of each kind still gives about 0.28 / sqrt(n), so the estimate has a floor:
// 0.28 / sqrt(pairs) times the sum of sqrt(share of each bin), 0.016 at most for 30,000 pairs. It
// is measured beside the rest (LinkageScores::floor), never subtracted.
//
// The linkage score is the cosine of the two forms: what somebody has who reads both in plain and
// knows neither secret. It says nothing about somebody who has two whole databases in plain and
// aligns them by their covariances, which an orthogonal map does not hide.
// Functions of their arguments, thread-safe.
#ifndef KLUIS_TESTS_FAKES_LINKAGE_H_
#define KLUIS_TESTS_FAKES_LINKAGE_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "client/synth.h"
#include "matching/transform.h"

namespace kluis {

inline constexpr size_t kLinkageBins = 100;

struct LinkagePairs {
  std::vector<double> mated;
  std::vector<double> other;  // of two people
};

inline double SystemUnlinkability(std::span<const double> mated, std::span<const double> other) {
  double low = mated.front();
  double high = low;
  for (const std::span<const double> scores : {mated, other}) {
    for (const double score : scores) {
      low = std::min(low, score);
      high = std::max(high, score);
    }
  }
  std::array<std::array<double, kLinkageBins>, 2> shares{};
  const auto count = [&](std::span<const double> scores, std::array<double, kLinkageBins>& share) {
    for (const double score : scores) {
      const double place = (score - low) / (high - low) * static_cast<double>(kLinkageBins);
      share[std::min(kLinkageBins - 1, static_cast<size_t>(place))] +=
          1 / static_cast<double>(scores.size());
    }
  };
  count(mated, shares[0]);
  count(other, shares[1]);
  double sum = 0;
  for (size_t i = 0; i < kLinkageBins; ++i) {
    const double m = shares[0][i];
    const double o = shares[1][i];
    if (m > o) sum += (m - o) / (m + o) * m;  // 2 LR / (1 + LR) - 1 = (m - o) / (m + o)
  }
  return sum;
}

inline double CosineOf(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return dot / std::sqrt(aa * bb);
}

// D_sys of what an attacker may hold, each over `secrets` pairs of random secrets and `people`
// synthetic people for each: people * secrets mated and as many other pairs.
struct Linkage {
  double unprotected = 0;     // the control: two captures as the extractor gives them
  double purposes = 0;        // two captures, under the secrets of two purposes
  double worst_purposes = 0;  // of one pair of secrets; its floor is higher (fewer pairs)
  double rotation = 0;        // one capture, as it was before a rotation and as it is after it
  double worst_rotation = 0;
  double floor = 0;  // pairs of different people against other pairs of different people
};

// `shape` is of client/synth.h, `algorithm` of matching/algorithm.h. The same `seed` gives the same
// figures.
inline Linkage MeasureLinkage(const client::Population& population,
                              const matching::Algorithm& algorithm, size_t people, size_t secrets,
                              uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto transform = [&] {
    std::array<uint8_t, matching::kTransformKeyBytes> key;
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    return *matching::Transform::Create(algorithm, key);
  };
  using Rows = std::vector<std::vector<float>>;
  const auto pairs_of = [&](const Rows& first, const Rows& second) {
    LinkagePairs pairs;
    for (size_t i = 0; i < first.size(); ++i) {
      pairs.mated.push_back(CosineOf(first[i], second[i]));
      pairs.other.push_back(CosineOf(first[i], second[(i + 1) % second.size()]));
    }
    return pairs;
  };
  const auto pool = [](LinkagePairs& all, const LinkagePairs& pairs, double& worst) {
    worst = std::max(worst, SystemUnlinkability(pairs.mated, pairs.other));
    all.mated.insert(all.mated.end(), pairs.mated.begin(), pairs.mated.end());
    all.other.insert(all.other.end(), pairs.other.begin(), pairs.other.end());
  };

  Linkage linkage;
  LinkagePairs plain;
  LinkagePairs purposes;
  LinkagePairs rotation;
  double ignored = 0;
  for (size_t s = 0; s < secrets; ++s) {
    const matching::Transform first = transform();
    const matching::Transform second = transform();
    Rows captures(people, std::vector<float>(algorithm.dimension));
    Rows others = captures;
    Rows here = captures;
    Rows there = captures;
    Rows renewed = captures;
    for (size_t i = 0; i < people; ++i) {
      population.Capture(s * people + i, 0, captures[i]);
      population.Capture(s * people + i, 1, others[i]);
      first.Apply(captures[i], here[i]).IgnoreError();
      second.Apply(others[i], there[i]).IgnoreError();
      second.Renew(first, here[i], renewed[i]).IgnoreError();
    }
    pool(plain, pairs_of(captures, others), ignored);
    pool(purposes, pairs_of(here, there), linkage.worst_purposes);
    pool(rotation, pairs_of(here, renewed), linkage.worst_rotation);
  }
  linkage.unprotected = SystemUnlinkability(plain.mated, plain.other);
  linkage.purposes = SystemUnlinkability(purposes.mated, purposes.other);
  linkage.rotation = SystemUnlinkability(rotation.mated, rotation.other);
  linkage.floor = SystemUnlinkability(purposes.other, rotation.other);
  return linkage;
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_LINKAGE_H_
