// SPDX-License-Identifier: Apache-2.0
// What a replay says of a log whose time was mended: where it may jump, and where it may step back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/replay/replay.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/operator_acts.h"

namespace kluis::audit::replay_clock_test {
namespace {

using policy::kDay;
using policy::PolicyWorld;
using testing::HasSubstr;

LogBuilder LogOf(const PolicyWorld& world) {
  LogBuilder log;
  log.Import(world.log);
  log.SetTime(world.now);
  return log;
}

void ExpectOnly(const LogBuilder& log, const std::string& reason) {
  const ReplayReport report = ReplayOf(log);
  ASSERT_EQ(report.completeness.mismatches.count(), 1u) << ReplayText(report, 20);
  EXPECT_THAT(report.completeness.mismatches.first().front().reason, HasSubstr(reason));
}

TEST(ReplayClock, TakesAConfirmedGapAndMeasuresSilenceAnewFromThere) {
  PolicyWorld world = PolicyWorld::Ready();
  LogBuilder log = LogOf(world);
  log.Append(policy::ConfirmClock(world, world.now + 300 * kDay));
  log.JumpTo(world.now + 300 * kDay + 2);
  log.Close();
  const ReplayReport report = ReplayOf(log);
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
}

TEST(ReplayClock, FindsAStartFarFromTheEntryBeforeItThatNobodyConfirmed) {
  const PolicyWorld world = PolicyWorld::Ready();
  for (const bool far : {false, true}) {
    LogBuilder log = LogOf(world);
    log.Start(60, 7 * 86'400);
    log.JumpTo(world.now + 7 * kDay + (far ? 1 : 0));
    log.Start(60, 7 * 86'400);
    log.Close();
    if (far) {
      ExpectOnly(log, "nobody confirmed the time");
    } else {
      EXPECT_TRUE(ReplayOf(log).clean());
    }
  }
}

TEST(ReplayClock, TakesAStepBackThatSupervisorsOrderedAndNoOther) {
  for (const bool ordered : {true, false}) {
    PolicyWorld world = PolicyWorld::Ready();
    world.now += kDay;
    const policy::Time right = world.now - 3600;
    LogBuilder log = LogOf(world);
    if (ordered) log.Append(policy::SetClockBack(world, right));
    log.JumpTo(right);
    log.Close();
    if (ordered) {
      const ReplayReport report = ReplayOf(log);
      EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
    } else {
      ExpectOnly(log, "decided before the entry before it");
    }
  }
}

TEST(ReplayClock, FindsAnOrderForAHeadThatTheLogNeverHad) {
  PolicyWorld world = PolicyWorld::Ready();
  LogBuilder log = LogOf(world);
  v1::Command command = policy::ConfirmClock(world, world.now + 300 * kDay);
  command.mutable_confirm_clock()->mutable_order()->set_root(std::string(64, '1'));
  log.Append(command);
  log.JumpTo(world.now + 300 * kDay);
  log.Close();
  ExpectOnly(log, "for a head that the log did not have");
}

// One order mends one fault: a head from before the last order is over.
TEST(ReplayClock, FindsAnOrderForAHeadFromBeforeTheLastOne) {
  PolicyWorld world = PolicyWorld::Ready();
  LogBuilder log = LogOf(world);
  const BuiltAct first = log.Real(policy::ConfirmClock(world, world.now + 300 * kDay));
  log.Append(first);
  log.JumpTo(world.now + 300 * kDay);
  v1::Command again = policy::ConfirmClock(world, world.now + 600 * kDay);
  again.mutable_confirm_clock()->mutable_order()->set_size(
      first.command.confirm_clock().order().size());
  again.mutable_confirm_clock()->mutable_order()->set_root(
      first.command.confirm_clock().order().root());
  log.Append(again);
  log.JumpTo(world.now + 600 * kDay);
  log.Close();
  ExpectOnly(log, "for a head that the log did not have");
}

// Heads in the first bundle, at its edge, and beyond it.
TEST(ReplayClock, KnowsEachHeadThatALogHad) {
  for (const uint64_t entries : {100u, 255u, 256u, 257u, 300u, 512u, 600u}) {
    PolicyWorld world = PolicyWorld::Ready();
    LogBuilder log = LogOf(world);
    while (log.size() < entries) log.Close();
    log.Append(policy::ConfirmClock(world, world.now + 300 * kDay));
    log.JumpTo(world.now + 300 * kDay);
    for (int i = 0; i < 300; ++i) log.Close();
    const ReplayReport report = ReplayOf(log);
    EXPECT_TRUE(report.clean()) << entries << ReplayText(report, 20);
  }
}

TEST(ReplayClock, FindsWhatWasDecidedWhileTheVaultDidNotKnowTheTime) {
  PolicyWorld world = PolicyWorld::Ready();
  LogBuilder log = LogOf(world);
  v1::Command stop = world.Stop();
  stop.set_time_unknown(true);
  log.Append(stop);
  world.Do(stop);
  log.Close();
  EXPECT_TRUE(ReplayOf(log).clean());
  v1::Command lift = world.Lift();
  lift.set_time_unknown(true);
  EXPECT_TRUE(log.Append(lift).decision.allowed());
  log.Close();
  ExpectOnly(log, "did not know the time");
}

}  // namespace
}  // namespace kluis::audit::replay_clock_test
