// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "service/callers/limits.h"
#include "service/ledger/errors.h"

namespace kluis::service::limits_test {
namespace {

using Lane = Limits::Lane;
using Right = Limits::Right;

const Peer kOfficer = {v1::ROLE_OFFICER, "one"};
const Peer kOther = {v1::ROLE_OFFICER, "two"};
const Peer kPortal = {v1::ROLE_SUBJECT, "portal"};

struct LimitsTest : testing::Test {
  Limits Make() {
    return Limits(config, [this] { return now; });
  }
  // Calls that are let in and answered at once, of `tries`.
  static int LetIn(Limits& limits, const Peer& peer, int tries, Lane lane = Lane::kOrdinary) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += limits.Enter(peer, lane).ok() ? 1 : 0;
    return count;
  }
  // Calls that are let in and stay.
  static std::vector<Limits::Held> Fill(Limits& limits, const Peer& peer, Lane lane) {
    std::vector<Limits::Held> held;
    while (true) {
      auto one = limits.Enter(peer, lane);
      if (!one.ok()) return held;
      held.push_back(*std::move(one));
    }
  }

  LimitsConfig config;
  int64_t now = 1'000'000;  // milliseconds
};

TEST_F(LimitsTest, AnIdentityMayCallAtItsRateAndForTwoSecondsAtOnce) {
  config.member_rate = 10;
  Limits limits = Make();
  EXPECT_EQ(LetIn(limits, kOfficer, 100), 20);
  now += 100;
  EXPECT_EQ(LetIn(limits, kOfficer, 100), 1);
  now += 1000;
  EXPECT_EQ(LetIn(limits, kOfficer, 100), 10);
  EXPECT_EQ(LetIn(limits, kOther, 100), 20) << "another one's calls are its own";
}

TEST_F(LimitsTest, WhatIsBeyondALimitSaysSoAndIsCountedByCaller) {
  config.member_rate = 1;
  config.subject_rate = 1;
  Limits limits = Make();
  LetIn(limits, kOfficer, 5);
  now += 2500;
  LetIn(limits, kPortal, 4);
  EXPECT_EQ(ReasonOf(limits.Enter(kPortal, Lane::kOrdinary).status()), kRateLimited);
  EXPECT_TRUE(absl::IsResourceExhausted(limits.Enter(kPortal, Lane::kOrdinary).status()));
  const std::vector<Limits::Counted> counted = limits.TakeCounted();
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_EQ(counted[0].role, v1::ROLE_SUBJECT);
  EXPECT_EQ(counted[0].name, "") << "of subjects the log has no name";
  EXPECT_EQ(counted[0].calls, 4u);
  EXPECT_EQ(counted[1].name, "one");
  EXPECT_EQ(counted[1].calls, 3u);
  EXPECT_EQ(counted[1].seconds, 3);
  EXPECT_TRUE(limits.TakeCounted().empty());
}

TEST_F(LimitsTest, CallsOfOneIdentityAtATimeAreBoundedUntilTheirAnswersHaveLeft) {
  config.member_calls = 3;
  Limits limits = Make();
  auto held = Fill(limits, kOfficer, Lane::kOrdinary);
  EXPECT_EQ(held.size(), 3u);
  held.pop_back();
  EXPECT_TRUE(limits.Enter(kOfficer, Lane::kOrdinary).ok());
}

TEST_F(LimitsTest, AFullVaultHasRoomForWhatTakesSomethingAway) {
  config.calls = 16;
  config.member_calls = 384;
  Limits limits = Make();
  const auto held = Fill(limits, kOfficer, Lane::kOrdinary);
  EXPECT_EQ(held.size(), 16u);
  EXPECT_FALSE(limits.Enter(kOther, Lane::kOrdinary).ok());
  EXPECT_TRUE(limits.Enter(kOther, Lane::kReserved).ok());
  EXPECT_TRUE(limits.Enter(kOfficer, Lane::kReserved).ok()) << "and for whoever filled it";
}

TEST_F(LimitsTest, ReservedCallsOfOneIdentityAreBoundedToo) {
  Limits limits = Make();
  EXPECT_EQ(Fill(limits, kOfficer, Lane::kReserved).size(), 8u);
}

TEST_F(LimitsTest, StreamsThatWaitForTheirCallersAreFew) {
  config.member_streams = 2;
  config.streams = 3;
  Limits limits = Make();
  const auto held = Fill(limits, kOfficer, Lane::kStream);
  EXPECT_EQ(held.size(), 2u);
  EXPECT_EQ(Fill(limits, kOther, Lane::kStream).size(), 1u);
  EXPECT_TRUE(limits.Enter(kOfficer, Lane::kOrdinary).ok());
}

TEST_F(LimitsTest, APortalHasBoundsOfItsOwn) {
  config.subject_rate = 5;
  config.portals = {{"portal", 50, 2}};
  Limits limits = Make();
  EXPECT_EQ(LetIn(limits, kPortal, 1000), 100);
  EXPECT_EQ(LetIn(limits, {v1::ROLE_SUBJECT, "phone"}, 1000), 10);
  now += 10'000;
  EXPECT_EQ(Fill(limits, kPortal, Lane::kOrdinary).size(), 2u);
}

TEST_F(LimitsTest, NothingRefusesWhatAKnownSubjectTakesAwayNorTenAccessesAnHour) {
  config.subject_rate = 1;
  Limits limits = Make();
  LetIn(limits, kPortal, 100);  // the portal has nothing left
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(limits.EnterSubject(kPortal, "anna", Right::kTakesAway).ok());
  }
  int accesses = 0;
  for (int i = 0; i < 100; ++i) {
    accesses += limits.EnterSubject(kPortal, "anna", Right::kAccess).ok() ? 1 : 0;
  }
  EXPECT_EQ(accesses, 20) << "ten of its right, ten of its key's own";
  EXPECT_FALSE(limits.EnterSubject(kPortal, "anna", Right::kOther).ok());
  EXPECT_TRUE(limits.EnterSubject(kPortal, "ben", Right::kAccess).ok());
  now += 360'000;  // a tenth of an hour
  EXPECT_TRUE(limits.EnterSubject(kPortal, "anna", Right::kAccess).ok());
}

