// How many searches of one purpose run or wait at once. One more is refused before anything of it
// is written, so that it costs the warrant nothing; purposes do not see each other's. Thread-safe.
#ifndef KLUIS_SERVICE_SEARCH_QUEUE_H_
#define KLUIS_SERVICE_SEARCH_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "service/errors.h"

namespace kluis::service {

class SearchQueue {
 public:
  // A search's place, given back when dropped.
  class Seat {
   public:
    Seat(SearchQueue& queue, std::string purpose) : queue_(&queue), purpose_(std::move(purpose)) {}
    Seat(Seat&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), purpose_(std::move(other.purpose_)) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat() {
      if (queue_ != nullptr) queue_->GiveBack(purpose_);
    }

   private:
    SearchQueue* queue_;
    std::string purpose_;
  };

  explicit SearchQueue(size_t most) : most_(most) {}

  // kResourceExhausted, SEARCH_QUEUE_FULL: so many searches of the purpose are in flight.
  absl::StatusOr<Seat> Take(const std::string& purpose) {
    const std::lock_guard lock(mutex_);
    size_t& taken = taken_[purpose];
    if (taken >= most_) {
      ++refused_;
      return WithReason(
          absl::ResourceExhaustedError("identify: too many searches wait; call again"),
          "SEARCH_QUEUE_FULL");
    }
    ++taken;
    return Seat(*this, purpose);
  }

  size_t InFlight(const std::string& purpose) const {
    const std::lock_guard lock(mutex_);
    const auto found = taken_.find(purpose);
    return found == taken_.end() ? 0 : found->second;
  }

  size_t most() const { return most_; }

  // Since the start, of all purposes.
  uint64_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  void GiveBack(const std::string& purpose) {
    const std::lock_guard lock(mutex_);
    const auto found = taken_.find(purpose);
    if (--found->second == 0) taken_.erase(found);
  }

  const size_t most_;
  mutable std::mutex mutex_;             // guards what follows
  std::map<std::string, size_t> taken_;  // by purpose; none is 0
  uint64_t refused_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_SEARCH_QUEUE_H_
