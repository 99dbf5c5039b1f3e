#ifndef KLUIS_MATCHING_WORKER_POOL_H_
#define KLUIS_MATCHING_WORKER_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kluis::matching {

// A few threads that live as long as their gallery, so that a scan starts none. Thread-safe.
class WorkerPool {
 public:
  // Starts `threads` threads, at least 1.
  explicit WorkerPool(std::size_t threads);

  // Waits for its threads. No Run may be under way.
  ~WorkerPool();

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  std::size_t threads() const { return threads_.size(); }

  // Calls task(worker) `shares` times from the pool's threads and returns when all calls have.
  // `worker`, below threads(), names the thread that calls, which runs one task at a time. Calls to
  // Run from several threads are served in order. `task` must not throw or call Run.
  void Run(std::size_t shares, const std::function<void(std::size_t worker)>& task);

 private:
  struct Job {
    const std::function<void(std::size_t)>* task;
    std::size_t unstarted;
    std::size_t unfinished;
  };

  void Work(std::size_t worker);

  std::mutex mutex_;
  std::condition_variable started_;   // a job was queued, or stop_
  std::condition_variable finished_;  // a job was finished
  std::deque<Job*> jobs_;             // with unstarted shares; owned by their Run
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_WORKER_POOL_H_
