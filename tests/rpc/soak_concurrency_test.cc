// SPDX-License-Identifier: Apache-2.0
// Many callers enrol, search and withdraw at once. What must hold is then read from the order of
// the log itself. KLUIS_SOAK_SECONDS (10): how long.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "audit/merkle.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"

namespace kluis::soak_concurrency_test {
namespace {

constexpr size_t kThreads = 64;
constexpr uint32_t kBudget = 10'000;

int64_t SoakSeconds() {
  const char* text = std::getenv("KLUIS_SOAK_SECONDS");
  return text == nullptr ? 10 : std::max(1, std::atoi(text));
}

// What callers were told.
struct Search {
  uint64_t number;  // whose face it was
  uint64_t intent;
  uint64_t outcome;
  bool match;
};
struct Told {
  std::vector<v1::Receipt> receipts;
  std::vector<Search> searches;
  std::map<uint64_t, uint64_t> enrolled;   // person to log index
  std::map<uint64_t, uint64_t> withdrawn;  // person to log index of the withdrawal
  std::vector<std::string> surprises;

  void Merge(Told& other) {
    receipts.insert(receipts.end(), other.receipts.begin(), other.receipts.end());
    searches.insert(searches.end(), other.searches.begin(), other.searches.end());
    surprises.insert(surprises.end(), other.surprises.begin(), other.surprises.end());
    enrolled.merge(other.enrolled);
    withdrawn.merge(other.withdrawn);
  }
};

// A person as an officer may know one.
struct Known {
  uint64_t number;
  std::string subject;
};

// The people whom somebody may withdraw, and all that there ever were.
class Everybody {
 public:
  void Add(Person person, const std::string& subject) {
    const std::lock_guard lock(mutex_);
    known_.push_back({person.number, subject});
    live_.push_back(std::move(person));
  }
  std::optional<Person> TakeOne(uint64_t random) {
    const std::lock_guard lock(mutex_);
    if (live_.empty()) return std::nullopt;
    std::swap(live_[random % live_.size()], live_.back());
    std::optional<Person> person(std::move(live_.back()));
    live_.pop_back();
    return person;
  }
  // Mostly one of the newest, around whom most happens.
  std::optional<Known> AnyOne(uint64_t random) {
    const std::lock_guard lock(mutex_);
    if (known_.empty()) return std::nullopt;
    const size_t window = std::min<size_t>(known_.size(), random % 4 == 0 ? 100'000 : 100);
    return known_[known_.size() - 1 - (random / 4) % window];
  }

 private:
  std::mutex mutex_;
  std::vector<Person> live_;
  std::vector<Known> known_;
};

class Caller {
 public:
  Caller(const TestWorld& vault, Everybody& everybody, std::string name, uint64_t seed)
      : vault_(vault), everybody_(everybody), case_(std::move(name)), random_(seed) {}

  void Step() {
    const uint64_t dice = random_() % 100;
    if (dice < 35) {
      Enrol();
    } else if (dice < 55) {
      if (const auto known = everybody_.AnyOne(random_())) SearchFor(known->number);
    } else if (dice < 65) {
      if (const auto known = everybody_.AnyOne(random_())) Compare(*known);
    } else if (auto person = everybody_.TakeOne(random_())) {
      WithdrawAndSearch(*person);
    }
  }

  Told told;

 private:
  void Enrol() {
    Person person = vault_.NewPerson();
    const auto reply = vault_.Enroll(person);
    if (!reply.ok()) return Surprise("enrol", reply.status, reply.reason);
    told.receipts.push_back(reply->receipt());
    told.enrolled[person.number] = reply->receipt().log_index();
    everybody_.Add(std::move(person), reply->subject());
  }

  void SearchFor(uint64_t number) {
    const auto reply = vault_.Identify(case_, vault_.Face(number));
    if (reply.reason == "BUDGET_SPENT") return;
    if (!reply.ok()) return Surprise("identify", reply.status, reply.reason);
    told.receipts.push_back(reply->intent());
    told.receipts.push_back(reply->receipt());
    told.searches.push_back({number, reply->intent().log_index(), reply->receipt().log_index(),
                             reply->result() != v1::SEARCH_RESULT_NO_MATCH});
  }

  void Compare(const Known& known) {
    const auto reply = vault_.Verify(known.subject, vault_.Face(known.number));
    if (reply.reason == "NOT_PERMITTED") {
      return told.searches.push_back({known.number, *reply.log_index, *reply.log_index, false});
    }
    if (!reply.ok()) return Surprise("verify", reply.status, reply.reason);
    told.receipts.push_back(reply->intent());
    told.receipts.push_back(reply->receipt());
    told.searches.push_back({known.number, reply->intent().log_index(),
                             reply->receipt().log_index(),
                             reply->result() == v1::SEARCH_RESULT_MATCH});
  }

