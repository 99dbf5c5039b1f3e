// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "tests/fakes/gallery_peer.h"

namespace kluis::matching::shared_scan_test {
namespace {

constexpr std::uint32_t kRowsPerSegment = 848;  // of 512-bit sketches

TEST(SharedScan, GivesEachOfManyConcurrentQueriesItsOwnAnswer) {
  const auto gallery = GalleryOf(Cosine(), 1000);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < 48; ++thread) {  // more than fit one pass
    threads.emplace_back([&, thread] {
      for (std::uint32_t i = 0; i < 20; ++i) {
        const std::uint32_t slot = (thread * 20 + i) % 1000;
        const std::vector<float> probe = Person(Cosine(), slot);
        Query query = QueryFor(Cosine(), probe);
        query.categories = slot % 2 == 0 ? 1 : 2;  // an odd one finds nobody
        const auto result = gallery->Scan(query);
        const bool right = result.ok() && result->compared == (slot % 2 == 0 ? 1000U : 0U) &&
                           result->candidates.size() == (slot % 2 == 0 ? 1U : 0U) &&
                           (slot % 2 == 1 || result->candidates[0].slot == slot);
        if (!right) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

// A query that holds its pass until told, so that others must wait and then share the next.
class Gate {
 public:
  std::function<bool()> Hold() {
    return [this] {
      std::unique_lock<std::mutex> lock(mutex_);
      held_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      return false;
    };
  }
  void AwaitHeld() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return held_; });
  }
  void Open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool open_ = false;
};

// A scan that holds its pass, once it does.
std::thread HeldPass(const Gallery& gallery, std::span<const float> probe, Gate& gate) {
  std::thread holder([&gallery, probe, &gate] {
    Query query = QueryFor(Euclidean(), probe);
    query.should_stop = gate.Hold();
    EXPECT_TRUE(gallery.Scan(query).ok());
  });
  gate.AwaitHeld();
  return holder;
}

TEST(SharedScan, StopsOneQueryWithoutTheOthersOfItsPass) {
  const auto gallery = GalleryOf(Euclidean(), 10 * kRowsPerSegment);
  const std::vector<float> probe = Person(Euclidean(), 0);
  Gate gate;
  std::vector<std::thread> threads;
  threads.push_back(HeldPass(*gallery, probe, gate));
  std::atomic<int> started = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      Query query = QueryFor(Euclidean(), probe);
      std::atomic<int> asked = 0;
      if (i % 2 == 0) query.should_stop = [&asked] { return asked++ > 0; };
      ++started;
      const auto result = gallery->Scan(query);
      if (i % 2 == 0) {
        EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
      } else {
        EXPECT_TRUE(result.ok());
        EXPECT_EQ(result.ok() ? result->compared : 0, 10 * kRowsPerSegment);
      }
    });
  }
  while (started < 8) std::this_thread::yield();
  gate.Open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

TEST(SharedScan, TellsAQueryOnceWhenItsPassBeginsAndNotWhileItWaits) {
  const auto gallery = GalleryOf(Euclidean(), 2 * kRowsPerSegment);
  const std::vector<float> probe = Person(Euclidean(), 0);
  Gate gate;
  std::atomic<int> first_began = 0;
  std::atomic<int> second_began = 0;
  std::thread first([&] {
    Query query = QueryFor(Euclidean(), probe);
    query.should_stop = gate.Hold();
    query.began = [&] { ++first_began; };
    EXPECT_TRUE(gallery->Scan(query).ok());
  });
  gate.AwaitHeld();
  std::atomic<bool> asks = false;
  std::thread second([&] {
    Query query = QueryFor(Euclidean(), probe);
    query.began = [&] { ++second_began; };
    asks = true;
    EXPECT_TRUE(gallery->Scan(query).ok());
  });
  while (!asks) std::this_thread::yield();
  EXPECT_EQ(first_began, 1);
  EXPECT_EQ(second_began, 0);
  gate.Open();
  first.join();
  second.join();
  EXPECT_EQ(first_began, 1);
  EXPECT_EQ(second_began, 1);
}

TEST(SharedScan, TakesQueriesInTheOrderTheyCameWhenNotAllFitAPass) {
  constexpr int kQueries = SharedScan::kMaxShared + 8;
  const auto gallery = GalleryOf(Euclidean(), 2 * kRowsPerSegment);
  const std::vector<float> probe = Person(Euclidean(), 0);
  Gate gate;
  std::vector<std::thread> threads;
  threads.push_back(HeldPass(*gallery, probe, gate));
  std::mutex mutex;
  std::vector<int> began;  // of one pass after the other
  std::vector<int> came;
  for (int i = 0; i < kQueries; ++i) {
    came.push_back(i);
    threads.emplace_back([&, i] {
      Query query = QueryFor(Euclidean(), probe);
      query.began = [&, i] {
        const std::lock_guard<std::mutex> lock(mutex);
        began.push_back(i);
      };
      EXPECT_TRUE(gallery->Scan(query).ok());
    });
    while (GalleryPeer::Waiting(*gallery) < static_cast<std::size_t>(i) + 1) {
      std::this_thread::yield();
    }
  }
  gate.Open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(began, came);
}

TEST(SharedScan, MissesNobodyBesideAddsRemovesAndMoves) {
  constexpr std::uint32_t kCount = 6 * kRowsPerSegment;
  constexpr std::uint32_t kKept = 4;  // the last ones, which move again and again
  const auto gallery = GalleryOf(Cosine(), kCount);
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (std::uint32_t reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&, reader] {
      const std::uint32_t slot = kCount - 1 - reader;
      const std::vector<float> probe = Person(Cosine(), slot);
      for (int scans = 0; !done || scans < 5; ++scans) {
        const auto result = gallery->Scan(QueryFor(Cosine(), probe));
        const bool found =
            result.ok() && std::ranges::any_of(result->candidates, [&](const auto& candidate) {
              return candidate.slot == slot && candidate.record_id == RowOf(slot).record_id;
            });
        if (!found) ++wrong;
        // Moves happen while nobody scans.
        if (scans % 8 == 0) std::this_thread::yield();
      }
    });
  }
  for (std::uint32_t slot = 0; slot < kCount - kKept; ++slot) {
    EXPECT_TRUE(gallery->Remove(slot).ok());
    if (slot % 64 == 0) {
      const std::vector<float> probe = Person(Cosine(), slot);
      for (const Candidate& candidate : MustScan(*gallery, QueryFor(Cosine(), probe)).candidates) {
        EXPECT_NE(candidate.slot, slot);
      }
      EXPECT_TRUE(gallery->Add(RowOf(slot + 10'000), Person(Cosine(), slot)).ok());
      EXPECT_TRUE(gallery->Remove(slot + 10'000).ok());
    }
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(gallery->size(), kKept);
  EXPECT_TRUE(GalleryPeer::BuffersAreWiped(*gallery));
}

TEST(SharedScan, KeepsRowsInTheirPlacesWhileAScanIsUnderWay) {
  constexpr std::uint32_t kCount = 4 * kRowsPerSegment;
  const auto gallery = GalleryOf(Cosine(), kCount);
  const std::vector<float> probe = Person(Cosine(), 0);
  Gate gate;
  std::thread scan([&] {
    Query query = QueryFor(Cosine(), probe);
    query.should_stop = gate.Hold();
    EXPECT_TRUE(gallery->Scan(query).ok());
  });
  gate.AwaitHeld();
  for (std::uint32_t slot = 0; slot < kCount; ++slot) {
    if (slot % 4 != 0) {
      EXPECT_TRUE(gallery->Remove(slot).ok());
    }
  }
  EXPECT_EQ(GalleryPeer::Segments(*gallery), 4U);
  gate.Open();
  scan.join();
  EXPECT_TRUE(gallery->Remove(4).ok());
  EXPECT_EQ(GalleryPeer::Segments(*gallery), 3U);
  EXPECT_TRUE(gallery->Remove(8).ok());
  EXPECT_EQ(GalleryPeer::Segments(*gallery), 2U);
  EXPECT_EQ(MustScan(*gallery, QueryFor(Cosine(), probe)).compared, kCount / 4 - 2);
}

TEST(SharedScan, LoadsFromSeveralThreadsWhileTheCentreMoves) {
  const auto gallery = NewGallery(Euclidean());
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint32_t i = 0; i < 500; ++i) {
        const std::uint32_t slot = i * 3 + thread;
        EXPECT_TRUE(gallery->Add(RowOf(slot), Person(Euclidean(), slot % 256)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gallery->size(), 1500U);
  for (const std::uint32_t slot : {0U, 100U, 255U}) {
    const std::vector<float> probe = Person(Euclidean(), slot);
    EXPECT_EQ(MustScan(*gallery, QueryFor(Euclidean(), probe)).matches, slot < 220 ? 6U : 5U);
  }
}

}  // namespace
}  // namespace kluis::matching::shared_scan_test
