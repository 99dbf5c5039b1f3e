// SPDX-License-Identifier: Apache-2.0
#include "matching/worker_pool.h"

#include <algorithm>

namespace kluis::matching {

WorkerPool::WorkerPool(std::size_t threads) {
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
  const std::size_t others = std::min(shares - 1, threads_.size());
  if (others > 0) {
    const std::lock_guard<std::mutex> lock(mutex_);
    task_ = &task;
    unstarted_ = others;
  }
  for (std::size_t i = 0; i < others; ++i) started_.notify_one();
  task(threads_.size());
  if (others == 0) return;
  std::unique_lock<std::mutex> lock(mutex_);
  unstarted_ = 0;
  finished_.wait(lock, [this] { return running_ == 0; });
}

void WorkerPool::Work(std::size_t worker) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    started_.wait(lock, [this] { return stop_ || unstarted_ > 0; });
    if (unstarted_ == 0) return;  // stop_
    --unstarted_;
    ++running_;
    const auto* const task = task_;
    lock.unlock();
    (*task)(worker);
    lock.lock();
    if (--running_ == 0) finished_.notify_one();
  }
}

}  // namespace kluis::matching
