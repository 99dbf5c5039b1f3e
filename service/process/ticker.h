// SPDX-License-Identifier: Apache-2.0
// A thread that does one thing every so many seconds until it is stopped. Thread-safe.
#ifndef KLUIS_SERVICE_PROCESS_TICKER_H_
#define KLUIS_SERVICE_PROCESS_TICKER_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace kluis::service {

class Ticker {
 public:
  Ticker() = default;
  ~Ticker() { Stop(); }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // Calls `act` every `seconds` from now. Call once.
  void Start(int seconds, std::function<void()> act) {
    thread_ = std::thread([this, seconds, act = std::move(act)] {
      std::unique_lock lock(mutex_);
      while (!wake_.wait_for(lock, std::chrono::seconds(seconds), [this] { return stop_; })) {
        lock.unlock();
        act();
        lock.lock();
      }
    });
  }

  // Returns when `act` no longer runs.
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_TICKER_H_
