// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_SHARED_SCAN_H_
#define KLUIS_MATCHING_SHARED_SCAN_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "matching/segment.h"
#include "matching/sketch.h"
#include "matching/worker_pool.h"

namespace kluis::matching {

// A row that the first stage could not rule out.
struct Survivor {
  std::uint32_t place;
  std::uint32_t slot;
  IdStart record_id_start;  // zeros where the segments have none
};

// One query's seat in a pass, filled in before Ride and read after it.
struct ScanTicket {
  const SketchQuery* query = nullptr;
  std::uint32_t now = 0;
  std::uint8_t categories = 0;
  const std::function<bool()>* should_stop = nullptr;  // may be empty
  const std::function<void()>* began = nullptr;        // as Query::began; null: nobody asks

  absl::Status status;
  std::vector<Survivor> survivors;  // in no order
  std::size_t compared = 0;

 private:
  friend class SharedScan;
  std::atomic<bool> stopped = false;
  bool done = false;  // guarded by the scan's mutex
};

// The first stage: passes over all segments of a gallery, each for all queries that wait when it
// begins, up to kMaxShared. A segment is opened once for all of them, which is what costs. A query
// that comes during a pass waits for its end; one alone starts at once. Fair: a pass takes those
// who wait in the order they came, so with n others waiting a query begins after at most n /
// kMaxShared + 1 passes, whoever else asks meanwhile. Thread-safe.
class SharedScan {
 public:
  static constexpr std::size_t kMaxShared = 32;

  using Segments = std::vector<std::shared_ptr<Segment>>;  // nullptr: no such segment now

  // One thread per desk, of which there is one at least; a rider of each pass is one of them.
  // `segments` gives those to scan, at the beginning of each pass.
  SharedScan(const SegmentShape& shape, std::vector<std::unique_ptr<SegmentDesk>> desks,
             std::function<Segments()> segments);

  // Takes part in a pass and returns after it. Status: kCancelled: should_stop, which is asked
  // every few segments from the threads of the scan and does not end the pass for the others.
  // kDataLoss: a segment did not authenticate; all queries of the pass have that.
  void Ride(ScanTicket& ticket);

  const std::vector<std::unique_ptr<SegmentDesk>>& desks() const { return desks_; }
  std::size_t bytes() const;  // of the buffers

 private:
  friend class GalleryPeer;  // tests: reads buffers

  // What one thread found for one query.
  struct Part {
    std::vector<Survivor> survivors;
    std::size_t compared = 0;
  };

  // What one thread needs beside its desk; kept, as guarded memory is dear to make.
  struct Seat {
    explicit Seat(std::size_t hit_words) : hits(crypto::SecretBytes::Zero(hit_words * 8)) {}
    crypto::SecretBytes hits;  // kMaxShared rows of bits
    std::vector<SketchTest> tests;
    std::vector<std::size_t> riders;  // of each test
  };

  void Pass(std::span<ScanTicket* const> tickets);
  void ScanSegment(const Segment& segment, std::size_t worker, std::span<ScanTicket* const> tickets,
                   std::span<Part> parts);

  const SegmentShape shape_;
  const std::size_t hit_words_;  // per query
  std::vector<std::unique_ptr<SegmentDesk>> desks_;
  std::vector<Seat> seats_;
  const std::function<Segments()> segments_;

  std::mutex mutex_;  // guards the next two
  std::condition_variable changed_;
  std::deque<ScanTicket*> waiting_;
  bool passing_ = false;
  WorkerPool pool_;  // last: its threads use the desks
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SHARED_SCAN_H_