  void WithdrawAndSearch(const Person& person) {
    const auto reply = vault_.Withdraw(person);
    if (!reply.ok()) return Surprise("withdraw", reply.status, reply.reason);
    told.receipts.push_back(reply->erasure().started());
    told.withdrawn[person.number] = reply->erasure().started().log_index();
    SearchFor(person.number);
  }

  void Surprise(const char* what, const grpc::Status& status, const std::string& reason) {
    told.surprises.push_back(std::string(what) + ": " + reason + " " + status.error_message());
  }

  const TestWorld& vault_;
  Everybody& everybody_;
  const std::string case_;
  std::mt19937_64 random_;
};

// No search begun after the entry of somebody's withdrawal leads to that person; and none misses a
// person who was enrolled before it and not withdrawn until after it.
void ExpectSearchesFollowTheLog(const Told& told) {
  size_t after_withdrawal = 0;
  size_t while_enrolled = 0;
  for (const Search& search : told.searches) {
    const auto withdrawn = told.withdrawn.find(search.number);
    if (withdrawn != told.withdrawn.end() && withdrawn->second < search.intent) {
      ++after_withdrawal;
      EXPECT_FALSE(search.match) << "person " << search.number << " was found by search "
                                 << search.intent << " though withdrawn at " << withdrawn->second;
    }
    const auto enrolled = told.enrolled.find(search.number);
    if (enrolled != told.enrolled.end() && enrolled->second < search.intent &&
        (withdrawn == told.withdrawn.end() || withdrawn->second > search.outcome)) {
      ++while_enrolled;
      EXPECT_TRUE(search.match) << "person " << search.number << " was missed by search "
                                << search.intent;
    }
  }
  EXPECT_GT(after_withdrawal, 0u);
  EXPECT_GT(while_enrolled, 0u);
  std::printf("searches: %zu, of erased people: %zu, of enrolled people: %zu\n",
              told.searches.size(), after_withdrawal, while_enrolled);
}

// Every receipt that anybody holds stands for the entry that is there.
void ExpectEntriesOfReceipts(const TestWorld& vault, const Told& told) {
  const std::vector<std::string> entries = vault.Entries();
  EXPECT_EQ(entries.size(), vault.Status().log_size());
  for (const v1::Receipt& receipt : told.receipts) {
    ASSERT_LT(receipt.log_index(), entries.size());
    EXPECT_EQ(crypto::Bytes(audit::LeafHash(entries[receipt.log_index()])), receipt.leaf_hash());
  }
  std::printf("entries: %zu, receipts: %zu\n", entries.size(), told.receipts.size());
}

TEST(Soak, WithdrawnPeopleStayLostAndNothingElseIs) {
  // A cut so strict that only a person's own template passes: every match is that person.
  TestVault vault(/*target_fpir=*/1e-9);
  const uint64_t seed = std::random_device()();
  std::printf("seed: %llu\n", static_cast<unsigned long long>(seed));
  Everybody everybody;
  std::vector<Caller> callers;
  std::string name;
  for (size_t i = 0; i < kThreads; ++i) {
    if (i % 8 == 0) name = vault.ActiveCase(kBudget);
    callers.emplace_back(vault, everybody, name, seed + i);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(SoakSeconds());
  std::vector<std::thread> threads;
  for (Caller& caller : callers) {
    threads.emplace_back([&caller, end] {
      while (std::chrono::steady_clock::now() < end) caller.Step();
    });
  }
  for (std::thread& thread : threads) thread.join();

  Told told;
  for (Caller& caller : callers) told.Merge(caller.told);
  EXPECT_EQ(told.surprises, std::vector<std::string>());
  std::printf("enrolled: %zu, withdrawn: %zu\n", told.enrolled.size(), told.withdrawn.size());
  ExpectSearchesFollowTheLog(told);
  vault.FinishErasures();
  for (const bool restarted : {false, true}) {
    if (restarted) vault.Restart();
    ExpectEntriesOfReceipts(vault, told);
    vault.ExpectLogVerifies();
    EXPECT_EQ(vault.Status().pending_erasures(), 0u);
    const v1::CheckVaultResponse check = vault.CheckVault();
    EXPECT_TRUE(check.consistent()) << check.first_difference();
  }
}

}  // namespace
}  // namespace kluis::soak_concurrency_test
