// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_EVALUATION_H_
#define KLUIS_MATCHING_EVALUATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "matching/algorithm.h"
#include "matching/calibration.h"
#include "matching/gallery.h"
#include "matching/worker_pool.h"

namespace kluis::matching {

// Errors at one cut, in the terms of ISO/IEC 19795-1 and of NIST's FRTE 1:N. A false positive is a
// non-mated probe with anybody at or beyond the cut (FPIR), a false negative a mated probe whose
// mate is not at or beyond it, or not the first of all (FNIR with rank 1).
struct ErrorCounts {
  std::uint32_t false_positives = 0;
  std::uint32_t false_negatives = 0;
  bool operator==(const ErrorCounts&) const = default;
};

struct EvaluationCounts {
  std::uint32_t mated = 0;
  std::uint32_t non_mated = 0;
  std::uint32_t left_out = 0;  // mated probes whose mate no template was of
  std::uint64_t gallery_size = 0;
  ErrorCounts at_cut;
  // One for each of at most kMaxTradeOff numbers of false positives, from 0 upwards: how many false
  // negatives the loosest cut has that allows no more. What is between two cuts is never said.
  std::vector<ErrorCounts> trade_off;
};

// Labelled probes against all templates of a purpose, exhaustively and with the score that decides
// a search, block by block, so that no gallery stands in plain memory. Scores stay inside, in
// memory that is wiped. Not thread-safe; Compare uses several threads of its own.
class Evaluation {
 public:
  static constexpr std::size_t kMaxTradeOff = 100;

  // For at most `capacity` probes of `algorithm`, which must outlive it. threads: at least 1.
  Evaluation(const Algorithm& algorithm, std::size_t capacity, std::size_t threads);
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;
  ~Evaluation();

  // `mate`: the subject whose template the probe is of; none: a probe of nobody in the gallery.
  // Codes as TemplateSample::Add.
  absl::Status AddProbe(std::span<const float> protected_probe, const std::optional<Id>& mate);
  std::size_t probes() const { return probes_.size(); }

  // Compares all probes with a block of templates and their subjects, of equal size.
  void Compare(const TemplateSample& block, std::span<const Id> subjects);

  std::uint64_t gallery_size() const { return gallery_size_; }  // templates so far

  // After the last block. `cut` is one of CutFor.
  EvaluationCounts Count(double cut) const;

 private:
  // Of one probe so far, as alike as ImpostorModel has it; minus infinity: nobody yet.
  struct Found {
    double mate;
    double best_other;
  };

  const Algorithm* algorithm_;
  TemplateSample probes_;
  std::vector<std::optional<Id>> mates_;
  std::vector<Found> found_;
  std::uint64_t gallery_size_ = 0;
  WorkerPool pool_;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_EVALUATION_H_
