// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "service/gallery/search_queue.h"

namespace kluis::service::search_queue_test {
namespace {

std::vector<SearchQueue::Seat> TakeAll(SearchQueue& queue, const std::string& purpose,
                                       const std::string& authority) {
  std::vector<SearchQueue::Seat> seats;
  while (true) {
    auto seat = queue.Take(purpose, authority);
    if (!seat.ok()) return seats;
    seats.push_back(*std::move(seat));
  }
}

TEST(SearchQueue, LeavesAQuarterOfAPurposesSeatsToOtherAuthorities) {
  SearchQueue queue(8);
  const auto first = TakeAll(queue, "p", "one");
  EXPECT_EQ(first.size(), 6u);
  const auto second = TakeAll(queue, "p", "two");
  EXPECT_EQ(second.size(), 2u);
  EXPECT_EQ(queue.InFlight("p"), 8u);
  EXPECT_EQ(ReasonOf(queue.Take("p", "three").status()), "SEARCH_QUEUE_FULL");
  EXPECT_EQ(TakeAll(queue, "other", "one").size(), 6u);
}

TEST(SearchQueue, GivesSeatsBackToWhoAsksNext) {
  SearchQueue queue(4);
  {
    const auto seats = TakeAll(queue, "p", "one");
    EXPECT_EQ(seats.size(), 3u);
  }
  EXPECT_EQ(queue.InFlight("p"), 0u);
  EXPECT_EQ(TakeAll(queue, "p", "one").size(), 3u);
}

TEST(SearchQueue, OfFewerThanFourSeatsIsWhollyForWhoComes) {
  SearchQueue queue(2);
  EXPECT_EQ(TakeAll(queue, "p", "one").size(), 2u);
}

}  // namespace
}  // namespace kluis::service::search_queue_test
