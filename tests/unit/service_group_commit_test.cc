// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "policy/record_key.h"
#include "service/ledger/group_commit.h"
#include "service/ledger/ledger.h"
#include "service/ledger/writes.h"
#include "storage/database.h"
#include "storage/reader.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::group_commit_test {
namespace {

using storage::Column;

Act Named(const std::string& method) {
  Act act;
  act.command.set_method(method);
  return act;
}

// Longer than any test.
constexpr std::chrono::microseconds kForever = std::chrono::hours(1);
constexpr std::chrono::microseconds kMoment = std::chrono::milliseconds(1);

// A log of names. Its first append goes on when so many acts wait behind it.
class NameLog {
 public:
  explicit NameLog(size_t wait_for, std::chrono::microseconds gather = kMoment)
      : wait_for_(wait_for),
        group_([this](std::span<GroupCommit::Seat* const> seats) { return Append(seats); },
               [this](uint64_t ticket) { return Sync(ticket); }, gather) {}

  absl::StatusOr<Committed> Commit(const std::string& name) { return group_.Commit(Named(name)); }
  void FailAppends(absl::Status status) { append_status_ = std::move(status); }
  void FailSyncs(absl::Status status) { sync_status_ = std::move(status); }

  void WaitForFirstAppend() const { begun_.wait(false); }
  size_t waiting() const { return group_.waiting(); }
  void HoldSyncs() { held_ = true; }
  void LetGo() {
    held_ = false;
    held_.notify_all();
  }

  // Once everybody is done.
  std::vector<size_t> groups() const { return groups_; }
  int syncs() const { return syncs_; }

  std::vector<std::string> names() const {
    const std::lock_guard lock(mutex_);
    return names_;
  }

 private:
  absl::StatusOr<uint64_t> Append(std::span<GroupCommit::Seat* const> seats) {
    begun_ = true;
    begun_.notify_one();
    while (groups_.empty() && group_.waiting() < wait_for_) std::this_thread::yield();
    groups_.push_back(seats.size());
    const std::lock_guard lock(mutex_);
    if (!append_status_.ok()) return append_status_;
    for (GroupCommit::Seat* const seat : seats) {
      if (seat->act.command.method() == "bad") {
        seat->committed = absl::InvalidArgumentError("bad");
        continue;
      }
      names_.push_back(seat->act.command.method());
      Committed committed;
      committed.index = names_.size() - 1;
      seat->committed = std::move(committed);
    }
    return names_.size();
  }

  absl::Status Sync(uint64_t ticket) {
    held_.wait(true);
    const std::lock_guard lock(mutex_);
    EXPECT_LE(ticket, names_.size());
    ++syncs_;
    return sync_status_;
  }

