// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/protected_faces.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "matching/quantised.h"
#include "matching/threshold.h"

namespace kluis::bench {
namespace {

constexpr uint64_t kSeed = 7;
constexpr uint64_t kStranger = 1'000'000'000;  // nobody who is enrolled

void Normalise(std::span<float> values) {
  double squared = 0;
  for (const float value : values) {
    squared += static_cast<double>(value) * static_cast<double>(value);
  }
  const auto scale = static_cast<float>(1 / std::sqrt(squared));
  for (float& value : values) value *= scale;
}

}  // namespace

void OnTwoThreads(size_t count, size_t step,
                  const std::function<void(size_t first, size_t end)>& work) {
  std::atomic<size_t> next = 0;
  const auto run = [&] {
    for (size_t first = next.fetch_add(step); first < count; first = next.fetch_add(step)) {
      work(first, std::min(first + step, count));
    }
  };
  std::thread other(run);
  run();
  other.join();
}

ProtectedFaces::ProtectedFaces(const matching::Algorithm& algorithm, client::Population population,
                               matching::Transform transform, size_t people)
    : algorithm_(&algorithm),
      population_(std::move(population)),
      transform_(std::move(transform)),
      people_(people),
      templates_(people * algorithm.dimension) {}

absl::StatusOr<std::unique_ptr<ProtectedFaces>> ProtectedFaces::Create(std::string_view shape,
                                                                       size_t people) {
  const matching::Algorithm* const algorithm =
      matching::FindAlgorithm(absl::StrCat(std::string(shape), "/1"));
  if (algorithm == nullptr) return absl::InvalidArgumentError("shape: no such algorithm");
  absl::StatusOr<client::Population> population = client::Population::Create(shape, kSeed);
  if (!population.ok()) return population.status();
  std::array<uint8_t, matching::kTransformKeyBytes> key;
  key.fill(1);
  absl::StatusOr<matching::Transform> transform = matching::Transform::Create(*algorithm, key);
  if (!transform.ok()) return transform.status();
  auto faces = std::unique_ptr<ProtectedFaces>(
      new ProtectedFaces(*algorithm, *std::move(population), *std::move(transform), people));
  OnTwoThreads(people, 1000, [&faces](size_t first, size_t end) {
    for (size_t person = first; person < end; ++person) {
      const std::vector<float> values = faces->Probe(person, 0);
      std::copy(values.begin(), values.end(),
                faces->templates_.begin() + static_cast<std::ptrdiff_t>(person * values.size()));
    }
  });
  return faces;
}

std::vector<float> ProtectedFaces::Probe(size_t person, uint32_t capture) const {
  std::vector<float> values(algorithm_->dimension);
  population_.Capture(person, capture, values);
  // What Population makes is a template, so this cannot fail.
  const absl::Status applied = transform_.Apply(values, values);
  if (!applied.ok()) values.assign(values.size(), 0);
  return values;
}

std::vector<float> ProtectedFaces::ProbeAtTheCut(size_t person, double cut) const {
  const std::span<const float> reference = Template(person);
  const size_t dimension = algorithm_->dimension;
  const bool cosine = algorithm_->metric == matching::Metric::kCosine;
  // For cosine what of a stranger is at right angles to the template; for distances the difference
  // of two captures of one stranger.
  std::vector<float> aside = Probe(kStranger + person, 0);
  if (cosine) {
    double dot = 0;
    for (size_t i = 0; i < dimension; ++i) {
      dot += static_cast<double>(aside[i]) * static_cast<double>(reference[i]);
    }
    for (size_t i = 0; i < dimension; ++i) aside[i] -= static_cast<float>(dot) * reference[i];
  } else {
    const std::vector<float> other = Probe(kStranger + person, 1);
    for (size_t i = 0; i < dimension; ++i) aside[i] -= other[i];
  }
  Normalise(aside);

  double aim = cut;
  for (;;) {
    std::vector<float> probe(reference.begin(), reference.end());
    for (size_t i = 0; i < dimension; ++i) {
      const double there = static_cast<double>(reference[i]);
      const double away = static_cast<double>(aside[i]);
      probe[i] = static_cast<float>(cosine ? aim * there + std::sqrt(1 - aim * aim) * away
                                           : there + aim * away);
    }
    const double score = ExhaustiveScore(*algorithm_, probe, reference);
    if (matching::IsMatch(*algorithm_, score, cut)) return probe;
    aim += (cut - score) + (cosine ? 1e-6 : -1e-6);
  }
}

matching::Row ProtectedFaces::RowOf(size_t person) {
  matching::Row row;
  row.slot = static_cast<uint32_t>(person);
  row.category = 1;
  row.expires_at = std::numeric_limits<int64_t>::max();
  return row;
}

absl::StatusOr<double> ProtectedFaces::Load(matching::Gallery& gallery) const {
  const auto start = std::chrono::steady_clock::now();
  const size_t dimension = algorithm_->dimension;
  std::mutex mutex;
  absl::Status failure;
  OnTwoThreads(people_, matching::Gallery::kMaxRowsPerAdd, [&](size_t first, size_t end) {
    std::vector<matching::Row> rows;
    for (size_t person = first; person < end; ++person) rows.push_back(RowOf(person));
    const absl::Status added = gallery.Add(
        rows, std::span(templates_).subspan(first * dimension, (end - first) * dimension));
    if (added.ok()) return;
    const std::lock_guard lock(mutex);
    failure = added;
  });
  if (!failure.ok()) return failure;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double ExhaustiveScore(const matching::Algorithm& algorithm, std::span<const float> a,
                       std::span<const float> b) {
  std::vector<int8_t> a_values(a.size());
  std::vector<int8_t> b_values(b.size());
  const matching::Quantised a_head = matching::Quantise(a, a_values);
  const matching::Quantised b_head = matching::Quantise(b, b_values);
  return matching::QuantisedScore(algorithm, a_head, a_values, b_head, b_values);
}

}  // namespace kluis::bench
