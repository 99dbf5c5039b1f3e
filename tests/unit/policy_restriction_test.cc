// SPDX-License-Identifier: Apache-2.0
// Restriction of processing: who may ask for it and lift it, and what stays as it was.
#include <gtest/gtest.h>

#include "tests/fakes/policy_expect.h"
#include "tests/fakes/restriction_acts.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::policy::restriction_test {
namespace {

using W = PolicyWorld;

TEST(Restrict, MarksTheTemplateAndChangesNothingElseOfIt) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  v1::TemplateRecord expected = world.TemplateOf(subject);
  const v1::Command command = Restrict(world, subject);
  EXPECT_TRUE(Allowed(world, command));
  const Ruling ruling = world.Do(command);
  EXPECT_EQ(ruling.changes.size(), 2u);  // the record and the statement's use
  expected.set_restricted(true);
  expected.set_restriction(command.restrict().statement().digest());
  EXPECT_EQ(world.TemplateOf(subject).SerializeAsString(), expected.SerializeAsString());
  EXPECT_EQ(world.Subject(subject).live_templates(), 1u);
}

TEST(LiftRestriction, MakesTheTemplateWhatItWas) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string before = world.TemplateOf(subject).SerializeAsString();
  world.Do(Restrict(world, subject));
  EXPECT_TRUE(Allowed(world, LiftRestriction(world, subject)));
  world.Do(LiftRestriction(world, subject));
  EXPECT_EQ(world.TemplateOf(subject).SerializeAsString(), before);
  EXPECT_TRUE(Allowed(world, world.Verify(subject)));
}

TEST(Restrict, NeedsALiveTemplateThatIsNotRestricted) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(RefusedBy("restriction.something", "NOTHING_TO_RESTRICT", world,
                        Restrict(world, subject, "other")));
  world.Do(Restrict(world, subject));
  EXPECT_TRUE(
      RefusedBy("restriction.something", "NOTHING_TO_RESTRICT", world, Restrict(world, subject)));
  world.Do(LiftRestriction(world, subject));
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(
      RefusedBy("restriction.something", "NOTHING_TO_RESTRICT", world, Restrict(world, subject)));
}

TEST(LiftRestriction, NeedsALiveTemplateThatIsRestricted) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(
      RefusedBy("restriction.in-force", "NOTHING_TO_LIFT", world, LiftRestriction(world, subject)));
  world.Do(Restrict(world, subject));
  EXPECT_TRUE(RefusedBy("restriction.in-force", "NOTHING_TO_LIFT", world,
                        LiftRestriction(world, subject, "other")));
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(
      RefusedBy("restriction.in-force", "NOTHING_TO_LIFT", world, LiftRestriction(world, subject)));
}

// One that was refused, or held back by whoever carries it, does not undo a later restriction.
TEST(LiftRestriction, SignedBeforeTheRestrictionLiftsNothing) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(Restrict(world, subject));
  world.Do(LiftRestriction(world, subject));
  const v1::Command late = LiftRestriction(world, subject);
  EXPECT_TRUE(RefusedBy("restriction.in-force", "NOTHING_TO_LIFT", world, late));
  world.now += 1;
  world.Do(Restrict(world, subject));
  EXPECT_TRUE(RefusedBy("restriction.named", "PREDECESSOR_DIFFERS", world, late));
  EXPECT_TRUE(Allowed(world, LiftRestriction(world, subject)));
}

