// SPDX-License-Identifier: Apache-2.0
// One purpose's gallery in memory: filled by the threads of a load (service/gallery/load.h) while
// it follows the log, searched once it is whole, and told what its scans cost. Thread-safe.
#ifndef KLUIS_SERVICE_GALLERY_RESIDENT_GALLERY_H_
#define KLUIS_SERVICE_GALLERY_RESIDENT_GALLERY_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/gallery.pb.h"
#include "kluis/v1/state.pb.h"
#include "matching/gallery.h"
#include "service/gallery/scan_figures.h"

namespace kluis::service {

// How long a search waits for a gallery that is being loaded.
struct Patience {
  std::chrono::system_clock::time_point deadline = std::chrono::system_clock::time_point::max();
  std::function<bool()> cancelled = {};  // asked every few milliseconds; may be empty
};

class ResidentGallery {
 public:
  explicit ResidentGallery(std::unique_ptr<matching::Gallery> gallery)
      : gallery_(std::move(gallery)) {}

  // In the order of the log, also while it is loaded.
  void Added(const v1::TemplateRecord& record, std::span<const float> protected_template);
  void Ended(const v1::TemplateRecord& record);
  void Restricted(const v1::TemplateRecord& record);

  // The load's side. `values` is rows.size() * dimension floats; both are used up. Leaves out what
  // ended since it was read and what is in already. Errors as Gallery::Add.
  absl::Status AddLoaded(std::vector<matching::Row>& rows, std::span<float> values);
  bool HasEnded(uint32_t slot) const;  // at the price of a look at a flag while nothing ended
  void CountMore(uint64_t templates) { total_ += templates; }
  void Finish(absl::Status status);

  // Ends a load under way; who waits for it gets `why`. The templates in it are wiped when the last
  // scan lets go.
  void Drop(absl::Status why);
  bool dropped() const { return dropped_; }

  // Returns when the load has ended. kDeadlineExceeded, kCancelled: before that. Others: the
  // load's, of Drop, or of a change that could not be followed: the gallery is not to be used.
  absl::Status Wait(const Patience& patience) const;
  bool HasFailed() const;

  const matching::Gallery& gallery() const { return *gallery_; }
  ScanFigures& figures() { return figures_; }
  // State, and templates loaded of how many there were when the load counted them; at first 0.
  v1::GalleryLoad Progress() const;

 private:
  const std::unique_ptr<matching::Gallery> gallery_;
  ScanFigures figures_;
  std::atomic<uint64_t> loaded_ = 0;
  std::atomic<uint64_t> total_ = 0;
  std::atomic<bool> dropped_ = false;
  std::atomic<bool> any_gone_ = false;  // gone_ is or was not empty

  // Changes have it alone; the load's threads share it while they add, so that no change comes
  // between what they know of it and the rows. Who waits for it holds the turn: no number of
  // threads that share it keeps a change waiting.
  std::unique_lock<std::shared_mutex> Alone() {
    const std::lock_guard turn(turn_);
    return std::unique_lock(mutex_);
  }
  std::shared_lock<std::shared_mutex> Shared() const {
    const std::lock_guard turn(turn_);
    return std::shared_lock(mutex_);
  }
  mutable std::mutex turn_;
  mutable std::shared_mutex mutex_;  // guards what follows
  mutable std::condition_variable_any ended_;
  bool done_ = false;
  absl::Status status_;
  std::set<uint32_t> gone_;                 // slots that ended while loading
  std::map<uint32_t, uint8_t> categories_;  // by slot, of those that changed while loading
};

// What the gallery knows of a template; no category for a restricted one: no scan sees it.
// kDataLoss: an id of it is damaged.
absl::StatusOr<matching::Row> RowOf(const v1::TemplateRecord& record);

// The bit that stands for a category in a gallery's masks.
uint8_t CategoryBit(v1::SubjectCategory category);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_RESIDENT_GALLERY_H_
