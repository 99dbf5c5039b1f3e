// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service/ledger/decision_clock.h"
#include "tests/fakes/fake_clock.h"

namespace kluis::service::decision_clock_test {
namespace {

using testing::HasSubstr;

constexpr int64_t kLast = 1'800'000'000;
constexpr int64_t kDay = policy::kDay;

TEST(DecisionTime, FollowsTheTimeThatPassesAndTheLogsFirstStart) {
  FakeClock machine(kLast);
  DecisionClock clock(machine, 0);
  EXPECT_EQ(clock.Read().time, kLast);
  machine.Advance(5 * kDay);
  EXPECT_EQ(clock.Read().time, kLast + 5 * kDay);
  EXPECT_TRUE(clock.Read().trusted());
}

TEST(DecisionTime, FollowsStepsBelowAMinuteAndAMinuteADayAtMost) {
  FakeClock machine(kLast);
  DecisionClock clock(machine, kLast);
  machine.Step(40);
  EXPECT_EQ(clock.Read().time, kLast + 40);
  machine.Step(20);
  EXPECT_EQ(clock.Read().time, kLast + 60);
  machine.Step(-2);
  DecisionClock::Reading reading = clock.Read();
  EXPECT_EQ(reading.state, ClockState::kDisagrees);
  EXPECT_EQ(reading.time, kLast + 60);
  EXPECT_EQ(reading.ahead, -2);
  machine.Advance(kDay);
  reading = clock.Read();
  EXPECT_TRUE(reading.trusted());
  EXPECT_EQ(reading.time, kLast + kDay + 58);
}

// A minute in steps of two seconds is a minute.
TEST(DecisionTime, IsNotCarriedAwayBySmallSteps) {
  FakeClock machine(kLast);
  DecisionClock clock(machine, kLast);
  for (int i = 0; i < 200; ++i) {
    machine.Step(2);
    clock.Read();
  }
  EXPECT_EQ(clock.Read().time, kLast + 60);
  EXPECT_EQ(clock.Read().ahead, 340);
}

TEST(DecisionTime, IsTheMachinesSecondAndNotMovedByRounding) {
  FakeClock machine(kLast);
  DecisionClock clock(machine, kLast);
  for (int i = 0; i < 1000; ++i) {
    machine.Step(i % 2 == 0 ? 1 : -1);
    EXPECT_EQ(clock.Read().time, machine.NowUnix());
    EXPECT_TRUE(clock.Read().trusted());
  }
  machine.Step(60);
  EXPECT_FALSE(clock.Read().trusted());
  EXPECT_EQ(clock.Read().time, kLast) << "no second of the thousand was kept";
}

TEST(DecisionTime, DoesNotFollowALargerStepAndRunsOn) {
  for (const int64_t step : {int64_t{60}, int64_t{-60}, 900 * kDay, -900 * kDay}) {
    FakeClock machine(kLast);
    DecisionClock clock(machine, kLast);
    machine.Step(step);
    EXPECT_EQ(clock.Read().state, ClockState::kDisagrees) << step;
    EXPECT_EQ(clock.Read().time, kLast);
    EXPECT_EQ(clock.Read().ahead, step);
    machine.Advance(100);
    EXPECT_EQ(clock.Read().time, kLast + 100);
    machine.Step(-step);
    EXPECT_TRUE(clock.Read().trusted());
    EXPECT_EQ(clock.Read().time, kLast + 100);
  }
}

TEST(DecisionTime, StandsStillAfterAStartBeforeTheLastEntryOrLongAfterIt) {
  for (const int64_t away : {int64_t{-90}, -900 * kDay, 7 * kDay + 1, 900 * kDay}) {
    FakeClock machine(kLast + away);
    DecisionClock clock(machine, kLast);
    EXPECT_EQ(clock.Read().state, ClockState::kUnconfirmed) << away;
    machine.Advance(30);
    EXPECT_EQ(clock.Read().time, kLast) << away;
  }
  for (const int64_t away : {int64_t{0}, int64_t{-59}, 7 * kDay}) {
    FakeClock machine(kLast + away);
    DecisionClock clock(machine, kLast);
    EXPECT_TRUE(clock.Read().trusted()) << away;
  }
  const FakeClock minute_before(kLast - 60);
  EXPECT_FALSE(DecisionClock(minute_before, kLast).Read().trusted());
  const FakeClock machine(kLast + kDay);
  EXPECT_FALSE(DecisionClock(machine, kLast, kDay - 1).Read().trusted());
  EXPECT_TRUE(DecisionClock(machine, kLast, kDay).Read().trusted());
}

TEST(DecisionTime, RunsWhenTheMachinesClockIsSetRightAfterTheStart) {
  FakeClock machine(0);
  DecisionClock clock(machine, kLast);
  EXPECT_EQ(clock.Read().time, kLast);
  machine.Step(kLast + kDay);
  EXPECT_TRUE(clock.Read().trusted());
  EXPECT_EQ(clock.Read().time, kLast + kDay);
}

TEST(DecisionTime, GoesOnFromAConfirmation) {
  FakeClock machine(kLast + 30 * kDay);
  DecisionClock clock(machine, kLast);
  clock.Confirm(kLast + 30 * kDay);
  machine.Advance(5);
  EXPECT_TRUE(clock.Read().trusted());
  EXPECT_EQ(clock.Read().time, kLast + 30 * kDay + 5);
}

// What destroys looks twice at a time that was disturbed.
TEST(DecisionTime, CountsWhatDisturbedIt) {
  FakeClock machine(kLast);
  DecisionClock clock(machine, kLast);
  EXPECT_EQ(clock.Read().disturbances, 1u);
  machine.Advance(3600);
  EXPECT_EQ(clock.Read().disturbances, 1u);
  machine.Advance(3601);  // nobody looked
  EXPECT_EQ(clock.Read().disturbances, 2u);
  machine.Step(kDay);
  EXPECT_EQ(clock.Read().disturbances, 3u);
  EXPECT_EQ(clock.Read().disturbances, 3u);
  machine.Step(-kDay);
  EXPECT_EQ(clock.Read().disturbances, 3u);
  clock.Confirm(machine.NowUnix());
  EXPECT_EQ(clock.Read().disturbances, 4u);
}

TEST(DecisionTime, SaysInWordsWhichClockIsAheadAndByHowMuch) {
  FakeClock machine(kLast);
  DecisionClock clock(machine, kLast);
  EXPECT_EQ(InWords(clock.Read()), "");
  machine.Step(900 * kDay + 7200);
  EXPECT_THAT(InWords(clock.Read()), HasSubstr("machine's clock is 900 d 2 h ahead of"));
  machine.Step(-900 * kDay - 7200 - 90);
  EXPECT_THAT(InWords(clock.Read()), HasSubstr("machine's clock is 1 min 30 s behind"));
}

}  // namespace
}  // namespace kluis::service::decision_clock_test
