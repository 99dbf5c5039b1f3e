// SPDX-License-Identifier: Apache-2.0
// AP-6: a stop order is in force before it is answered, also for the searches that run.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"

namespace kluis::stop_test {
namespace {

constexpr size_t kThreads = 16;
constexpr uint64_t kBeforeTheStop = 800;  // searches started
constexpr uint64_t kSearches = 1'200;     // in total, at least

struct Seen {
  std::vector<uint64_t> outcomes;  // log indices of the replies that held a result
  uint64_t refused = 0;
  std::vector<std::string> others;
};

// Results among the log's entries from `start` on that a search returned, and aborted searches.
struct Outcomes {
  uint64_t returned = 0;
  uint64_t aborted = 0;
  uint64_t refused = 0;
};

Outcomes OutcomesFrom(const TestWorld& vault, uint64_t start) {
  Outcomes outcomes;
  for (const std::string& bytes : vault.Entries(start)) {
    v1::Entry entry;
    EXPECT_TRUE(entry.ParseFromString(bytes));
    if (!entry.command().has_search_outcome()) continue;
    if (!entry.decision().allowed()) {
      EXPECT_EQ(entry.decision().reason(), "PURPOSE_STOPPED");
      ++outcomes.refused;
    } else if (entry.command().search_outcome().result() == v1::SEARCH_RESULT_ABORTED) {
      ++outcomes.aborted;
    } else {
      ++outcomes.returned;
    }
  }
  return outcomes;
}

TEST(StopOrder, NoRunningSearchReturnsAnythingAfterItsEntry) {
  TestVault vault(/*target_fpir=*/1e-9);
  std::vector<Person> people;
  for (int i = 0; i < 40; ++i) {
    people.push_back(vault.NewPerson());
    Must(vault.Enroll(people.back()), "enroll");
  }
  const std::string name = vault.ActiveCase(/*budget=*/10'000);

  std::atomic<uint64_t> started = 0;
  std::atomic<bool> go_on = true;
  std::vector<Seen> seen(kThreads);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      while (go_on || started < kSearches) {
        const uint64_t number = started++;
        const auto reply = vault.Identify(name, vault.Face(people[number % people.size()]));
        if (reply.ok()) {
          seen[i].outcomes.push_back(reply->receipt().log_index());
        } else if (reply.reason == "PURPOSE_STOPPED") {
          ++seen[i].refused;
        } else {
          seen[i].others.push_back(reply.reason + ": " + reply.status.error_message());
        }
      }
    });
  }
  while (started < kBeforeTheStop) std::this_thread::yield();
  const uint64_t order = Must(vault.Stop(), "stop").receipt().log_index();
  const uint64_t started_before = started;
  go_on = false;
  for (std::thread& thread : threads) thread.join();

  uint64_t before = 0;
  uint64_t refused = 0;
  for (const Seen& each : seen) {
    for (const uint64_t index : each.outcomes) {
      EXPECT_LT(index, order);
      ++before;
    }
    refused += each.refused;
    EXPECT_EQ(each.others, std::vector<std::string>());
  }
  EXPECT_GE(started.load(), 1'000u);
  EXPECT_GT(before, 0u);
  EXPECT_GT(refused, 0u);
  const Outcomes after = OutcomesFrom(vault, order);
  EXPECT_EQ(after.returned, 0u);
  std::printf(
      "started: %llu (%llu before the answer), returned: %llu, refused: %llu, of which "
      "running: %llu\n",
      static_cast<unsigned long long>(started.load()),
      static_cast<unsigned long long>(started_before), static_cast<unsigned long long>(before),
      static_cast<unsigned long long>(refused), static_cast<unsigned long long>(after.refused));

  vault.Restart();
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0])).reason, "PURPOSE_STOPPED");
  EXPECT_EQ(OutcomesFrom(vault, order).returned, 0u);
  EXPECT_EQ(OutcomesFrom(vault, order).aborted, after.aborted);
  EXPECT_TRUE(vault.CheckVault().consistent());
}

}  // namespace
}  // namespace kluis::stop_test
