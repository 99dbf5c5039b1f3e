// SPDX-License-Identifier: Apache-2.0
// Custody of the subject: purposes that have it, enrolment with the device's secret, and
// verification with a release.
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::custody_test {
namespace {

using W = PolicyWorld;

W Ready() {
  W world = W::Ready();
  world.Do(world.RegisterHeldPurpose());
  return world;
}

template <class Change>
v1::Command PurposeWith(W& world, Change change) {
  v1::Command command = world.RegisterHeldPurpose();
  change(*command.mutable_register_purpose()->mutable_registration());
  return command;
}

template <class Change>
v1::Command VerifyWith(W& world, const std::string& subject, Change change) {
  v1::Command command = world.VerifyHeld(subject);
  change(*command.mutable_verify()->mutable_released());
  return command;
}

TEST(HeldPurpose, IsVerifiedOnly) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.RegisterHeldPurpose()));
  EXPECT_TRUE(
      RefusedBy("purpose.custody-operations", "OPERATION_NOT_IN_CUSTODY", world,
                PurposeWith(world, [](auto& p) { p.add_operations(v1::OPERATION_IDENTIFY); })));
  EXPECT_TRUE(
      RefusedBy("purpose.complete", "PURPOSE_INCOMPLETE", world,
                PurposeWith(world, [](auto& p) { p.set_custody(v1::CUSTODY_UNSPECIFIED); })));
}

TEST(HeldPurpose, HasNoCaseAndSoNoSearchAmongAll) {
  W world = Ready();
  v1::Command opening = world.OpenCase();
  opening.mutable_open_case()->mutable_opening()->set_purpose(std::string(W::kHeldPurpose));
  EXPECT_TRUE(RefusedBy("case.purpose-identifies", "OPERATION_NOT_ALLOWED", world, opening));
  v1::Command search = world.Identify(world.Active());
  search.mutable_identify()->set_purpose(std::string(W::kHeldPurpose));
  EXPECT_TRUE(RefusedBy("case.same-purpose", "WRONG_PURPOSE", world, search));
}

TEST(HeldEnrollment, ComesWithTheSecretThatTheConsentNames) {
  W world = Ready();
  EXPECT_TRUE(Allowed(world, world.EnrollHeld()));
  const auto broken = [&](auto change) {
    v1::Command command = world.EnrollHeld();
    change(*command.mutable_enroll());
    return command;
  };
  for (const v1::Command& command :
       {broken([](v1::Enroll& e) { e.set_custody_opened(false); }),
        broken([](v1::Enroll& e) { e.clear_custody_sha256(); }),
        broken([](v1::Enroll& e) { e.set_custody_sha256(std::string(31, 'h')); }),
        broken([](v1::Enroll& e) { e.set_custody_sha256(std::string(64, 'x')); })}) {
    EXPECT_TRUE(RefusedBy("custody.secret-given", "CUSTODY_SECRET_MISSING", world, command));
  }
  const std::string subject = world.EnrolledHeld();
  EXPECT_EQ(world.TemplateOf(subject, W::kHeldPurpose).custody_sha256(), std::string(32, 'h'));
}

TEST(CaseGatedEnrollment, TakesNoConsentThatSpeaksOfTheSubjectsCustody) {
  W world = W::Ready();
  v1::Command command = world.Enroll();
  command.mutable_enroll()->set_custody_sha256(std::string(32, 'h'));
  command.mutable_enroll()->set_custody_opened(true);
  EXPECT_TRUE(RefusedBy("custody.subject-held-only", "CUSTODY_NOT_SUBJECT_HELD", world, command));
  EXPECT_TRUE(world.TemplateOf(world.Enrolled()).custody_sha256().empty());
}

TEST(HeldVerification, GrantsTheOneTemplateForOneRelease) {
  W world = Ready();
  const std::string subject = world.EnrolledHeld();
  const v1::Command command = world.VerifyHeld(subject);
  EXPECT_TRUE(Allowed(world, command));
  const Ruling ruling = world.Do(command);
  ASSERT_TRUE(ruling.grant.has_value());
  EXPECT_EQ(ruling.grant->only_template()->id(), world.TemplateOf(subject, W::kHeldPurpose).id());
  EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, command));
  EXPECT_TRUE(Allowed(world, world.VerifyHeld(subject)));
}

TEST(HeldVerification, NeedsARelease) {
  W world = Ready();
  v1::Command command = world.VerifyHeld(world.EnrolledHeld());
  command.mutable_verify()->clear_released();
  EXPECT_TRUE(RefusedBy("release.given", "RELEASE_MISSING", world, command));
}