// Both are for the subject alone: with its own signature, for this vault, fresh and once.
TEST(Restriction, IsSignedByTheSubjectForThisVaultFreshAndOnce) {
  W world = W::Ready();
  const std::string restricted = world.Enrolled();
  world.Do(Restrict(world, restricted));
  const std::string subject = world.Enrolled();
  const v1::Command restrict_it = Restrict(world, subject);
  const v1::Command lift = LiftRestriction(world, restricted);
  using Break = void (*)(v1::Command&, v1::StatementFacts&);
  const auto broken = [](v1::Command command, Break change) {
    change(command, command.has_restrict()
                        ? *command.mutable_restrict()->mutable_statement()
                        : *command.mutable_lift_restriction()->mutable_statement());
    return command;
  };
  for (const v1::Command& command : {restrict_it, lift}) {
    EXPECT_TRUE(Allowed(world, command));
    EXPECT_TRUE(HiddenBy("subject.known", "SUBJECT_UNKNOWN", world,
                         broken(command, [](auto&, auto& s) { s.set_subject_signed(false); })));
    EXPECT_TRUE(RefusedBy("statement.this-vault", "STATEMENT_OTHER_VAULT", world,
                          broken(command, [](auto&, auto& s) { s.set_vault("other/log"); })));
    EXPECT_TRUE(
        RefusedBy("statement.fresh", "STATEMENT_STALE", world, broken(command, [](auto&, auto& s) {
                    s.set_issued_at(s.issued_at() - W::kStatementAge);
                  })));
    EXPECT_TRUE(RefusedBy(
        "caller.role", "ROLE_NOT_ALLOWED", world,
        broken(command, [](auto& c, auto&) { c.mutable_caller()->set_role(v1::ROLE_OFFICER); })));
  }
  EXPECT_TRUE(HiddenBy("subject.known", "SUBJECT_UNKNOWN", world, Restrict(world, "")));
  world.Do(restrict_it);
  EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, restrict_it));
}

TEST(Restriction, IsARightThatNoStopAndNoEndOfThePurposeHoldsUp) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(world.Stop());
  world.Do(Restrict(world, subject));
  world.now += 900 * kDay;
  EXPECT_TRUE(Allowed(world, LiftRestriction(world, subject)));
  world.Do(LiftRestriction(world, subject));
  EXPECT_TRUE(Allowed(world, Restrict(world, subject)));
}

TEST(Verify, HidesThatTheTemplateIsRestricted) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(Restrict(world, subject));
  EXPECT_TRUE(
      HiddenBy("verify.not-restricted", "TEMPLATE_RESTRICTED", world, world.Verify(subject)));
}

TEST(Verify, OfARestrictedTemplateInTheSubjectsCustodyTakesNoRelease) {
  W world = W::Ready();
  world.Do(world.RegisterHeldPurpose());
  const std::string subject = world.EnrolledHeld();
  world.Do(Restrict(world, subject, W::kHeldPurpose));
  EXPECT_TRUE(
      HiddenBy("verify.not-restricted", "TEMPLATE_RESTRICTED", world, world.VerifyHeld(subject)));
}

TEST(Restriction, StaysWhenTheTemplateIsReplaced) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(Restrict(world, subject));
  const std::string before = world.TemplateOf(subject).id();
  world.Do(Replacing(world, subject));
  EXPECT_NE(world.TemplateOf(subject).id(), before);
  EXPECT_TRUE(world.TemplateOf(subject).restricted());
  world.Do(LiftRestriction(world, subject));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, before));
  world.Do(Replacing(world, subject));
  EXPECT_FALSE(world.TemplateOf(subject).restricted());
}

// After a withdrawal the next consent is a new one.
TEST(Restriction, EndsWithTheTemplate) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(Restrict(world, subject));
  EXPECT_TRUE(Allowed(world, world.Withdraw(subject)));
  world.Do(world.Withdraw(subject));
  world.Enrolled(subject);
  EXPECT_FALSE(world.TemplateOf(subject).restricted());
}

TEST(Restriction, StaysThroughARotationAndPutsOffNoEnd) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(Restrict(world, subject));
  world.Do(RotateTransform(world));
  world.Do(RenewTemplate(world.TemplateOf(subject).id()));
  EXPECT_TRUE(world.TemplateOf(subject).restricted());
  world.now = world.TemplateOf(subject).expires_at();
  EXPECT_TRUE(Allowed(world, world.ExpireTemplate(world.TemplateOf(subject).id())));
}

}  // namespace
}  // namespace kluis::policy::restriction_test
