// SPDX-License-Identifier: Apache-2.0
// Makes results on several threads and hands them over in order, a bounded number at a time: what
// an auditor does with bundle after bundle of a log that does not fit in memory.
#ifndef KLUIS_AUDIT_LOG_IN_ORDER_H_
#define KLUIS_AUDIT_LOG_IN_ORDER_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace kluis::audit {

// One thread at a time uses the object; `make` is called from its threads.
template <typename Result>
class InOrder {
 public:
  // Calls `make` for 0 to count - 1, at most kAhead * threads ahead of Next. 0 or 1 thread: Next
  // calls it, and there is no other thread. `make` must not throw.
  InOrder(uint64_t count, size_t threads, std::function<Result(uint64_t index)> make)
      : count_(count), make_(std::move(make)), slots_(threads > 1 ? kAhead * threads : 0) {
    for (size_t i = 0; i < threads && !slots_.empty(); ++i) {
      threads_.emplace_back([this] { Work(); });
    }
  }

  // Waits for the calls that have begun; the others are not made.
  ~InOrder() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  InOrder(const InOrder&) = delete;
  InOrder& operator=(const InOrder&) = delete;

  // The result of the next index; at most `count` calls.
  Result Next() {
    if (slots_.empty()) return make_(taken_++);
    std::unique_lock lock(mutex_);
    std::optional<Result>& slot = slots_[taken_ % slots_.size()];
    ready_.wait(lock, [&] { return slot.has_value(); });
    Result result = *std::exchange(slot, std::nullopt);
    ++taken_;
    lock.unlock();
    room_.notify_one();
    return result;
  }

 private:
  static constexpr size_t kAhead = 4;

  void Work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      room_.wait(lock,
                 [&] { return stopped_ || begun_ == count_ || begun_ - taken_ < slots_.size(); });
      if (stopped_ || begun_ == count_) return;
      const uint64_t index = begun_++;
      lock.unlock();
      Result result = make_(index);
      lock.lock();
      slots_[index % slots_.size()] = std::move(result);
      ready_.notify_one();
    }
  }

  const uint64_t count_;
  const std::function<Result(uint64_t)> make_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable ready_;
  std::vector<std::optional<Result>> slots_;  // by index modulo their number
  uint64_t begun_ = 0;
  uint64_t taken_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_IN_ORDER_H_