TEST(CaseGatedVerification, TakesNoRelease) {
  W world = Ready();
  v1::Command command = world.Verify(world.Enrolled());
  EXPECT_TRUE(Allowed(world, command));
  *command.mutable_verify()->mutable_released() = world.VerifyHeld("").verify().released();
  command.mutable_verify()->mutable_released()->set_purpose(std::string(W::kPurpose));
  EXPECT_TRUE(RefusedBy("release.subject-held-only", "RELEASE_NOT_ASKED", world, command));
}

TEST(Release, IsForThisVaultFreshAndSigned) {
  W world = Ready();
  const std::string subject = world.EnrolledHeld();
  EXPECT_TRUE(RefusedBy(
      "statement.this-vault", "STATEMENT_OTHER_VAULT", world,
      VerifyWith(world, subject, [](auto& r) { r.mutable_statement()->set_vault("other"); })));
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world,
                        VerifyWith(world, subject, [&](auto& r) {
                          r.mutable_statement()->set_issued_at(world.now - W::kStatementAge);
                        })));
  EXPECT_TRUE(RefusedBy("release.signed", "RELEASE_SIGNATURE_INVALID", world,
                        VerifyWith(world, subject, [](auto& r) {
                          r.mutable_statement()->set_subject_signed(false);
                        })));
}

TEST(Release, IsForOnePurposeOneVerifierAndAWhile) {
  W world = Ready();
  const std::string subject = world.EnrolledHeld();
  EXPECT_TRUE(
      RefusedBy("release.this-purpose", "RELEASE_OTHER_PURPOSE", world,
                VerifyWith(world, subject, [](auto& r) { r.set_purpose("missing-persons"); })));
  EXPECT_TRUE(RefusedBy("release.this-verifier", "RELEASE_OTHER_VERIFIER", world,
                        VerifyWith(world, subject, [](auto& r) { r.set_verifier("ben"); })));
  EXPECT_TRUE(RefusedBy("release.this-verifier", "RELEASE_OTHER_VERIFIER", world,
                        VerifyWith(world, subject, [](auto& r) { r.clear_verifier(); })));
  for (const Time end : {Time{0}, world.now - 1, world.now}) {
    EXPECT_TRUE(RefusedBy("release.unexpired", "RELEASE_EXPIRED", world,
                          VerifyWith(world, subject, [&](auto& r) { r.set_expires_at(end); })));
  }
  EXPECT_TRUE(Allowed(
      world, VerifyWith(world, subject, [&](auto& r) { r.set_expires_at(world.now + 1); })));
}

// What depends on a person gives one answer, and the log tells the cases apart.
TEST(Release, OfAnotherSubjectOrSecretIsAnsweredAsAnUnknownSubjectIs) {
  W world = Ready();
  const std::string subject = world.EnrolledHeld();
  EXPECT_TRUE(HiddenBy("release.same-subject", "RELEASE_OTHER_SUBJECT", world,
                       VerifyWith(world, subject, [](auto& r) { r.set_same_subject(false); })));
  EXPECT_TRUE(HiddenBy("release.opens", "RELEASE_OTHER_SECRET", world,
                       VerifyWith(world, subject, [](auto& r) { r.set_opened(false); })));
  const auto unfounded = [](auto& r) {
    r.set_same_subject(false);
    r.set_opened(false);
  };
  EXPECT_TRUE(HiddenBy("verify.subject-known", "SUBJECT_UNKNOWN", world,
                       VerifyWith(world, std::string(16, 'x'), unfounded)));
  EXPECT_TRUE(HiddenBy("verify.consent-given", "CONSENT_NOT_GIVEN", world,
                       VerifyWith(world, world.Enrolled(), unfounded)));
  world.Do(world.Withdraw(subject, W::kHeldPurpose));
  EXPECT_TRUE(
      HiddenBy("verify.consent-stands", "CONSENT_WITHDRAWN", world, world.VerifyHeld(subject)));
}

// A subject that is unknown must not be told from one that is known by asking without a release.
TEST(Release, IsAskedForBeforeAnybodyIsLookedUp) {
  W world = Ready();
  v1::Command command = world.VerifyHeld(std::string(16, 'x'));
  command.mutable_verify()->clear_released();
  EXPECT_TRUE(RefusedBy("release.given", "RELEASE_MISSING", world, command));
}

}  // namespace
}  // namespace kluis::policy::custody_test
