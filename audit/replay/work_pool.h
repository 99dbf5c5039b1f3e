// SPDX-License-Identifier: Apache-2.0
// A few threads that run what they are given, first come first served. Thread-safe.
#ifndef KLUIS_AUDIT_REPLAY_WORK_POOL_H_
#define KLUIS_AUDIT_REPLAY_WORK_POOL_H_

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace kluis::audit {

class WorkPool {
 public:
  // At least one thread.
  explicit WorkPool(size_t threads) {
    for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
      threads_.emplace_back([this] { Run(); });
    }
  }

  // Runs what was submitted, then ends.
  ~WorkPool() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // `work` must not wait for other work of this pool.
  template <class Work>
  std::future<std::invoke_result_t<Work>> Submit(Work work) {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Work>()>>(std::move(work));
    std::future<std::invoke_result_t<Work>> result = task->get_future();
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back([task] { (*task)(); });
    }
    changed_.notify_one();
    return result;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      {
        const std::function<void()> work = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        work();
      }  // what it held is given back before the others wait for this thread
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_WORK_POOL_H_
