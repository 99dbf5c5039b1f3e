// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "service/ledger/errors.h"
#include "service/upkeep/space_guard.h"
#include "tests/fakes/fake_disk_space.h"

namespace kluis::service::space_guard_test {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// 64 MiB of reserve; marks at 32, 16 and 4 MiB; looks at every command.
SpaceGuard::Options EveryTime() {
  SpaceGuard::Options options;
  options.fresh_for = std::chrono::milliseconds(0);
  return options;
}

v1::Command Enrolment() {
  v1::Command command;
  command.mutable_enroll();
  return command;
}

v1::Command Withdrawal() {
  v1::Command command;
  command.mutable_withdraw();
  return command;
}

class SpaceGuardTest : public testing::Test {
 protected:
  std::unique_ptr<SpaceGuard> Open(uint64_t free_mib, uint64_t reserved_mib) {
    disk_.free = free_mib * kMiB;
    disk_.reserved = reserved_mib * kMiB;
    return std::make_unique<SpaceGuard>(std::make_unique<FakeDiskSpace>(disk_), EveryTime());
  }

  // What a look finds when this much is free.
  SpaceLevel At(SpaceGuard& guard, uint64_t free_mib) {
    disk_.free = free_mib * kMiB;
    return guard.Refresh();
  }

  FakeDisk disk_;
};

TEST_F(SpaceGuardTest, MakesTheReserveAtTheFirstStart) {
  const auto guard = Open(500, 0);
  EXPECT_EQ(guard->level(), SpaceLevel::kOk);
  EXPECT_TRUE(guard->has_reserve());
  EXPECT_EQ(disk_.reserved, 64 * kMiB);
  EXPECT_EQ(guard->free_bytes(), 436 * kMiB);
}

TEST_F(SpaceGuardTest, TakesOverTheReserveOfAnEarlierStart) {
  const auto guard = Open(500, 64);
  EXPECT_EQ(guard->level(), SpaceLevel::kOk);
  EXPECT_EQ(disk_.reserves, 0);
}

TEST_F(SpaceGuardTest, ReplacesAReserveOfAnotherSize) {
  const auto guard = Open(500, 10);
  EXPECT_EQ(guard->level(), SpaceLevel::kOk);
  EXPECT_EQ(disk_.reserved, 64 * kMiB);
  EXPECT_EQ(disk_.free, 446 * kMiB);
}

TEST_F(SpaceGuardTest, GivesTheReserveBackAtAStartOnAFullDisk) {
  const auto guard = Open(0, 64);
  EXPECT_EQ(guard->level(), SpaceLevel::kCritical);
  EXPECT_FALSE(guard->has_reserve());
  EXPECT_EQ(disk_.free, 64 * kMiB);
  EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
}

TEST_F(SpaceGuardTest, RefusesAllButRevocationsBelowTheLowMark) {
  const auto guard = Open(500, 64);
  EXPECT_EQ(At(*guard, 32), SpaceLevel::kOk);
  EXPECT_TRUE(guard->Admit(Enrolment()).ok());
  EXPECT_EQ(At(*guard, 31), SpaceLevel::kLow);
  EXPECT_TRUE(guard->has_reserve());
  const absl::Status refused = guard->Admit(Enrolment());
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused), "AUDIT_UNAVAILABLE");
  EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
}

TEST_F(SpaceGuardTest, GivesTheReserveBackBelowTheCriticalMark) {
  const auto guard = Open(500, 64);
  EXPECT_EQ(At(*guard, 16), SpaceLevel::kLow);
  EXPECT_EQ(disk_.releases, 0);
  EXPECT_EQ(At(*guard, 15), SpaceLevel::kCritical);
  EXPECT_EQ(disk_.reserved, 0u);
  EXPECT_EQ(guard->free_bytes(), 79 * kMiB);
  EXPECT_FALSE(guard->Admit(Enrolment()).ok());
  EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
  EXPECT_EQ(guard->Refresh(), SpaceLevel::kCritical);  // its own reserve is no space to spend
}

TEST_F(SpaceGuardTest, RefusesEverythingOnceTheReserveIsSpent) {
  const auto guard = Open(0, 64);
  EXPECT_EQ(At(*guard, 4), SpaceLevel::kCritical);
  EXPECT_EQ(At(*guard, 3), SpaceLevel::kFull);
  const absl::Status refused = guard->Admit(Withdrawal());
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused), "AUDIT_UNAVAILABLE");
  EXPECT_EQ(At(*guard, 5), SpaceLevel::kFull);
  EXPECT_EQ(At(*guard, 6), SpaceLevel::kCritical);
  EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
}

