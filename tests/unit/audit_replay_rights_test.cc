// SPDX-License-Identifier: Apache-2.0
// A log in which subjects restrict their templates and cases wait in vain, replayed.
#include <gtest/gtest.h>

#include <string>

#include "audit/replay/replay.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/policy_world.h"
#include "tests/fakes/restriction_acts.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::audit::replay_rights_test {
namespace {

using policy::PolicyWorld;

LogBuilder LogOf(const PolicyWorld& world) {
  LogBuilder log;
  log.Import(world.log);
  log.Close();
  return log;
}

TEST(ReplayRights, FindsNothingInRestrictionsAndWhatIsRefusedForThem) {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string subject = world.Enrolled();
  world.Do(policy::Restrict(world, subject));
  EXPECT_FALSE(world.Run(world.Verify(subject)).decision.allowed());
  EXPECT_FALSE(world.Run(policy::Restrict(world, subject)).decision.allowed());
  const std::string replaced = world.TemplateOf(subject).id();
  world.Do(policy::Replacing(world, subject));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, replaced));
  world.Do(policy::LiftRestriction(world, subject));
  const ReplayReport report = ReplayOf(LogOf(world));
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
}

TEST(ReplayRights, FindsNothingInCasesThatLapse) {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string bare = world.Opened();
  const std::string warranted = world.Opened();
  world.Do(world.IssueWarrant(warranted));
  world.now += PolicyWorld::kCaseRetention;
  for (const std::string& id : {bare, warranted}) {
    world.Do(world.EndCase(id));
    world.Do(world.EraseDone(v1::ERASURE_TARGET_CASE, id));
  }
  const ReplayReport report = ReplayOf(LogOf(world));
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.completeness.erasures, 2u);
  EXPECT_EQ(report.completeness.erased, 2u);
}

// Otherwise the lift of a restriction could stand on a restriction, or on any other statement.
TEST(ReplayRights, WantTheirOwnKindOfStatement) {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string subject = world.Enrolled();
  v1::Command restrict_it = policy::Restrict(world, subject);
  restrict_it.mutable_restrict()->mutable_statement()->set_kind("restriction-lift");
  world.Do(restrict_it);
  v1::Command lift = policy::LiftRestriction(world, subject);
  lift.mutable_lift_restriction()->mutable_statement()->set_kind("restriction");
  world.Do(lift);
  const ReplayReport report = ReplayOf(LogOf(world));
  ASSERT_EQ(report.decisions.mismatched, 2u) << ReplayText(report, 20);
  EXPECT_EQ(report.decisions.mismatches.first()[0].reason, "not a restriction");
  EXPECT_EQ(report.decisions.mismatches.first()[1].reason, "not the lift of a restriction");
}

}  // namespace
}  // namespace kluis::audit::replay_rights_test
