// SPDX-License-Identifier: Apache-2.0
// A log in which templates are replaced and a purpose's transform is rotated, replayed with the
// statements behind its commitments.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "audit/replay/replay.h"
#include "base/codec.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/policy_world.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::audit::replay_renewal_test {
namespace {

using policy::PolicyWorld;

std::istringstream Openings(const LogBuilder& log) {
  std::string lines;
  for (const v1::CommitmentOpening& opening : log.openings()) {
    lines += nlohmann::ordered_json{{"log_index", opening.log_index()},
                                    {"what", opening.what()},
                                    {"nonce", base::ToBase64(opening.nonce())},
                                    {"payload", base::ToBase64(opening.payload())}}
                 .dump() +
             "\n";
  }
  return std::istringstream(lines);
}

// Someone replaces a template and someone else has one; then the secret is rotated, to the end.
PolicyWorld Story() {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string subject = world.Enrolled();
  const std::string other = world.Enrolled();
  const std::string replaced = world.TemplateOf(subject).id();
  world.Do(policy::Replacing(world, subject));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, replaced));
  world.Do(policy::RotateTransform(world));
  for (const std::string& id : {world.TemplateOf(subject).id(), world.TemplateOf(other).id()}) {
    world.Do(policy::RenewTemplate(id));
    world.Do(world.EraseDone(v1::ERASURE_TARGET_SLOT, id));
  }
  for (const v1::RecordChange& change : world.Do(policy::FinishRotation()).changes) {
    if (!change.has_pending_erasure()) continue;
    world.Do(world.EraseDone(v1::ERASURE_TARGET_TRANSFORM, change.pending_erasure().id()));
  }
  return world;
}

TEST(ReplayRenewal, OfAnHonestLogFindsNothing) {
  LogBuilder log;
  log.Import(Story().log);
  log.Close();
  std::istringstream openings = Openings(log);
  const ReplayReport report = ReplayOf(log, &openings);
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.completeness.open_erasures, 0u);
  ASSERT_TRUE(report.details.has_value());
  EXPECT_EQ(report.details->opened, 6u);  // two commitments of three enrolments
}

TEST(ReplayRenewal, FindsAReplacementThatTheConsentDoesNotName) {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string subject = world.Enrolled();
  const v1::Command command = policy::Replacing(world, subject);
  LogBuilder log;
  log.Import(world.log);
  BuiltAct act = log.Real(world.Enroll(subject));  // its consent replaces nothing
  act.command.mutable_enroll()->clear_follows_none();
  act.command.mutable_enroll()->set_replaces(command.enroll().replaces());
  ASSERT_TRUE(log.Append(act).decision.allowed());
  log.Close();
  std::istringstream openings = Openings(log);
  const ReplayReport report = ReplayOf(log, &openings);
  EXPECT_FALSE(report.clean());
  ASSERT_TRUE(report.details.has_value());
  ASSERT_EQ(report.details->mismatches.count(), 1u) << ReplayText(report, 20);
  EXPECT_THAT(report.details->mismatches.first()[0].reason,
              testing::HasSubstr("do not say what the entry says of them"));
}

TEST(ReplayRenewal, FindsARenewalThatKeepsItsSlot) {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string subject = world.Enrolled();
  world.Do(policy::RotateTransform(world));
  LogBuilder log;
  log.Import(world.log);
  const BuiltAct act = log.Real(policy::RenewTemplate(world.TemplateOf(subject).id()));
  v1::Decision allowed;
  allowed.set_allowed(true);
  allowed.set_rule("upkeep.template-renewed");
  v1::RecordChange change;
  *change.mutable_template_() = world.TemplateOf(subject);
  change.mutable_template_()->set_transform_slot(policy::PurposeOf(world).slot());
  const uint64_t lie = log.size();
  log.AppendEntry(log.EntryOf(act, allowed, {change}));
  log.Close();
  const ReplayReport report = ReplayOf(log);
  ASSERT_EQ(report.decisions.mismatched, 1u) << ReplayText(report, 20);
  EXPECT_EQ(report.decisions.mismatches.first()[0].index, lie);
}

}  // namespace
}  // namespace kluis::audit::replay_renewal_test