TEST_F(SpaceGuardTest, MakesTheReserveAgainBeforeItTakesEverything) {
  const auto guard = Open(0, 64);
  EXPECT_EQ(At(*guard, 64 + 47), SpaceLevel::kCritical);
  EXPECT_EQ(disk_.reserved, 0u);
  EXPECT_FALSE(guard->Admit(Enrolment()).ok());
  EXPECT_EQ(At(*guard, 64 + 48), SpaceLevel::kOk);
  EXPECT_EQ(disk_.reserved, 64 * kMiB);
  EXPECT_EQ(guard->free_bytes(), 48 * kMiB);
  EXPECT_TRUE(guard->Admit(Enrolment()).ok());
}

TEST_F(SpaceGuardTest, LeavesLowOnlyWithRoomToSpare) {
  const auto guard = Open(500, 64);
  EXPECT_EQ(At(*guard, 31), SpaceLevel::kLow);
  EXPECT_EQ(At(*guard, 33), SpaceLevel::kLow);
  EXPECT_EQ(At(*guard, 47), SpaceLevel::kLow);
  EXPECT_EQ(At(*guard, 48), SpaceLevel::kOk);
  EXPECT_EQ(At(*guard, 33), SpaceLevel::kOk);
}

TEST_F(SpaceGuardTest, DoesNotFlapAroundAMark) {
  const auto guard = Open(500, 64);
  int changes = 0;
  SpaceLevel last = guard->level();
  for (int i = 0; i < 100; ++i) {
    const SpaceLevel level = At(*guard, i % 2 == 0 ? 31 : 33);
    changes += level != last ? 1 : 0;
    last = level;
  }
  EXPECT_EQ(changes, 1);
}

TEST_F(SpaceGuardTest, StaysCriticalWhileTheReserveCannotBeMade) {
  const auto guard = Open(0, 64);
  disk_.reserve_status = absl::UnavailableError("fallocate");
  EXPECT_EQ(At(*guard, 500), SpaceLevel::kCritical);
  EXPECT_FALSE(guard->Admit(Enrolment()).ok());
  EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
  EXPECT_EQ(disk_.reserves, 1) << "Admit must not try: it would make every call wait";
  disk_.reserve_status = absl::OkStatus();
  EXPECT_EQ(guard->Refresh(), SpaceLevel::kOk);
}

TEST_F(SpaceGuardTest, TriesAgainToGiveBackAReserveThatStays) {
  const auto guard = Open(500, 64);
  disk_.release_status = absl::UnavailableError("unlink");
  EXPECT_EQ(At(*guard, 10), SpaceLevel::kCritical);
  EXPECT_TRUE(guard->has_reserve());
  disk_.release_status = absl::OkStatus();
  EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
  EXPECT_FALSE(guard->has_reserve());
}

TEST_F(SpaceGuardTest, MakesAReserveAgainThatSomebodyRemoved) {
  const auto guard = Open(500, 64);
  disk_.reserved = 0;
  EXPECT_EQ(guard->Refresh(), SpaceLevel::kOk);
  EXPECT_EQ(disk_.reserved, 64 * kMiB);
}

TEST_F(SpaceGuardTest, SeesAFullDiskBeforeTheNextWrite) {
  const auto guard = Open(500, 64);
  disk_.free = 0;
  EXPECT_FALSE(guard->Admit(Enrolment()).ok());
  EXPECT_EQ(guard->level(), SpaceLevel::kCritical);
  EXPECT_EQ(disk_.free, 64 * kMiB);
}

TEST_F(SpaceGuardTest, ImprovesOnlyByARefresh) {
  const auto guard = Open(500, 64);
  EXPECT_EQ(At(*guard, 20), SpaceLevel::kLow);
  disk_.free = 500 * kMiB;
  EXPECT_FALSE(guard->Admit(Enrolment()).ok());
  EXPECT_EQ(guard->Refresh(), SpaceLevel::kOk);
  EXPECT_TRUE(guard->Admit(Enrolment()).ok());
}

TEST_F(SpaceGuardTest, LooksNoMoreOftenThanItIsTold) {
  disk_.free = 500 * kMiB;
  SpaceGuard::Options options;
  options.fresh_for = std::chrono::hours(1);
  SpaceGuard guard(std::make_unique<FakeDiskSpace>(disk_), options);
  const int looks = disk_.looks;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(guard.Admit(Enrolment()).ok());
  EXPECT_EQ(disk_.looks, looks);
}