  const size_t wait_for_;
  absl::Status append_status_;
  absl::Status sync_status_;
  std::vector<size_t> groups_;
  std::vector<std::string> names_;
  mutable std::mutex mutex_;  // guards names_ and syncs_
  int syncs_ = 0;
  std::atomic<bool> begun_ = false;
  std::atomic<bool> held_ = false;
  GroupCommit group_;
};

// One act leads; the others come while it is being appended.
void CommitTogether(NameLog& log, const std::vector<std::string>& names,
                    const std::function<void(const std::string&, absl::StatusOr<Committed>)>& see) {
  std::vector<std::thread> threads;
  for (const std::string& name : names) {
    threads.emplace_back([&log, &see, name] { see(name, log.Commit(name)); });
    log.WaitForFirstAppend();
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(GroupCommit, WhoComesDuringAnAppendSharesTheNextAppendAndSync) {
  NameLog log(3);
  CommitTogether(log, {"a", "b", "c", "d"},
                 [&](const std::string& name, const absl::StatusOr<Committed>& committed) {
                   ASSERT_TRUE(committed.ok()) << committed.status();
                   EXPECT_EQ(log.names()[committed->index], name);
                 });
  EXPECT_EQ(log.groups(), (std::vector<size_t>{1, 3}));
  EXPECT_EQ(log.syncs(), 2);
}

TEST(GroupCommit, WhoFindsAFullGroupLeadsTheNext) {
  NameLog log(65);
  std::vector<std::string> names(66);
  for (size_t i = 0; i < names.size(); ++i) names[i] = "name " + std::to_string(i);
  CommitTogether(log, names,
                 [&](const std::string& name, const absl::StatusOr<Committed>& committed) {
                   ASSERT_TRUE(committed.ok()) << committed.status();
                   EXPECT_EQ(log.names()[committed->index], name);
                 });
  std::vector<size_t> groups = log.groups();
  std::ranges::sort(groups);
  EXPECT_EQ(groups, (std::vector<size_t>{1, 1, 64}));
  EXPECT_EQ(log.names().size(), names.size());
}

// Both groups are in the log then: one of one, one of two.
void CommitThree(NameLog& log) {
  CommitTogether(log, {"a", "b", "c"},
                 [](const std::string&, const absl::StatusOr<Committed>& committed) {
                   EXPECT_TRUE(committed.ok());
                 });
}

TEST(GroupCommit, ALeaderWaitsForAsManyAsTheGroupBeforeHad) {
  NameLog log(2, kForever);
  CommitThree(log);
  std::thread leader([&] { EXPECT_TRUE(log.Commit("d").ok()); });
  while (log.waiting() == 0 && log.names().size() < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(log.names().size(), 3u);
  EXPECT_TRUE(log.Commit("e").ok());
  leader.join();
  EXPECT_EQ(log.groups(), (std::vector<size_t>{1, 2, 2}));
}

TEST(GroupCommit, ALeaderWaitsAMomentAtMost) {
  NameLog log(2, kMoment);
  CommitThree(log);
  EXPECT_TRUE(log.Commit("d").ok());
  EXPECT_EQ(log.groups(), (std::vector<size_t>{1, 2, 1}));
}

TEST(GroupCommit, WhoIsAloneDoesNotWait) {
  NameLog log(0, kForever);
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(log.Commit(name).ok());
  EXPECT_EQ(log.groups(), (std::vector<size_t>{1, 1, 1}));
}

TEST(GroupCommit, OneGroupIsAppendedWhileAnotherIsSyncedAndTheRestCollects) {
  NameLog log(0);
  log.HoldSyncs();
  std::vector<std::thread> threads;
  const auto commit = [&](const char* name) {
    threads.emplace_back([&log, name] { EXPECT_TRUE(log.Commit(name).ok()); });
  };
  for (size_t i = 0; i < 2; ++i) {
    commit(i == 0 ? "synced" : "appended");
    while (log.names().size() <= i) std::this_thread::yield();
  }
  commit("collects");
  commit("collects too");
  while (log.waiting() < 2 && log.names().size() == 2) std::this_thread::yield();
  EXPECT_EQ(log.names().size(), 2u);
  log.LetGo();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log.groups(), (std::vector<size_t>{1, 1, 2}));
}

TEST(GroupCommit, OneThatFailsLeavesTheOthersAlone) {
  NameLog log(2);
  CommitTogether(log, {"a", "bad", "c"},
                 [](const std::string& name, const absl::StatusOr<Committed>& committed) {
                   EXPECT_EQ(committed.ok(), name != "bad");
                 });
  EXPECT_EQ(log.names().size(), 2u);
}

TEST(GroupCommit, AnAppendThatFailsFailsAllAndIsNotSynced) {
  NameLog log(1);
  log.FailAppends(absl::UnavailableError("down"));
  CommitTogether(log, {"a", "b"},
                 [](const std::string&, const absl::StatusOr<Committed>& committed) {
                   EXPECT_TRUE(absl::IsUnavailable(committed.status()));
                 });
  EXPECT_EQ(log.syncs(), 0);
}

TEST(GroupCommit, NobodyIsAnsweredWhenASyncFails) {
  NameLog log(1);
  log.FailSyncs(absl::UnavailableError("down"));
  CommitTogether(log, {"a", "b"},
                 [](const std::string&, const absl::StatusOr<Committed>& committed) {
                   EXPECT_TRUE(absl::IsUnavailable(committed.status()));
                 });
}

// EraseDone of an erasure that stands in the state is allowed, so what it attaches is written.
class LedgerOfErasures : public testing::Test {
 protected:
  LedgerOfErasures() {
    storage::Batch batch;
    for (const char id : {'\1', '\2', kPlain}) {
      v1::PendingErasure erasure;
      erasure.set_target(v1::ERASURE_TARGET_TRANSFORM);
      erasure.set_id(std::string(16, id));
      batch.Put(Column::kState, policy::key::PendingErasure(erasure.target(), erasure.id()),
                erasure.SerializeAsString());
    }
    EXPECT_TRUE(database_->WriteSynced(std::move(batch)).ok());
    ledger_ = *Ledger::Open(*database_, clock_, std::string(32, 'd'));
  }

  static Act Done(char id, std::function<absl::Status(Writes&)> attach) {
    Act act;
    act.kind = v1::LOG_KIND_ERASURE;
    act.command.set_method("Sweep");
    v1::EraseDone& done = *act.command.mutable_erase_done();
    done.set_target(v1::ERASURE_TARGET_TRANSFORM);
    done.set_id(std::string(16, id));
    done.set_keyring_commitment(std::string(32, 'k'));
    act.attach = [attach = std::move(attach)](const policy::Ruling&, uint64_t, Writes& writes) {
      return attach(writes);
    };
    return act;
  }

  // Brings no function along.
  static Act Plain() {
    Act act = Done(kPlain, {});
    act.attach = nullptr;
    return act;
  }
  static std::string PlainKey() {
    return policy::key::PendingErasure(v1::ERASURE_TARGET_TRANSFORM, std::string(16, kPlain));
  }

  static constexpr char kPlain = '\3';

  std::string Row() const { return database_->Get(Column::kSealed, "row")->value_or("none"); }

  const ScratchDirectory scratch_;
  const FakeClock clock_{1'800'000'000};
  const std::unique_ptr<storage::Database> database_ =
      *storage::Database::Open({scratch_.path() + "/db", true, nullptr});
  std::unique_ptr<Ledger> ledger_;
};

// What an act has read, the end of its append finds again, whatever becomes of disk and memory: so
// nothing fails after an earlier batch of the group was written.
TEST(Writes, AsksOnceForEachKeyWhereverItsValueWas) {
  class Once : public storage::Reader {
   public:
    absl::StatusOr<std::optional<std::string>> Get(Column, std::string_view) const override {
      if (asked_++ > 0) return absl::DataLossError("damaged");
      return std::optional<std::string>("on disk");
    }
    absl::Status ScanRange(Column, std::string_view, std::string_view,
                           const Visit&) const override {
      return absl::OkStatus();
    }
    absl::Status GetEach(Column, std::span<const std::string>, const VisitEach&) const override {
      return absl::OkStatus();
    }

   private:
    mutable int asked_ = 0;
  };
  const Once disk;
  LastWritten last;
  last.Keep("lately", "in memory");
  const Writes writes(disk, nullptr, &last);
  EXPECT_EQ(**writes.Read("lately"), "in memory");
  EXPECT_EQ(**writes.Read("before"), "on disk");
  last = {};
  EXPECT_EQ(**writes.Read("lately"), "in memory");
  EXPECT_EQ(**writes.Read("before"), "on disk");
}

TEST(GroupCommitDeathTest, AnAppendThatThrowsEndsTheProcess) {
  const auto commit = [] {
    GroupCommit group([](auto) -> absl::StatusOr<uint64_t> { throw std::bad_alloc(); },
                      [](uint64_t) { return absl::OkStatus(); });
    group.Commit(Named("a")).status().IgnoreError();
  };
  EXPECT_DEATH(commit(), "bad_alloc");
}

TEST_F(LedgerOfErasures, AnActThatFailsLeavesNothingBehindAndTheOthersStand) {
  GroupCommit::Seat good(Done('\1', [](Writes& writes) {
    writes.Put(Column::kSealed, "row", "good");
    return absl::OkStatus();
  }));
  GroupCommit::Seat bad(Done('\2', [](Writes& writes) {
    EXPECT_EQ(writes.Get(Column::kSealed, "row")->value(), "good");
    writes.Put(Column::kSealed, "row", "bad");
    writes.Put(Column::kSealed, "another", "bad");
    return absl::InvalidArgumentError("bad");
  }));
  GroupCommit::Seat after(Done('\2', [](Writes& writes) {
    EXPECT_EQ(writes.Get(Column::kSealed, "row")->value(), "good");
    EXPECT_EQ(*writes.Get(Column::kSealed, "another"), std::nullopt);
    return absl::OkStatus();
  }));
  GroupCommit::Seat* const seats[] = {&good, &bad, &after};
  ASSERT_TRUE(ledger_->AppendEach(seats).ok());
  ASSERT_TRUE(good.committed.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(bad.committed.status()));
  ASSERT_TRUE(after.committed.ok());
  EXPECT_TRUE(good.committed->ruling.decision.allowed());
  EXPECT_TRUE(after.committed->ruling.decision.allowed());
  EXPECT_EQ(good.committed->index, 0u);
  EXPECT_EQ(after.committed->index, 1u);
  EXPECT_EQ(ledger_->size(), 2u);
  EXPECT_EQ(Row(), "good");
  EXPECT_EQ(*database_->Get(Column::kSealed, "another"), std::nullopt);
}

class CountingFollower : public StateFollower {
 public:
  void Follow(const v1::RecordChange& change, std::span<const float>) override {
    if (!change.removed_key().empty()) ++done;
  }

  int done = 0;
};

// A disclosure looks at database and galleries when it is decided: a withdrawal before it counts.
TEST_F(LedgerOfErasures, FunctionsFindWhatWasDecidedBeforeInDatabaseAndMemory) {
  CountingFollower follower;
  ledger_->SetFollowers(&follower, nullptr);
  Act first = Done('\1', [](Writes& writes) {
    writes.Put(Column::kSealed, "row", "written");
    return absl::OkStatus();
  });
  Act second = Done('\2', {});
  second.attach = nullptr;
  second.prepare = [&](const Writes&, policy::Time, v1::Command&) {
    EXPECT_EQ(Row(), "written");
    EXPECT_EQ(follower.done, 2) << "of both acts before this one";
    EXPECT_EQ(*database_->Get(Column::kState, PlainKey()), std::nullopt);
    return absl::OkStatus();
  };
  GroupCommit::Seat plain(Plain());
  GroupCommit::Seat changes(std::move(first));
  GroupCommit::Seat looks(std::move(second));
  GroupCommit::Seat* const seats[] = {&plain, &changes, &looks};
  ASSERT_TRUE(ledger_->AppendEach(seats).ok());
  EXPECT_TRUE(plain.committed.ok() && changes.committed.ok() && looks.committed.ok());
}

TEST_F(LedgerOfErasures, PlainActsAreOneBatchInWhichEachSeesThoseBeforeIt) {
  const uint64_t writes = database_->GetStats()->writes;
  GroupCommit::Seat first(Plain());
  GroupCommit::Seat again(Plain());
  GroupCommit::Seat* const seats[] = {&first, &again};
  ASSERT_TRUE(ledger_->AppendEach(seats).ok());
  ASSERT_TRUE(first.committed.ok() && again.committed.ok());
  EXPECT_TRUE(first.committed->ruling.decision.allowed());
  EXPECT_FALSE(again.committed->ruling.decision.allowed());
  EXPECT_EQ(database_->GetStats()->writes, writes + 1);
}

TEST_F(LedgerOfErasures, AGroupOfWhichNothingIsLeftWritesNothing) {
  GroupCommit::Seat bad(Done('\1', [](Writes&) { return absl::InvalidArgumentError("bad"); }));
  GroupCommit::Seat* const seats[] = {&bad};
  const auto ticket = ledger_->AppendEach(seats);
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(*ticket, 0u);
  EXPECT_EQ(ledger_->size(), 0u);
}

// Many threads at once: each gets its own entry, and the log has no gap.
TEST_F(LedgerOfErasures, GivesEachOfManyThreadsItsOwnEntry) {
  constexpr int kThreads = 16;
  constexpr int kActs = 50;
  std::mutex mutex;
  std::vector<int> seen(kThreads * kActs);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kActs; ++n) {
        Act act;
        act.command.mutable_reject()->set_reason("MALFORMED_REQUEST");
        const auto committed = ledger_->Commit(std::move(act));
        ASSERT_TRUE(committed.ok()) << committed.status();
        const std::lock_guard lock(mutex);
        ++seen[committed->index];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen, std::vector<int>(kThreads * kActs, 1));
  EXPECT_EQ(ledger_->size(), static_cast<uint64_t>(kThreads * kActs));
}

}  // namespace
}  // namespace kluis::service::group_commit_test
