// SPDX-License-Identifier: Apache-2.0
// Who says what time it is, what is decided while nobody knows, and who lets a sweep go on.
#include <gtest/gtest.h>

#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_expect.h"

namespace kluis::policy::clock_test {
namespace {

using W = PolicyWorld;

constexpr char kUnfit[] = "CLOCK_ORDER_UNFIT";

TEST(ConfirmClock, NeedsTwoOperatorsOfThoseThatTheLogHadAtItsEnd) {
  W world = W::Ready();
  const Time later = world.now + 2000 * kDay;  // their registrations are over by then
  EXPECT_TRUE(Allowed(world, ConfirmClock(world, later)));
  EXPECT_TRUE(world.Do(ConfirmClock(world, later)).changes.size() == 1) << "the used statement";
  const auto refused = [&](const v1::Command& command) {
    return RefusedBy("clock.two-operators", "TOO_FEW_SIGNATURES", world, command);
  };
  v1::Command command = ConfirmClock(world, later);
  command.mutable_confirm_clock()->mutable_statement()->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(refused(command));
  command.mutable_confirm_clock()->mutable_statement()->add_signed_by("key-otto");
  EXPECT_TRUE(refused(command)) << "the same one twice";
  command.mutable_confirm_clock()->mutable_statement()->set_signed_by(1, "key-anna");
  EXPECT_TRUE(refused(command)) << "an officer";
  command = ConfirmClock(world, later);
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  EXPECT_TRUE(refused(command));
  world.now += 950 * kDay;
  EXPECT_TRUE(refused(ConfirmClock(world, later))) << "over at the log's end";
}

TEST(ConfirmClock, IsNotJudgedByItsAgeButOnce) {
  W world = W::Ready();
  v1::Command command = ConfirmClock(world, world.now + 30 * kDay);
  command.mutable_confirm_clock()->mutable_statement()->set_issued_at(world.now + 30 * kDay);
  EXPECT_TRUE(Allowed(world, command));
  world.Do(command);
  EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, command));
}

TEST(ConfirmClock, GoesOnWithinAnHourOfTheTimeNamedAndNeverBack) {
  const W made = W::Ready();
  W world = made;
  const Time named = world.now + 30 * kDay;
  const auto going_on = [&](Time time) {
    v1::Command command = ConfirmClock(world, named);
    command.mutable_confirm_clock()->set_time(time);
    return command;
  };
  EXPECT_TRUE(Allowed(world, going_on(named - 5 * kMinute)));
  EXPECT_TRUE(Allowed(world, going_on(named + 60 * kMinute)));
  EXPECT_TRUE(RefusedBy("clock.named", kUnfit, world, going_on(named - 5 * kMinute - 1)));
  EXPECT_TRUE(RefusedBy("clock.named", kUnfit, world, going_on(named + 60 * kMinute + 1)));
  EXPECT_TRUE(Allowed(world, ConfirmClock(world, world.now)));
  EXPECT_TRUE(RefusedBy("clock.named", kUnfit, world, ConfirmClock(world, world.now - 1)));
}

TEST(ConfirmClock, SaysWhyAndForWhichHead) {
  W world = W::Ready();
  const auto broken = [&](void (*break_it)(v1::ClockOrder&)) {
    v1::Command command = ConfirmClock(world, world.now + kDay);
    break_it(*command.mutable_confirm_clock()->mutable_order());
    return RefusedBy("clock.named", kUnfit, world, command);
  };
  EXPECT_TRUE(broken([](v1::ClockOrder& o) { o.clear_reasons(); }));
  EXPECT_TRUE(broken([](v1::ClockOrder& o) { o.clear_size(); }));
  EXPECT_TRUE(broken([](v1::ClockOrder& o) { o.set_root("00"); }));
  EXPECT_TRUE(broken([](v1::ClockOrder& o) { o.set_root(std::string(64, 'G')); }));
}

