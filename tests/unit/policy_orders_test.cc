// SPDX-License-Identifier: Apache-2.0
// What supervisors order: stop, lift and inspection.
#include <gtest/gtest.h>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::orders_test {
namespace {

using W = PolicyWorld;

TEST(Stop, IsForAPurposeThatExists) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, world.Stop("other")));
}

TEST(Stop, GivesReasons) {
  W world = W::Ready();
  auto command = world.Stop();
  command.mutable_stop()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
}

TEST(Stop, IsInForceAtOnceAndOverOnlyAfterALift) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.OpenCase()));
  world.Do(world.Stop());
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", world, world.OpenCase()));
  world.now += 400 * kDay;
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", world, world.OpenCase()));
  world.Do(world.Lift());
  EXPECT_TRUE(Allowed(world, world.OpenCase()));
}

TEST(Lift, IsForAStopInForce) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("stop.in-force", "NOT_STOPPED", world, world.Lift()));
  world.Do(world.Stop());
  world.Do(world.Lift());
  EXPECT_TRUE(RefusedBy("stop.in-force", "NOT_STOPPED", world, world.Lift()));
}

TEST(Lift, NeedsAPurposeAndReasons) {
  W world = W::Ready();
  world.Do(world.Stop());
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, world.Lift("other")));
  auto command = world.Lift();
  command.mutable_lift()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
}

TEST(Lift, NeedsAsManyDifferentSupervisorsAsTheFoundingSays) {
  W world = W::Ready();
  world.Do(world.Stop());
  auto command = world.Lift();
  v1::StatementFacts* statement = command.mutable_lift()->mutable_statement();
  statement->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  statement->add_signed_by("key-sup-1");  // the same again
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  statement->add_signed_by("key-jo");  // not a supervisor
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  statement->add_signed_by("key-sup-2");
  EXPECT_TRUE(Allowed(world, command));
}

TEST(Inspect, NeedsReasonsAndAsManySupervisorsAsALift) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.Inspect()));
  v1::Command command = world.Inspect();
  command.mutable_inspect()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
  command = world.Inspect();
  command.mutable_inspect()->mutable_statement()->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  command = world.Inspect();
  command.mutable_caller()->set_role(v1::ROLE_AUDITOR);
  EXPECT_TRUE(RefusedBy("caller.role", "ROLE_NOT_ALLOWED", world, command));
  world.Do(command = world.Inspect());
  EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, command));
}

}  // namespace
}  // namespace kluis::policy::orders_test
