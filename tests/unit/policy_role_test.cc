// SPDX-License-Identifier: Apache-2.0
// Who may do what: the rule holds in policy itself, whatever the transport let through.
#include <gtest/gtest.h>

#include <vector>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::role_test {
namespace {

using W = PolicyWorld;

TEST(CallerRole, IsTheOneThatEachActBelongsTo) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string waiting = world.Opened();
  const std::string active = world.Active();
  const std::vector<v1::Command> commands = {world.Accredit(),
                                             world.Register(v1::ROLE_JUDGE, "other"),
                                             world.RegisterPurpose("x"),
                                             world.Stop(),
                                             world.Lift(),
                                             world.Enroll(),
                                             world.Withdraw(subject),
                                             world.Access(subject),
                                             world.OpenCase(),
                                             world.IssueWarrant(waiting),
                                             world.RefuseWarrant(waiting),
                                             world.ApproveCase(waiting),
                                             world.CloseCase(active),
                                             world.ReadCase(active),
                                             world.Identify(active),
                                             world.Verify(subject)};
  for (v1::Command command : commands) {
    const v1::Role right = command.caller().role();
    for (int role = v1::Role_MIN; role <= v1::Role_MAX; ++role) {
      const bool judge_reads = command.has_read_case() && role == v1::ROLE_JUDGE;
      if (role == right || judge_reads) continue;
      command.mutable_caller()->set_role(static_cast<v1::Role>(role));
      EXPECT_TRUE(RefusedBy("caller.role", "ROLE_NOT_ALLOWED", world, command));
    }
  }
}

TEST(CallerRole, KeepsAnOfficerFromIssuingAWarrantWithAValidSignature) {
  W world = W::Ready();
  v1::Command command = world.IssueWarrant(world.Opened());
  command.mutable_caller()->set_role(v1::ROLE_OFFICER);
  command.mutable_caller()->set_name("anna");
  EXPECT_TRUE(RefusedBy("caller.role", "ROLE_NOT_ALLOWED", world, command));
}

TEST(Outcome, SaysWhatCameOut) {
  W world = W::Ready();
  v1::Command command = world.Outcome(world.Searched(world.Active()));
  command.mutable_search_outcome()->clear_result();
  EXPECT_TRUE(RefusedBy("outcome.stated", "RESULT_MISSING", world, command));
}

TEST(Adjudicate, EndsWithTheWarrantsWindowBeforeAnySweep) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.FoundOne(id);
  const Time end = world.Case(id).warrant().not_after().seconds();
  world.now = end - 1;
  EXPECT_TRUE(Allowed(world, world.Adjudicate(id, candidate, "anna")));
  world.now = end;
  EXPECT_TRUE(RefusedBy("case.not-ended", "CASE_NOT_ACTIVE", world,
                        world.Adjudicate(id, candidate, "anna")));
}

TEST(Enroll, IsRefusedWhileTheSubjectsDetailsAreBeingErased) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(world.Withdraw(subject));
  world.now += W::kDetailsRetention;
  world.Do(world.ForgetSubject(subject));
  EXPECT_TRUE(
      RefusedBy("enrollment.subject-stays", "SUBJECT_ERASED", world, world.Enroll(subject)));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_SUBJECT, subject));
  EXPECT_TRUE(
      RefusedBy("enrollment.subject-stays", "SUBJECT_ERASED", world, world.Enroll(subject)));
}

}  // namespace
}  // namespace kluis::policy::role_test