TEST_F(LimitsTest, RowsInFlightAndTheirBytesAreBoundedForOneAndForAll) {
  config.member_rows = 10;
  config.rows = 15;
  config.member_rows_mib = 2;
  config.rows_mib = 3;
  Limits limits = Make();
  auto rows = limits.TakeRows(kOfficer, 10);
  ASSERT_TRUE(rows.ok());
  EXPECT_FALSE(limits.TakeRows(kOfficer, 1).ok());
  EXPECT_FALSE(limits.TakeRows(kOther, 6).ok());
  auto others = limits.TakeRows(kOther, 5);
  ASSERT_TRUE(others.ok());
  EXPECT_TRUE((*rows)->Add(2 << 20).ok());
  EXPECT_FALSE((*rows)->Add(1).ok());
  EXPECT_TRUE((*others)->Add(1 << 20).ok());
  EXPECT_FALSE((*others)->Add(1).ok());
  rows->reset();
  EXPECT_TRUE((*others)->Add(1).ok());
  EXPECT_TRUE(limits.TakeRows(kOfficer, 10).ok());
}

TEST_F(LimitsTest, FewAnswersThatSayRateLimitedMayWaitToLeave) {
  Limits limits = Make();
  std::vector<Limits::Held> answers;
  while (Limits::Held answer = limits.AnswerLimited()) answers.push_back(answer);
  EXPECT_EQ(answers.size(), 32u);
  answers.pop_back();
  EXPECT_NE(limits.AnswerLimited(), nullptr);
}

TEST_F(LimitsTest, ForgetsIdentitiesThatAreAtRest) {
  Limits limits = Make();
  const auto busy = limits.Enter(kOfficer, Lane::kOrdinary);
  for (int i = 0; i < 20'000; ++i) {
    now += 1000;
    EXPECT_TRUE(limits.Enter({v1::ROLE_SUBJECT, std::to_string(i)}, Lane::kOrdinary).ok());
  }
  EXPECT_LE(limits.identities(), 4097u);
}

}  // namespace
}  // namespace kluis::service::limits_test
