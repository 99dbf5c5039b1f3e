// SPDX-License-Identifier: Apache-2.0
// Runs the same call on many threads for some time and counts.
#ifndef KLUIS_TESTS_BENCH_LOAD_H_
#define KLUIS_TESTS_BENCH_LOAD_H_

#include <time.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::bench {

struct Load {
  double per_second = 0;
  double cpu_ms = 0;  // of this process, server and clients, for one call
  std::vector<double> latencies_ms;
};

// CPU time that this process has used.
inline double CpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// Calls `call` with the number of its thread, over and over on each thread, until `seconds` are
// over or a call answers kOutOfRange: no more work. Any other error ends the run and is returned.
inline absl::StatusOr<Load> RunLoad(int threads, double seconds,
                                    const std::function<absl::Status(int)>& call) {
  using Clock = std::chrono::steady_clock;
  Load load;
  absl::Status failed;
  std::mutex mutex;  // guards load and failed
  std::atomic<bool> stop = false;
  const double cpu_before = CpuSeconds();
  const Clock::time_point start = Clock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      std::vector<double> own;
      absl::Status status;
      for (auto before = Clock::now(); !stop && before < end;) {
        status = call(i);
        if (!status.ok()) break;
        const auto after = Clock::now();
        own.push_back(std::chrono::duration<double, std::milli>(after - before).count());
        before = after;
      }
      if (!status.ok()) stop = true;
      const std::lock_guard lock(mutex);
      load.latencies_ms.insert(load.latencies_ms.end(), own.begin(), own.end());
      if (!status.ok() && !absl::IsOutOfRange(status)) failed = status;
    });
  }
  for (std::thread& worker : workers) worker.join();
  if (!failed.ok()) return failed;
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  const auto calls = static_cast<double>(load.latencies_ms.size());
  load.per_second = calls / elapsed.count();
  load.cpu_ms = (CpuSeconds() - cpu_before) * 1000 / calls;
  return load;
}

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_LOAD_H_
