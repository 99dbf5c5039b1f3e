// SPDX-License-Identifier: Apache-2.0
#include "matching/evaluation.h"

#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

namespace kluis::matching {
namespace {

constexpr double kNobody = -std::numeric_limits<double>::infinity();
constexpr std::size_t kProbesPerTask = 64;

// Numbers of false positives among `probes` at which the trade-off is given: the rates that reports
// quote, and between them even steps of the logarithm.
std::set<std::size_t> Steps(std::size_t probes) {
  std::set<std::size_t> steps = {0};
  constexpr double kQuoted[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3};
  const auto size = static_cast<double>(probes);
  // 1e-9: a tenth of 100 probes is ten, also in binary.
  for (const double rate : kQuoted) {
    steps.insert(static_cast<std::size_t>(std::floor(rate * size + 1e-9)));
  }
  constexpr int kBetween = 90;
  for (int i = 0; i <= kBetween; ++i) {
    steps.insert(static_cast<std::size_t>(std::pow(size, static_cast<double>(i) / kBetween)));
  }
  while (!steps.empty() && *steps.rbegin() >= probes) steps.erase(std::prev(steps.end()));
  return steps;
}

void Wipe(std::vector<double>& values) {
  if (!values.empty()) sodium_memzero(values.data(), values.size() * sizeof(double));
}

}  // namespace

Evaluation::Evaluation(const Algorithm& algorithm, std::size_t capacity, std::size_t threads)
    : algorithm_(&algorithm),
      probes_(algorithm, capacity),
      pool_(std::max<std::size_t>(threads, 1) - 1) {
  mates_.reserve(capacity);
  found_.reserve(capacity);
}

Evaluation::~Evaluation() {
  if (!found_.empty()) sodium_memzero(found_.data(), found_.size() * sizeof(Found));
}

absl::Status Evaluation::AddProbe(std::span<const float> protected_probe,
                                  const std::optional<Id>& mate) {
  absl::Status added = probes_.Add(protected_probe);
  if (!added.ok()) return added;
  mates_.push_back(mate);
  found_.push_back({kNobody, kNobody});
  return absl::OkStatus();
}

void Evaluation::Compare(const TemplateSample& block, std::span<const Id> subjects) {
  gallery_size_ += block.size();
  std::atomic<std::size_t> next = 0;
  pool_.Run(pool_.threads() + 1, [&](std::size_t) {
    for (std::size_t first = next.fetch_add(kProbesPerTask); first < found_.size();
         first = next.fetch_add(kProbesPerTask)) {
      const std::size_t end = std::min(found_.size(), first + kProbesPerTask);
      for (std::size_t row = 0; row < block.size(); ++row) {
        for (std::size_t probe = first; probe < end; ++probe) {
          Found& found = found_[probe];
          double& best = mates_[probe] == subjects[row] ? found.mate : found.best_other;
          best = std::max(best, probes_.Alike(probe, block, row));
        }
      }
    }
  });
}

EvaluationCounts Evaluation::Count(double cut) const {
  EvaluationCounts counts;
  counts.gallery_size = gallery_size_;
  std::vector<double> mated;      // where the mate is first, how alike it is
  std::vector<double> strangers;  // of non-mated probes, the most alike
  mated.reserve(found_.size());
  strangers.reserve(found_.size());
  for (std::size_t i = 0; i < found_.size(); ++i) {
    const Found& found = found_[i];
    if (!mates_[i].has_value()) {
      strangers.push_back(found.best_other);
    } else if (found.mate == kNobody) {
      ++counts.left_out;
    } else {
      mated.push_back(found.mate >= found.best_other ? found.mate : kNobody);
    }
  }
  counts.mated = static_cast<std::uint32_t>(mated.size());
  counts.non_mated = static_cast<std::uint32_t>(strangers.size());
  std::sort(mated.begin(), mated.end());
  std::sort(strangers.begin(), strangers.end(), std::greater<>());

  const double alike = algorithm_->metric == Metric::kCosine ? cut : -cut;
  for (const double value : mated) counts.at_cut.false_negatives += value >= alike ? 0 : 1;
  for (const double value : strangers) counts.at_cut.false_positives += value >= alike ? 1 : 0;

  // The loosest cut that allows no more than `step` false positives is just beyond the next
  // stranger.
  for (const std::size_t step : Steps(strangers.size())) {
    const double stranger = strangers[step];
    const auto beyond =
        std::lower_bound(strangers.begin(), strangers.end(), stranger, std::greater<>());
    const auto missed = std::upper_bound(mated.begin(), mated.end(), stranger);
    const ErrorCounts errors = {
        .false_positives = static_cast<std::uint32_t>(beyond - strangers.begin()),
        .false_negatives = static_cast<std::uint32_t>(missed - mated.begin())};
    if (counts.trade_off.empty() ||
        counts.trade_off.back().false_positives != errors.false_positives) {
      counts.trade_off.push_back(errors);
    }
  }
  Wipe(mated);
  Wipe(strangers);
  return counts;
}

}  // namespace kluis::matching
