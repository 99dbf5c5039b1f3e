// SPDX-License-Identifier: Apache-2.0
// What an authority wrote about the cases of a year: who counts them, and when it is forgotten.
#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "policy/civil_time.h"
#include "tests/fakes/policy_expect.h"

namespace kluis::policy::year_test {
namespace {

using W = PolicyWorld;

constexpr Time k2028 = 1'830'297'600;      // 2028-01-01 00:00:00 UTC
constexpr Time kJuly2028 = 1'846'022'400;  // 2028-07-01 00:00:00 UTC

// Opened by carl, of the coastguard.
std::string OpenedByCoastguard(W& world) {
  v1::Command command = world.OpenCase();
  command.mutable_caller()->set_name("carl");
  command.mutable_open_case()->mutable_statement()->set_signed_by(0, "key-carl");
  world.Do(command);
  return command.open_case().new_case_id();
}

uint32_t NextSlot(const W& world) { return world.Get<v1::SlotCounter>(key::Slots()).next_slot(); }

TEST(CivilTime, KnowsTheYearFromItsFirstSecondToItsLast) {
  EXPECT_EQ(YearOf(0), 1970u);
  EXPECT_EQ(YearOf(k2028 - 1), 2027u);
  EXPECT_EQ(YearOf(k2028), 2028u);
  EXPECT_EQ(YearOf(k2028 + 366 * kDay - 1), 2028u);  // a leap year
  EXPECT_EQ(YearOf(k2028 + 366 * kDay), 2029u);
  EXPECT_EQ(YearOf(253'402'300'799), 9999u);
}

TEST(CivilTime, CountsCalendarMonthsAfterAYear) {
  EXPECT_EQ(MonthsAfterYear(2027, 0), k2028);
  EXPECT_EQ(MonthsAfterYear(2027, 1), k2028 + 31 * kDay);
  EXPECT_EQ(MonthsAfterYear(2027, 2), k2028 + (31 + 29) * kDay);  // 2028 is a leap year
  EXPECT_EQ(MonthsAfterYear(2028, 2), k2028 + (366 + 31 + 28) * kDay);
  EXPECT_EQ(MonthsAfterYear(2027, 6), kJuly2028);
  EXPECT_EQ(MonthsAfterYear(2027, 12), k2028 + 366 * kDay);
  EXPECT_EQ(MonthsAfterYear(2027, 14), MonthsAfterYear(2028, 2));
  EXPECT_EQ(MonthsAfterYear(9998, 11), 253'402'300'800 - 31 * kDay);
}

TEST(CivilTime, NeverEndsARetentionBeyondTheLastYear) {
  constexpr Time kNever = std::numeric_limits<Time>::max();
  EXPECT_EQ(MonthsAfterYear(9998, 12), kNever);
  EXPECT_EQ(MonthsAfterYear(2027, std::numeric_limits<uint32_t>::max()), kNever);
  EXPECT_EQ(MonthsAfterYear(std::numeric_limits<uint32_t>::max(), 6), kNever);
}

TEST(AuthorityYear, IsMadeByItsFirstCaseWithASlotOfItsOwn) {
  W world = W::Ready();
  const uint32_t before = NextSlot(world);
  const std::string first = world.Opened();
  EXPECT_EQ(NextSlot(world), before + 2);
  const v1::AuthorityYear year = world.Year(world.police, 2027);
  EXPECT_EQ(year.authority_id(), world.police);
  EXPECT_EQ(year.year(), 2027u);
  EXPECT_NE(year.slot(), world.Case(first).slot());
  EXPECT_FALSE(year.erased());

  const std::string second = world.Opened();
  EXPECT_EQ(NextSlot(world), before + 3);
  EXPECT_EQ(world.Year(world.police, 2027).slot(), year.slot());
  EXPECT_NE(world.Case(second).slot(), year.slot());

  OpenedByCoastguard(world);
  EXPECT_EQ(NextSlot(world), before + 5);
  EXPECT_NE(world.Year(world.coastguard, 2027).slot(), year.slot());
  world.now = k2028;
  world.Opened();
  EXPECT_EQ(NextSlot(world), before + 7);
  EXPECT_NE(world.Year(world.police, 2028).slot(), year.slot());
}

TEST(AuthorityYear, CountsItsCasesThatHaveNotEnded) {
  W world = W::Ready();
  const auto live = [&] { return world.Year(world.police, 2027).live_cases(); };
  const std::string closed = world.Opened();
  const std::string refused = world.Opened();
  const std::string lapsed = world.Opened();
  const std::string expired = world.Active();
  OpenedByCoastguard(world);
  EXPECT_EQ(live(), 4u);
  world.Do(world.CloseCase(closed));
  EXPECT_EQ(live(), 3u);
  world.Do(world.RefuseWarrant(refused));
  EXPECT_EQ(live(), 2u);
  world.now = world.Case(expired).warrant().not_after().seconds();
  world.Do(world.EndCase(expired));
  EXPECT_EQ(live(), 1u);
  world.now = world.Case(lapsed).opened_at() + W::kCaseRetention;
  world.Do(world.EndCase(lapsed));
  EXPECT_EQ(live(), 0u);
  // The end of its retention is not a second end.
  world.now += W::kCaseRetention;
  world.Do(world.EndCase(closed));
  EXPECT_EQ(live(), 0u);
  EXPECT_EQ(world.Year(world.coastguard, 2027).live_cases(), 1u);
}

TEST(AuthorityYear, CountsACaseInTheYearThatItWasOpenedIn) {
  W world = W::Ready();
  world.now = k2028 - 1;
  const std::string old = world.Opened();
  world.now = k2028;
  const std::string young = world.Opened();
  EXPECT_EQ(world.Year(world.police, 2027).live_cases(), 1u);
  EXPECT_EQ(world.Year(world.police, 2028).live_cases(), 1u);
  world.Do(world.CloseCase(old));
  EXPECT_EQ(world.Year(world.police, 2027).live_cases(), 0u);
  EXPECT_EQ(world.Year(world.police, 2028).live_cases(), 1u);
  world.Do(world.RefuseWarrant(young));
  EXPECT_EQ(world.Year(world.police, 2028).live_cases(), 0u);
}

TEST(ForgetAuthorityYear, IsDueTheProfilesCalendarMonthsAfterTheYear) {
  W world = W::Ready();
  world.Do(world.CloseCase(world.Opened()));
  const v1::Command forget = world.ForgetAuthorityYear(world.police, 2027);
  EXPECT_TRUE(RefusedBy("upkeep.year-over", "NOT_DUE", world, forget));
  world.now = kJuly2028 - 1;
  EXPECT_TRUE(RefusedBy("upkeep.year-over", "NOT_DUE", world, forget));
  world.now = kJuly2028;
  EXPECT_TRUE(Allowed(world, forget));
  for (const auto& [authority, year] :
       {std::pair{world.police, 2026}, {world.police, 2028}, {world.coastguard, 2027}}) {
    EXPECT_TRUE(RefusedBy("upkeep.year-over", "NOT_DUE", world,
                          world.ForgetAuthorityYear(authority, static_cast<uint32_t>(year))));
  }
}

TEST(ForgetAuthorityYear, ErasesTheYearsSlotOnce) {
  W world = W::Ready();
  world.Do(world.CloseCase(world.Opened()));
  world.now = kJuly2028;
  const v1::Command forget = world.ForgetAuthorityYear(world.police, 2027);
  world.Do(forget);
  const std::string id = AuthorityYearId(world.police, 2027);
  const auto pending =
      world.Get<v1::PendingErasure>(key::PendingErasure(v1::ERASURE_TARGET_AUTHORITY_YEAR, id));
  EXPECT_EQ(pending.slot(), world.Year(world.police, 2027).slot());
  EXPECT_EQ(pending.id(), id);
  EXPECT_TRUE(RefusedBy("upkeep.year-over", "NOT_DUE", world, forget));
  EXPECT_FALSE(world.Year(world.police, 2027).erased());
  world.Do(world.EraseDone(v1::ERASURE_TARGET_AUTHORITY_YEAR, id));
  EXPECT_TRUE(world.Year(world.police, 2027).erased());
  EXPECT_TRUE(RefusedBy("upkeep.year-over", "NOT_DUE", world, forget));
  EXPECT_TRUE(RefusedBy("upkeep.erasure-pending", "NOT_PENDING", world,
                        world.EraseDone(v1::ERASURE_TARGET_AUTHORITY_YEAR, id)));
}

TEST(ForgetAuthorityYear, WaitsForTheLastCaseThatIsOpen) {
  W world = W::Ready();
  world.now = k2028 - 1;
  const std::string open = world.Opened();
  world.Do(world.CloseCase(world.Opened()));
  world.now = kJuly2028 + 10 * kDay;
  const v1::Command forget = world.ForgetAuthorityYear(world.police, 2027);
  EXPECT_TRUE(RefusedBy("upkeep.year-over", "NOT_DUE", world, forget));
  world.Do(world.CloseCase(open));
  EXPECT_TRUE(Allowed(world, forget));
}

TEST(ForgetAuthorityYear, LeavesWhatTheAuthorityWroteInTheNextYear) {
  W world = W::Ready();
  world.Do(world.CloseCase(world.Opened()));
  world.now = k2028;
  world.Opened();
  world.now = kJuly2028;
  world.Do(world.ForgetAuthorityYear(world.police, 2027));
  EXPECT_TRUE(RefusedBy("upkeep.year-over", "NOT_DUE", world,
                        world.ForgetAuthorityYear(world.police, 2028)));
}

TEST(Decide, DeniesOnACaseWithoutItsAuthoritysYear) {
  W world = W::Ready();
  const std::string id = world.Opened();
  v1::RecordChange gone;
  gone.set_removed_key(key::AuthorityYear(AuthorityYearId(world.police, 2027)));
  world.Put(gone);
  for (const v1::Command& command :
       {world.CloseCase(id), world.RefuseWarrant(id), world.EndCase(id)}) {
    EXPECT_EQ(Decide(world.state, command, world.now).status().code(), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace kluis::policy::year_test
