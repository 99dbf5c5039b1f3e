// SPDX-License-Identifier: Apache-2.0
// New shares: nobody alone takes the vault by them.
#include <gtest/gtest.h>

#include <functional>

#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_expect.h"

namespace kluis::policy::rekey_test {
namespace {

using W = PolicyWorld;

TEST(Rekey, ComesIntoForceWhenOldHoldersAgreed) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, Rekey()));
  v1::Command command = Rekey();
  command.mutable_rekey()->set_old_shares(1, 1);
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, command))
      << "one holder twice";
  command.mutable_rekey()->mutable_old_shares()->RemoveLast();
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, command));
  command = Rekey();
  command.mutable_caller()->set_name("stranger");
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, command));
}

TEST(Rekey, OnAnOrderComesIntoForceAfterTheDelayAndForTheSharesThatWereOrdered) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, RekeyByOrder()));
  world.Do(OrderRekey(world));
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, RekeyByOrder()));
  world.now += W::kRekeyDelay - 1;
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, RekeyByOrder()));
  world.now += 1;
  v1::Command command = RekeyByOrder();
  command.mutable_rekey()->set_holders(4);
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, command));
  EXPECT_TRUE(Allowed(world, RekeyByOrder()));
  world.Do(RekeyByOrder());
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, RekeyByOrder()))
      << "an order serves once";
}

// Whoever starts the vault with another clock, or says what time it is, has not waited.
TEST(Rekey, OnAnOrderWaitsForTimeThatRan) {
  using Act = std::function<v1::Command(W&)>;
  for (const Act& act : {Act([](W& world) { return world.StartService(); }),
                         Act([](W& world) { return ConfirmClock(world, world.now); }),
                         Act([](W& world) { return WitnessClock(world.now); })}) {
    W world = W::Ready();
    world.Do(OrderRekey(world));
    world.now += W::kRekeyDelay;
    EXPECT_TRUE(Allowed(world, RekeyByOrder()));
    world.Do(act(world));
    EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, RekeyByOrder()));
    world.now += W::kRekeyDelay;
    EXPECT_TRUE(Allowed(world, RekeyByOrder()));
  }
}

TEST(Rekey, ByOldHoldersEndsAnOrderThatStands) {
  W world = W::Ready();
  world.Do(OrderRekey(world));
  world.Do(Rekey());
  world.now += W::kRekeyDelay;
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, RekeyByOrder()));
}

TEST(OrderRekey, IsSignedByTwoRegisteredOperators) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, OrderRekey(world)));
  v1::Command command = OrderRekey(world);
  v1::StatementFacts& statement = *command.mutable_order_rekey()->mutable_statement();
  const auto refused = [&] {
    return RefusedBy("rekey.two-operators", "TOO_FEW_SIGNATURES", world, command);
  };
  statement.set_signed_by(1, "key-otto");
  EXPECT_TRUE(refused()) << "one operator alone";
  statement.set_signed_by(1, "key-ada");
  EXPECT_TRUE(refused()) << "an auditor";
  statement.set_signed_by(1, "key-sup-1");
  EXPECT_TRUE(refused()) << "a supervisor";
  statement.set_signed_by(1, "key-olga");
  world.Do(world.SetTerm(v1::ROLE_OPERATOR, "olga", 0));
  EXPECT_TRUE(refused()) << "no operator any more";
}

TEST(OrderRekey, SaysWhyAndForHowManyAndStandsAlone) {
  W world = W::Ready();
  const auto refused = [&](auto change) {
    v1::Command command = OrderRekey(world);
    change(*command.mutable_order_rekey()->mutable_order());
    return RefusedBy("rekey.order-complete", "REKEY_INCOMPLETE", world, command);
  };
  EXPECT_TRUE(refused([](auto& o) { o.clear_reasons(); }));
  EXPECT_TRUE(refused([](auto& o) { o.set_needed(1); }));
  EXPECT_TRUE(refused([](auto& o) { o.set_needed(4); }));
  EXPECT_TRUE(refused([](auto& o) { o.set_holders(33); }));
  world.Do(OrderRekey(world));
  EXPECT_TRUE(RefusedBy("rekey.one-order", "REKEY_ORDERED", world, OrderRekey(world)));
}

TEST(BeginRekey, IsARegisteredOperatorsAndOfSharesOfWhichNoOneIsEnough) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, BeginRekey()));
  v1::Command command = BeginRekey();
  command.mutable_begin_rekey()->set_needed(1);
  EXPECT_TRUE(RefusedBy("rekey.begun", "REKEY_INCOMPLETE", world, command));
  command = BeginRekey();
  command.mutable_begin_rekey()->clear_generation();
  EXPECT_TRUE(RefusedBy("rekey.begun", "REKEY_INCOMPLETE", world, command));
  command = BeginRekey();
  command.mutable_caller()->set_name("stranger");
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, command));
}

TEST(CancelRekey, IsOneSupervisorsAndNamesTheOrderThatStands) {
  W world = W::Ready();
  world.Do(OrderRekey(world));
  const v1::Command early = CancelRekey(world);
  EXPECT_TRUE(Allowed(world, early));
  v1::Command command = CancelRekey(world);
  command.mutable_cancel_rekey()->mutable_cancellation()->clear_reasons();
  EXPECT_TRUE(RefusedBy("rekey.cancels-order", "NOTHING_TO_CANCEL", world, command));
  world.Do(CancelRekey(world));
  EXPECT_TRUE(RefusedBy("rekey.cancels-order", "NOTHING_TO_CANCEL", world, early));
  world.now += W::kRekeyDelay;
  EXPECT_TRUE(RefusedBy("rekey.agreed-or-due", "REKEY_NOT_DUE", world, RekeyByOrder()));
  world.Do(OrderRekey(world));
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, early));
}

TEST(VoidRekey, EndsAnOrderByOldHoldersOnly) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("rekey.void-agreed", "NOTHING_TO_CANCEL", world, VoidRekey()));
  world.Do(OrderRekey(world));
  v1::Command command = VoidRekey();
  command.mutable_void_rekey()->mutable_old_shares()->RemoveLast();
  EXPECT_TRUE(RefusedBy("rekey.void-agreed", "NOTHING_TO_CANCEL", world, command));
  command.mutable_void_rekey()->clear_old_shares();
  world.Do(command);  // an operator voids what was handed out, and the order stands
  EXPECT_TRUE(RefusedBy("rekey.one-order", "REKEY_ORDERED", world, OrderRekey(world)));
  world.Do(VoidRekey());
  EXPECT_TRUE(Allowed(world, OrderRekey(world)));
}

}  // namespace
}  // namespace kluis::policy::rekey_test
