// SPDX-License-Identifier: Apache-2.0
#include "matching/shared_scan.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "matching/sketch_kernels.h"

namespace kluis::matching {
namespace {

constexpr std::size_t kAskEvery = 8;  // segments, so that asking costs nothing beside scanning

enum class Failure { kNone, kAllStopped, kDataLoss };

}  // namespace

SharedScan::SharedScan(const SegmentShape& shape, std::vector<std::unique_ptr<SegmentDesk>> desks,
                       std::function<Segments()> segments)
    : shape_(shape),
      hit_words_((shape.rows + 63) / 64),
      desks_(std::move(desks)),
      segments_(std::move(segments)),
      pool_(desks_.size() - 1) {
  for (std::size_t i = 0; i < desks_.size(); ++i) {
    Seat& seat = seats_.emplace_back(kMaxShared * hit_words_);
    seat.tests.reserve(kMaxShared);
    seat.riders.reserve(kMaxShared);
  }
}

std::size_t SharedScan::bytes() const {
  std::size_t bytes = 0;
  for (const auto& desk : desks_) bytes += desk->memory().size();
  for (const Seat& seat : seats_) bytes += seat.hits.size();
  return bytes;
}

void SharedScan::Ride(ScanTicket& ticket) {
  std::unique_lock<std::mutex> lock(mutex_);
  waiting_.push_back(&ticket);
  while (!ticket.done) {
    if (passing_) {
      changed_.wait(lock);
      continue;
    }
    passing_ = true;  // this thread runs the pass, for whoever waits
    const std::size_t count = std::min(waiting_.size(), kMaxShared);
    const std::vector<ScanTicket*> tickets(waiting_.begin(),
                                           waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    lock.unlock();
    Pass(tickets);
    lock.lock();
    for (ScanTicket* const taken : tickets) taken->done = true;
    passing_ = false;
    changed_.notify_all();
  }
}

void SharedScan::Pass(std::span<ScanTicket* const> tickets) {
  for (ScanTicket* const ticket : tickets) {
    if (ticket->began != nullptr && *ticket->began) (*ticket->began)();
  }
  const Segments segments = segments_();
  std::vector<std::vector<Part>> parts(desks_.size(), std::vector<Part>(tickets.size()));
  std::atomic<std::size_t> next = 0;
  std::atomic<Failure> failure = Failure::kNone;
  const auto all_stopped = [&] {
    bool all = true;
    for (ScanTicket* const ticket : tickets) {
      const auto& ask = *ticket->should_stop;
      if (!ticket->stopped && ask && ask()) ticket->stopped = true;
      all = all && ticket->stopped;
    }
    return all;
  };
  pool_.Run(std::min(desks_.size(), segments.size()), [&](std::size_t worker) {
    while (failure == Failure::kNone) {
      const std::size_t number = next.fetch_add(1);
      if (number >= segments.size()) break;
      if (number % kAskEvery == 0 && all_stopped()) {
        Failure none = Failure::kNone;
        failure.compare_exchange_strong(none, Failure::kAllStopped);
        break;
      }
      if (segments[number] == nullptr) continue;
      if (!desks_[worker]->Open(*segments[number]).ok()) {
        failure = Failure::kDataLoss;
        break;
      }
      ScanSegment(*segments[number], worker, tickets, parts[worker]);
    }
    desks_[worker]->Wipe();
    sodium_memzero(seats_[worker].hits.ExposeMutable().data(), seats_[worker].hits.size());
  });

  for (std::size_t i = 0; i < tickets.size(); ++i) {
    ScanTicket& ticket = *tickets[i];
    if (failure == Failure::kDataLoss) {
      ticket.status = absl::DataLossError("gallery: a segment does not authenticate");
      continue;
    }
    if (ticket.stopped) {
      ticket.status = absl::CancelledError("scan: stopped");
      continue;
    }
    for (std::vector<Part>& of_worker : parts) {
      Part& part = of_worker[i];
      ticket.compared += part.compared;
      ticket.survivors.insert(ticket.survivors.end(), part.survivors.begin(), part.survivors.end());
    }
  }
}

void SharedScan::ScanSegment(const Segment& segment, std::size_t worker,
                             std::span<ScanTicket* const> tickets, std::span<Part> parts) {
  const SegmentView view = desks_[worker]->view();
  Seat& seat = seats_[worker];
  auto* const hits = reinterpret_cast<std::uint64_t*>(seat.hits.ExposeMutable().data());
  const SketchBlock block = {.words = view.words,
                             .alignments = view.alignments,
                             .lengths = view.lengths,
                             .expires = view.expires,
                             .categories = view.categories,
                             .rows = view.rows,
                             .words_per_sketch = view.words_per_sketch};
  seat.tests.clear();
  seat.riders.clear();
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const ScanTicket& ticket = *tickets[i];
    if (ticket.stopped) continue;
    SketchTest& test = seat.tests.emplace_back();
    test.planes = ticket.query->planes();
    test.limit = ticket.query->LimitFor(view.head->shortest, view.head->longest);
    test.now = ticket.now;
    test.categories = ticket.categories;
    test.hits = hits + i * hit_words_;
    test.hits[hit_words_ - 1] = 0;  // the kernel writes no bits beyond the rows
    seat.riders.push_back(i);
  }
  BestSketchKernel()(block, seat.tests);

  for (std::size_t t = 0; t < seat.tests.size(); ++t) {
    const SketchTest& test = seat.tests[t];
    Part& part = parts[seat.riders[t]];
    part.compared += test.compared;
    for (std::size_t word = 0; word < hit_words_; ++word) {
      for (std::uint64_t left = test.hits[word]; left != 0; left &= left - 1) {
        const std::size_t row = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
        const std::uint64_t* const sketch =
            view.words + row / 8 * view.words_per_sketch * 8 + row % 8;
        const std::uint32_t sum = SketchSum(sketch, 8, test.planes, view.words_per_sketch);
        const SketchFactors factors = {.alignment = view.alignments[row],
                                       .length = view.lengths[row]};
        if (!tickets[seat.riders[t]]->query->Survives(sum, factors)) continue;
        part.survivors.push_back({static_cast<std::uint32_t>(segment.number * view.rows + row),
                                  view.slots[row],
                                  view.id_starts != nullptr ? view.id_starts[row] : IdStart{}});
      }
    }
  }
}

}  // namespace kluis::matching