TEST_F(SpaceGuardTest, TakesADiskThatCannotBeLookedAtForALowOne) {
  const auto guard = Open(500, 64);
  disk_.look_status = absl::UnavailableError("statvfs");
  EXPECT_EQ(guard->Refresh(), SpaceLevel::kLow);
  EXPECT_FALSE(guard->Admit(Enrolment()).ok());
  EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
  EXPECT_EQ(disk_.releases, 0);
  disk_.look_status = absl::OkStatus();
  EXPECT_EQ(guard->Refresh(), SpaceLevel::kOk);
}

TEST_F(SpaceGuardTest, WorksWithoutAReserve) {
  disk_.free = 100 * kMiB;
  SpaceGuard::Options options = EveryTime();
  options.reserve_bytes = 0;
  SpaceGuard guard(std::make_unique<FakeDiskSpace>(disk_), options);
  EXPECT_EQ(guard.level(), SpaceLevel::kOk);
  EXPECT_FALSE(guard.has_reserve());
  EXPECT_EQ(At(guard, 15), SpaceLevel::kCritical);
  EXPECT_EQ(At(guard, 3), SpaceLevel::kFull);
  EXPECT_EQ(At(guard, 100), SpaceLevel::kOk);
  EXPECT_EQ(disk_.reserves + disk_.releases, 0);
}

TEST_F(SpaceGuardTest, AnswersManyThreadsAtOnce) {
  const auto guard = Open(500, 64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&guard] {
      for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(guard->Admit(Withdrawal()).ok());
        guard->Refresh();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(guard->level(), SpaceLevel::kOk);
}

TEST(SpaceLevel, IsToldInWordsThatBeginWithItsName) {
  EXPECT_TRUE(InWords(SpaceLevel::kOk).starts_with("ok: "));
  EXPECT_TRUE(InWords(SpaceLevel::kLow).starts_with("low: "));
  EXPECT_TRUE(InWords(SpaceLevel::kCritical).starts_with("critical: "));
  EXPECT_TRUE(InWords(SpaceLevel::kFull).starts_with("full: "));
}

// What goes on while space is short, by the names in ledger.proto. A new act belongs here as well.
const std::map<std::string, bool>& Expected() {
  static const auto* const acts = new std::map<std::string, bool>{
      {"found", false},
      {"accredit", false},
      {"register", false},
      {"register_purpose", false},
      {"stop", true},
      {"lift", false},
      {"inspect", false},
      {"calibrate", false},
      {"evaluate", false},
      {"enroll", false},
      {"withdraw", true},
      {"access", true},
      {"restrict", true},
      {"lift_restriction", false},
      {"open_case", false},
      {"issue_warrant", false},
      {"refuse_warrant", true},
      {"approve_case", false},
      {"close_case", true},
      {"read_case", true},
      {"identify", false},
      {"verify", false},
      {"search_outcome", true},
      {"calibration_outcome", true},
      {"evaluation_outcome", true},
      {"adjudicate", false},
      {"disclose", false},
      {"expire_template", true},
      {"end_case", true},
      {"forget_subject", true},
      {"forget_authority_year", true},
      {"erase_done", true},
      {"start_service", true},
      {"close_checkpoint", true},
      {"seal_service", true},
      {"set_term", true},
      {"order_rekey", false},
      {"begin_rekey", true},
      {"cancel_rekey", true},
      {"void_rekey", true},
      {"rekey", true},
      {"back_up", true},
      {"recover", true},
      {"confirm_clock", true},
      {"set_clock_back", true},
      {"approve_sweep", true},
      {"witness_clock", true},
      {"lose_template", true},
      {"rotate_transform", false},
      {"renew_template", false},
      {"finish_rotation", true},
      {"admit", false},
      {"count_limited", false},
      {"reject", false},
  };
  return *acts;
}

TEST(GoesOnWithoutSpace, IsDecidedForEveryAct) {
  const auto* acts = v1::Command::descriptor()->FindOneofByName("act");
  ASSERT_NE(acts, nullptr);
  EXPECT_EQ(static_cast<size_t>(acts->field_count()), Expected().size());
  for (int i = 0; i < acts->field_count(); ++i) {
    const auto* field = acts->field(i);
    const auto expected = Expected().find(field->name());
    ASSERT_NE(expected, Expected().end()) << field->name() << ": decide whether it goes on";
    EXPECT_EQ(GoesOnWithoutSpace(static_cast<v1::Command::ActCase>(field->number())),
              expected->second)
        << field->name();
  }
  EXPECT_FALSE(GoesOnWithoutSpace(v1::Command::ACT_NOT_SET));
}

}  // namespace
}  // namespace kluis::service::space_guard_test
