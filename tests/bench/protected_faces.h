// SPDX-License-Identifier: Apache-2.0
// Synthetic faces as a gallery gets them: captures of client/synth.h, with the tails of real
// strangers, protected by the transform of a purpose. And probes that lie exactly at the cut.
#ifndef KLUIS_TESTS_BENCH_PROTECTED_FACES_H_
#define KLUIS_TESTS_BENCH_PROTECTED_FACES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/synth.h"
#include "matching/algorithm.h"
#include "matching/gallery.h"
#include "matching/transform.h"

namespace kluis::bench {

// Calls work(i) for i from 0 to count - 1, from two threads, each in steps of `step`.
void OnTwoThreads(size_t count, size_t step,
                  const std::function<void(size_t first, size_t end)>& work);

// Immutable after Create, thread-safe.
class ProtectedFaces {
 public:
  // Capture 0 of people 0 to people - 1. `shape` as in client::Population.
  static absl::StatusOr<std::unique_ptr<ProtectedFaces>> Create(std::string_view shape,
                                                                size_t people);

  const matching::Algorithm& algorithm() const { return *algorithm_; }
  size_t people() const { return people_; }
  std::span<const float> Template(size_t person) const {
    return std::span(templates_).subspan(person * algorithm_->dimension, algorithm_->dimension);
  }
  std::span<const float> all() const { return templates_; }

  // Another capture of anybody, enrolled or not.
  std::vector<float> Probe(size_t person, uint32_t capture) const;

  // A probe that is just on the matching side of `cut` from the person's template, by the
  // quantised score, in the direction in which a stranger's capture differs from the template.
  std::vector<float> ProbeAtTheCut(size_t person, double cut) const;

  // Adds everybody, slot = person, from two threads. Seconds it took.
  absl::StatusOr<double> Load(matching::Gallery& gallery) const;

  // The row of a person, in force for ever, of category 1.
  static matching::Row RowOf(size_t person);

 private:
  ProtectedFaces(const matching::Algorithm& algorithm, client::Population population,
                 matching::Transform transform, size_t people);

  const matching::Algorithm* algorithm_;
  const client::Population population_;
  const matching::Transform transform_;
  const size_t people_;
  std::vector<float> templates_;
};

// The score of two templates as a gallery quantises them.
double ExhaustiveScore(const matching::Algorithm& algorithm, std::span<const float> a,
                       std::span<const float> b);

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_PROTECTED_FACES_H_
