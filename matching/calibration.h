// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_CALIBRATION_H_
#define KLUIS_MATCHING_CALIBRATION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "matching/algorithm.h"
#include "matching/quantised.h"
#include "matching/threshold.h"

namespace kluis::matching {

// Measures how alike strangers are, on the templates of a gallery itself. Single scores never leave
// these functions but for the start of the tail, which is that of one pair: whoever publishes the
// model rounds it.

// Protected templates of different people, quantised as a search compares them, in guarded memory
// that is locked as far as the system allows and wiped with this object. Not thread-safe while
// templates are added.
class TemplateSample {
 public:
  // Room for `capacity` templates of `algorithm`, which must outlive it.
  TemplateSample(const Algorithm& algorithm, std::size_t capacity);

  // kInvalidArgument: CheckProtected refuses it. kResourceExhausted: there is no room.
  absl::Status Add(std::span<const float> protected_template);

  const Algorithm& algorithm() const { return *algorithm_; }
  std::size_t size() const { return size_; }

  // Makes room again; what was added is wiped.
  void Clear();

  // Alike, as ImpostorModel has it, of template number `i` of this sample and number `j` of
  // `other`, which is of the same algorithm; both below the sizes.
  double Alike(std::size_t i, const TemplateSample& other, std::size_t j) const;

 private:
  Quantised Head(std::size_t i) const;
  std::span<const std::int8_t> Values(std::size_t i) const;

  const Algorithm* algorithm_;
  std::size_t stride_;  // bytes of one: its head, and a byte a value
  std::size_t capacity_;
  std::size_t size_ = 0;
  crypto::SecretBytes rows_;
};

struct ParetoFit {
  double scale = 0;
  double shape = 0;
};

// The generalised Pareto distribution of `excesses`, sorted upwards, at least two, none below 0, by
// probability-weighted moments. Fit for shapes below 0.5. kInvalidArgument: fewer, or all equal.
// Source: Hosking and Wallis, "Parameter and Quantile Estimation for the Generalized Pareto
// Distribution", Technometrics 29 (1987), 339; their k is minus our shape.
absl::StatusOr<ParetoFit> FitPareto(std::span<const double> excesses);

struct CalibrationPlan {
  std::uint64_t max_pairs = 10'000'000;
  double tail_rate = 1e-3;  // of the pairs; those beyond are fitted
  std::size_t threads = 1;
  // Draws the pairs when there are more than max_pairs; 32 random bytes.
  std::array<std::uint8_t, 32> seed = {};
  // Both are asked and told from the calling thread, some hundred times; may be empty.
  std::function<bool()> should_stop = {};
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
};

// Compares all pairs of the sample once, or max_pairs pairs drawn at random, with replacement, and
// fits the model; measured_at is left to the caller. The pairs of one sample share templates: they
// are worth fewer than as many independent ones, about as many as there are templates where one
// person is a stranger's double to many. kFailedPrecondition: fewer than two templates, fewer than
// 10 pairs in the tail, or all scores equal. kCancelled: should_stop.
absl::StatusOr<ImpostorModel> MeasureImpostors(const TemplateSample& sample,
                                               const CalibrationPlan& plan);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_CALIBRATION_H_
