// SPDX-License-Identifier: Apache-2.0
// What the last scans of a gallery cost, for whoever runs the machine. Thread-safe.
#ifndef KLUIS_SERVICE_GALLERY_SCAN_FIGURES_H_
#define KLUIS_SERVICE_GALLERY_SCAN_FIGURES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace kluis::service {

class ScanFigures {
 public:
  static constexpr size_t kRecent = 64;  // scans

  struct Scan {
    double compared = 0;       // templates in scope
    double survivors = 0;      // that the sketches could not rule out
    double queue_seconds = 0;  // from the call of the scan to the pass it shared
    double scan_seconds = 0;   // from there to its end
  };

  // Of the recent scans; all 0 when there was none.
  struct Summary {
    uint64_t searches = 0;            // all there were
    double templates_per_second = 0;  // scans that share a pass count each by itself
    double survivors = 0;  // per query, mean of the last whole kRecent; 0 before there were as many
    double queue_seconds_mean = 0;
    double queue_seconds_max = 0;
  };

  void Add(const Scan& scan) {
    const std::lock_guard lock(mutex_);
    recent_[searches_++ % kRecent] = scan;
    if (searches_ % kRecent != 0) return;
    double sum = 0;
    for (const Scan& each : recent_) sum += each.survivors;
    survivors_ = sum / static_cast<double>(kRecent);
  }

  Summary Recent() const {
    const std::lock_guard lock(mutex_);
    Summary summary;
    summary.searches = searches_;
    const size_t count = std::min<uint64_t>(searches_, kRecent);
    if (count == 0) return summary;
    Scan sum;
    for (size_t i = 0; i < count; ++i) {
      sum.compared += recent_[i].compared;
      sum.queue_seconds += recent_[i].queue_seconds;
      sum.scan_seconds += recent_[i].scan_seconds;
      summary.queue_seconds_max = std::max(summary.queue_seconds_max, recent_[i].queue_seconds);
    }
    const auto scans = static_cast<double>(count);
    if (sum.scan_seconds > 0) summary.templates_per_second = sum.compared / sum.scan_seconds;
    summary.survivors = survivors_;
    summary.queue_seconds_mean = sum.queue_seconds / scans;
    return summary;
  }

 private:
  mutable std::mutex mutex_;  // guards what follows
  uint64_t searches_ = 0;
  double survivors_ = 0;  // never of fewer than kRecent searches: one's own would be half a score
  std::array<Scan, kRecent> recent_;  // the n-th scan at n % kRecent
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_SCAN_FIGURES_H_
