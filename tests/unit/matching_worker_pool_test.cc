// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "matching/worker_pool.h"

namespace kluis::matching::worker_pool_test {
namespace {

TEST(WorkerPool, DoesAllWorkWhateverTheNumberOfThreadsAndShares) {
  for (const std::size_t threads : {0, 1, 3}) {
    WorkerPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (std::size_t shares = 1; shares < 6; ++shares) {
      for (int run = 0; run < 50; ++run) {
        std::atomic<int> next = 0;
        std::atomic<int> done = 0;
        std::atomic<bool> wrong = false;
        const auto busy = std::make_unique<std::atomic<bool>[]>(threads + 1);
        pool.Run(shares, [&](std::size_t worker) {
          if (worker > threads || busy[worker].exchange(true)) wrong = true;  // one task at a time
          while (next++ < 100) ++done;
          busy[worker] = false;
        });
        EXPECT_EQ(done, 100);
        EXPECT_FALSE(wrong);
      }
    }
  }
}

TEST(WorkerPool, WorksInTheCallersThreadAndBesideIt) {
  WorkerPool pool(1);
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> inside = 0;
  std::vector<std::thread::id> ids(2);
  pool.Run(2, [&](std::size_t worker) {
    ids[worker] = std::this_thread::get_id();
    ++inside;
    while (inside < 2) std::this_thread::yield();  // both at once, or never
  });
  EXPECT_EQ(ids[1], caller);
  EXPECT_NE(ids[0], caller);
}

TEST(WorkerPool, CallsNobodyForNoShares) {
  WorkerPool pool(2);
  pool.Run(0, [](std::size_t) { FAIL(); });
}

}  // namespace
}  // namespace kluis::matching::worker_pool_test