TEST(WitnessClock, IsTheVaultsOwnActAndOfTimesThatAgree) {
  const W world = W::Ready();
  const auto refused = [&](void (*break_it)(v1::Command&)) {
    v1::Command command = WitnessClock(world.now + 30 * kDay);
    break_it(command);
    return RefusedBy("clock.witnessed", "CLOCK_NOT_WITNESSED", world, command);
  };
  EXPECT_TRUE(Allowed(world, WitnessClock(world.now + 30 * kDay)));
  EXPECT_TRUE(refused([](v1::Command& c) { c.mutable_caller()->set_role(v1::ROLE_OPERATOR); }));
  EXPECT_TRUE(refused([](v1::Command& c) { c.mutable_witness_clock()->clear_note(); }));
  EXPECT_TRUE(refused([](v1::Command& c) { c.mutable_witness_clock()->clear_cosigned_at(); }));
  EXPECT_TRUE(refused([](v1::Command& c) {
    v1::WitnessClock& witness = *c.mutable_witness_clock();
    witness.set_cosigned_at(0, witness.cosigned_at(1) - 5 * kMinute - 1);
  }));
  EXPECT_TRUE(refused([](v1::Command& c) {
    v1::WitnessClock& witness = *c.mutable_witness_clock();
    witness.set_time(witness.cosigned_at(1) + 60 * kMinute + 1);
  }));
  v1::Command back = WitnessClock(world.now - 1);
  EXPECT_TRUE(RefusedBy("clock.witnessed", "CLOCK_NOT_WITNESSED", world, back));
}

TEST(SetClockBack, IsAnOrderOfAsManySupervisorsAsALift) {
  W world = W::Ready();
  world.now += kDay;
  EXPECT_TRUE(Allowed(world, SetClockBack(world, world.now - 1)));
  EXPECT_TRUE(RefusedBy("clock.set-back", kUnfit, world, SetClockBack(world, world.now)));
  v1::Command command = SetClockBack(world, world.now - 1);
  command.mutable_set_clock_back()->mutable_statement()->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  command = SetClockBack(world, world.now - 1);
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  EXPECT_TRUE(RefusedBy("caller.role", "ROLE_NOT_ALLOWED", world, command));
  EXPECT_FALSE(world.Decided(SetClockBack(world, 1)).decision.allowed()) << "before the founding";
}

// What was used while the log was in the future may be forgotten by it.
TEST(SetClockBack, LeavesWhatWasSignedBeforeOnlyWhatItTakesAway) {
  W world = W::Ready();
  const v1::Command signed_before = ApproveSweep(world);
  const v1::Command stop = world.Stop();
  const Time right = world.now;
  world.now += 30 * kDay;
  const Ruling back = world.Do(SetClockBack(world, right));
  ASSERT_TRUE(back.decision.allowed());
  world.now = right + 2 * kMinute;
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, signed_before));
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, ApproveSweep(world)))
      << "by a clock that was ahead, it may be from before";
  EXPECT_TRUE(Allowed(world, stop));
  world.now = right + 5 * kMinute + 1;
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, signed_before));
  EXPECT_TRUE(Allowed(world, ApproveSweep(world)));
}

TEST(ApproveSweep, IsAnOperatorsWithReasonsAndANumber) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, ApproveSweep(world)));
  v1::Command command = ApproveSweep(world);
  command.mutable_approve_sweep()->mutable_statement()->set_signed_by(0, "key-anna");
  EXPECT_TRUE(RefusedBy("sweep.operator", "TOO_FEW_SIGNATURES", world, command));
  command = ApproveSweep(world);
  command.mutable_approve_sweep()->mutable_approval()->clear_people();
  EXPECT_TRUE(RefusedBy("sweep.reasoned", "APPROVAL_INCOMPLETE", world, command));
  command = ApproveSweep(world);
  command.mutable_approve_sweep()->mutable_statement()->set_issued_at(world.now -
                                                                      2 * W::kStatementAge);
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, command));
}

