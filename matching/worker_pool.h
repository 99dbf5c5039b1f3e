// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_WORKER_POOL_H_
#define KLUIS_MATCHING_WORKER_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kluis::matching {

// A few threads that live as long as their gallery, so that a scan starts none. The thread that
// calls Run works too, rather than sleep: waking one thread fewer, the others land on idle cores,
// where two woken at once may share one for a whole scan of a few milliseconds.
class WorkerPool {
 public:
  // Starts `threads` threads; none is fine.
  explicit WorkerPool(std::size_t threads);

  // Waits for its threads. No Run may be under way.
  ~WorkerPool();

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  std::size_t threads() const { return threads_.size(); }

  // Calls task(worker) up to `shares` times and returns when all calls have. `worker`, at most
  // threads(), names the thread that calls, which runs one task at a time; threads() is the caller
  // of Run itself, whose call is always made. Shares that no thread has begun when the caller's own
  // ends are dropped: a task takes its work from a common heap until that is empty. One Run at a
  // time. `task` must not throw or call Run.
  void Run(std::size_t shares, const std::function<void(std::size_t worker)>& task);

 private:
  void Work(std::size_t worker);

  std::mutex mutex_;                                        // guards all but threads_
  std::condition_variable started_;                         // there are shares, or stop_
  std::condition_variable finished_;                        // a share was finished
  const std::function<void(std::size_t)>* task_ = nullptr;  // of the Run under way
  std::size_t unstarted_ = 0;                               // its shares
  std::size_t running_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_WORKER_POOL_H_
