#include "matching/worker_pool.h"

#include <algorithm>

namespace kluis::matching {

WorkerPool::WorkerPool(std::size_t threads) {
  threads = std::max<std::size_t>(threads, 1);
  threads_.reserve(threads);
  for (std::size_t worker = 0; worker < threads; ++worker) {
    threads_.emplace_back([this, worker] { Work(worker); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  started_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::Run(std::size_t shares, const std::function<void(std::size_t)>& task) {
  if (shares == 0) return;
  Job job{.task = &task, .unstarted = shares, .unfinished = shares};
  std::unique_lock<std::mutex> lock(mutex_);
  jobs_.push_back(&job);
  started_.notify_all();
  finished_.wait(lock, [&job] { return job.unfinished == 0; });
}

void WorkerPool::Work(std::size_t worker) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    started_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (jobs_.empty()) return;  // stop_
    Job* job = jobs_.front();
    if (--job->unstarted == 0) jobs_.pop_front();
    lock.unlock();
    (*job->task)(worker);
    lock.lock();
    if (--job->unfinished == 0) finished_.notify_all();
  }
}

}  // namespace kluis::matching
