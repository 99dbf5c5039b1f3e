// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <thread>
#include <vector>

#include "storage/group_sync.h"

namespace kluis::storage::group_sync_test {
namespace {

TEST(GroupSync, OneSyncCoversAllEarlierTickets) {
  GroupSync group([] { return absl::OkStatus(); });
  const auto first = group.Written();
  const auto second = group.Written();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_LT(*first, *second);
  EXPECT_TRUE(group.Sync(*second).ok());
  EXPECT_TRUE(group.Sync(*first).ok());
  EXPECT_EQ(group.syncs(), 1U);
}

TEST(GroupSync, RefusesATicketThatNoWriteGot) {
  GroupSync group([] { return absl::OkStatus(); });
  EXPECT_EQ(group.Sync(1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(group.Sync(0).ok());
}

// A write that ends while a sync runs may have come too late for it.
TEST(GroupSync, AWriteDuringASyncIsNotCoveredByIt) {
  std::promise<void> entered;
  std::promise<void> go_on;
  std::atomic<int> calls = 0;
  GroupSync group([&] {
    if (calls++ == 0) {
      entered.set_value();
      go_on.get_future().wait();
    }
    return absl::OkStatus();
  });
  const std::uint64_t early = *group.Written();
  std::thread leader([&] { EXPECT_TRUE(group.Sync(early).ok()); });
  entered.get_future().wait();
  const std::uint64_t late = *group.Written();
  std::thread follower([&] {
    EXPECT_TRUE(group.Sync(late).ok());
    EXPECT_EQ(calls, 2);
  });
  go_on.set_value();
  leader.join();
  follower.join();
  EXPECT_EQ(group.syncs(), 2U);
}

TEST(GroupSync, AFailedSyncFailsTheLeaderAndAllWhoWait) {
  std::promise<void> entered;
  std::promise<void> go_on;
  GroupSync group([&] {
    entered.set_value();
    go_on.get_future().wait();
    return absl::UnavailableError("disk");
  });
  const std::uint64_t early = *group.Written();
  std::thread leader([&] { EXPECT_EQ(group.Sync(early).code(), absl::StatusCode::kUnavailable); });
  entered.get_future().wait();
  std::vector<std::thread> followers;
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t late = *group.Written();
    followers.emplace_back(
        [&group, late] { EXPECT_EQ(group.Sync(late).code(), absl::StatusCode::kUnavailable); });
  }
  go_on.set_value();
  leader.join();
  for (std::thread& follower : followers) follower.join();
  EXPECT_EQ(group.syncs(), 1U);
}

TEST(GroupSync, StaysFailed) {
  GroupSync group([] { return absl::OkStatus(); });
  const std::uint64_t ticket = *group.Written();
  EXPECT_TRUE(group.Sync(ticket).ok());
  group.Fail();
  EXPECT_EQ(group.Sync(ticket).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(group.Written().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(group.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kluis::storage::group_sync_test