TEST(TimeUnknown, LeavesTheDateOfWhatTakesAwayUnjudgedAndOfNothingElse) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  for (const bool unknown : {false, true}) {
    v1::Command stop = world.Stop();
    stop.mutable_stop()->mutable_statement()->set_issued_at(world.now + 900 * kDay);
    stop.set_time_unknown(unknown);
    EXPECT_EQ(world.Decided(stop).decision.allowed(), unknown);
    v1::Command withdraw = world.Withdraw(subject);
    withdraw.mutable_withdraw()->mutable_statement()->set_issued_at(world.now - 900 * kDay);
    withdraw.set_time_unknown(unknown);
    EXPECT_EQ(world.Decided(withdraw).decision.allowed(), unknown);
    v1::Command access = world.Access(subject);
    access.mutable_access()->mutable_statement()->set_issued_at(world.now - 900 * kDay);
    access.set_time_unknown(unknown);
    EXPECT_FALSE(world.Decided(access).decision.allowed()) << "it discloses";
    access.mutable_access()->set_challenge_fresh(true);
    EXPECT_TRUE(world.Decided(access).decision.allowed());
  }
}

// They act on what they name, so a date ahead gives nothing; one that is over would.
TEST(TimeUnknown, LeavesARecoveryAndTheEndsOfMembersAndOrdersAheadButNotOverTheirEnd) {
  W world = W::Ready();
  world.Do(OrderRekey(world));
  v1::Command recover = Recover(world);
  v1::Command cancel = CancelRekey(world);
  v1::Command end = world.SetTerm(v1::ROLE_OPERATOR, "olga", 0);
  const auto statement = [](v1::Command& command) {
    if (command.has_recover()) return command.mutable_recover()->mutable_statement();
    if (command.has_set_term()) return command.mutable_set_term()->mutable_statement();
    return command.mutable_cancel_rekey()->mutable_statement();
  };
  for (v1::Command* command : {&recover, &cancel, &end}) {
    v1::StatementFacts& facts = *statement(*command);
    const Time own_end = facts.usable_until();
    facts.set_issued_at(world.now + 30 * kDay);
    if (own_end > 0) facts.set_usable_until(world.now + 31 * kDay);
    EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, *command));
    command->set_time_unknown(true);
    EXPECT_TRUE(Allowed(world, *command));
    facts.set_issued_at(world.now - 30 * kDay);
    if (own_end > 0) facts.set_usable_until(world.now - 29 * kDay);
    EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, *command));
  }
}

TEST(TimeUnknown, StopsAllButWhatTakesAwayReadsOrConcludes) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  for (const v1::Command& command :
       {world.Withdraw(subject), world.Access(subject), world.Stop(), world.StartService(),
        world.CloseCheckpoint(), SealService(), ConfirmClock(world, world.now),
        SetClockBack(world, world.now - 1), Recover(world), Rekey(), BackUp()}) {
    EXPECT_TRUE(WorksOnAnyTime(command)) << command.act_case();
  }
  v1::Command outcome;
  outcome.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_ABORTED);
  EXPECT_TRUE(WorksOnAnyTime(outcome));
  outcome.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_MATCH);
  EXPECT_FALSE(WorksOnAnyTime(outcome));
  v1::Command expire;
  expire.mutable_expire_template();
  v1::Command end;
  end.mutable_end_case();
  v1::Command forget;
  forget.mutable_forget_subject();
  v1::Command year;
  year.mutable_forget_authority_year();
  for (const v1::Command& command :
       {world.Enroll(), world.OpenCase(), world.Lift(), ApproveSweep(world), OrderRekey(world),
        expire, end, forget, year}) {
    EXPECT_FALSE(WorksOnAnyTime(command)) << command.act_case();
  }
}

}  // namespace
}  // namespace kluis::policy::clock_test
