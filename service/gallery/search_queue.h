// SPDX-License-Identifier: Apache-2.0
// How many searches of one purpose run or wait at once. One more is refused before anything of it
// is written, so that it costs the warrant nothing; purposes do not see each other's. A quarter of
// the seats is never one authority's: another one that searches for the same purpose finds a seat
// (with fewer than four seats there is no such quarter). Thread-safe.
#ifndef KLUIS_SERVICE_GALLERY_SEARCH_QUEUE_H_
#define KLUIS_SERVICE_GALLERY_SEARCH_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "service/ledger/errors.h"

namespace kluis::service {

class SearchQueue {
 public:
  // A search's place, given back when dropped.
  class Seat {
   public:
    Seat(SearchQueue& queue, std::string purpose, std::string authority)
        : queue_(&queue), purpose_(std::move(purpose)), authority_(std::move(authority)) {}
    Seat(Seat&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)),
          purpose_(std::move(other.purpose_)),
          authority_(std::move(other.authority_)) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat() {
      if (queue_ != nullptr) queue_->GiveBack(purpose_, authority_);
    }

   private:
    SearchQueue* queue_;
    std::string purpose_;
    std::string authority_;
  };

  explicit SearchQueue(size_t most) : most_(most) {}

  // For a search of `authority`, which is allowed as far as anybody can know before its intent.
  // kResourceExhausted, SEARCH_QUEUE_FULL: so many searches of the purpose, or of that authority
  // for it, are in flight.
  absl::StatusOr<Seat> Take(const std::string& purpose, const std::string& authority) {
    const std::lock_guard lock(mutex_);
    Taken& taken = taken_[purpose];
    const auto of_one = taken.of.find(authority);
    if (taken.all >= most_ || (of_one != taken.of.end() && of_one->second >= most_of_one())) {
      ++refused_;
      return WithReason(
          absl::ResourceExhaustedError("identify: too many searches wait; call again"),
          "SEARCH_QUEUE_FULL");
    }
    ++taken.all;
    ++taken.of[authority];
    return Seat(*this, purpose, authority);
  }

  size_t InFlight(const std::string& purpose) const {
    const std::lock_guard lock(mutex_);
    const auto found = taken_.find(purpose);
    return found == taken_.end() ? 0 : found->second.all;
  }

  size_t most() const { return most_; }
  size_t most_of_one() const { return most_ - most_ / 4; }

  // Since the start, of all purposes.
  uint64_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  struct Taken {
    size_t all = 0;
    std::map<std::string, size_t> of;  // by authority; none is 0
  };

  void GiveBack(const std::string& purpose, const std::string& authority) {
    const std::lock_guard lock(mutex_);
    const auto found = taken_.find(purpose);
    const auto of_one = found->second.of.find(authority);
    if (--of_one->second == 0) found->second.of.erase(of_one);
    if (--found->second.all == 0) taken_.erase(found);
  }

  const size_t most_;
  mutable std::mutex mutex_;            // guards what follows
  std::map<std::string, Taken> taken_;  // by purpose; none is empty
  uint64_t refused_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_SEARCH_QUEUE_H_
