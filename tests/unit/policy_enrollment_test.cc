// SPDX-License-Identifier: Apache-2.0
// Consent, capture, withdrawal and access.
#include <gtest/gtest.h>

#include <limits>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::enrollment_test {
namespace {

using W = PolicyWorld;

// Enrolls with one thing changed.
template <class Change>
v1::Command EnrollWith(W& world, Change change) {
  v1::Command command = world.Enroll();
  change(*command.mutable_enroll());
  return command;
}

TEST(Enroll, IsAllowedWithConsentAndLiveCapture) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.Enroll()));
}

TEST(Enroll, RefusesConsentWithoutTheSubjectsSignature) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("consent.signed", "CONSENT_SIGNATURE_INVALID", world,
                        EnrollWith(world, [](auto& e) {
                          e.mutable_consent_statement()->set_subject_signed(false);
                        })));
}

TEST(Enroll, DoesNotTakeTheSubjectsSignatureUnderTheAttestationForConsent) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("consent.signed", "CONSENT_SIGNATURE_INVALID", world,
                        EnrollWith(world, [](auto& e) {
                          e.mutable_consent_statement()->set_subject_signed(false);
                          e.mutable_attestation_statement()->set_subject_signed(true);
                        })));
}

TEST(Enroll, RefusesConsentOfAnotherPerson) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("consent.same-subject", "CONSENT_OTHER_SUBJECT", world,
                        EnrollWith(world, [](auto& e) { e.set_same_subject(false); })));
}

TEST(Enroll, RefusesConsentForAnotherPurposeThanTheCaptures) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  EXPECT_TRUE(RefusedBy("consent.one-purpose", "CONSENT_OTHER_PURPOSE", world,
                        EnrollWith(world, [](auto& e) { e.set_attested_purpose("other"); })));
  EXPECT_TRUE(RefusedBy("consent.one-purpose", "CONSENT_OTHER_PURPOSE", world,
                        EnrollWith(world, [](auto& e) { e.set_consent_purpose("other"); })));
}

TEST(Enroll, RefusesConsentThatIsOnlyImplied) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("consent.explicit", "CONSENT_NOT_EXPLICIT", world,
                        EnrollWith(world, [](auto& e) { e.set_explicit_consent(false); })));
}

TEST(Enroll, RefusesConsentWithoutANoticeOfThePurpose) {
  W world = W::Ready();
  for (const auto& command :
       {EnrollWith(world, [](auto& e) { e.clear_notice(); }),
        EnrollWith(world, [](auto& e) { e.mutable_notice()->set_language("en"); }),
        EnrollWith(world, [](auto& e) { e.mutable_notice()->set_version("2"); }),
        EnrollWith(world, [](auto& e) { e.mutable_notice()->set_sha256(std::string(64, 'f')); })}) {
    EXPECT_TRUE(RefusedBy("consent.notice", "CONSENT_WITHOUT_NOTICE", world, command));
  }
}

TEST(Enroll, RefusesConsentFromItsEndOn) {
  W world = W::Ready();
  const Time now = world.now;
  EXPECT_TRUE(
      Allowed(world, EnrollWith(world, [&](auto& e) { e.set_consent_expires_at(now + 1); })));
  for (const Time end : {now, now - 1, Time{0}}) {
    EXPECT_TRUE(RefusedBy("consent.unexpired", "CONSENT_EXPIRED", world,
                          EnrollWith(world, [&](auto& e) { e.set_consent_expires_at(end); })));
  }
}

TEST(Enroll, RefusesACaptureThatTheCallerDidNotSign) {
  W world = W::Ready();
  auto command = world.Enroll();
  v1::StatementFacts* attestation = command.mutable_enroll()->mutable_attestation_statement();
  attestation->clear_signed_by();
  EXPECT_TRUE(RefusedBy("capture.signed", "ATTESTATION_SIGNATURE_INVALID", world, command));
  attestation->add_signed_by("key-anna");
  EXPECT_TRUE(RefusedBy("capture.signed", "ATTESTATION_SIGNATURE_INVALID", world, command));
}

TEST(Enroll, DoesNotTakeTheRegistrarsSignatureUnderTheConsentForAttestation) {
  W world = W::Ready();
  auto command = world.Enroll();
  command.mutable_enroll()->mutable_attestation_statement()->clear_signed_by();
  command.mutable_enroll()->mutable_consent_statement()->add_signed_by("key-rex");
  EXPECT_TRUE(RefusedBy("capture.signed", "ATTESTATION_SIGNATURE_INVALID", world, command));
}

TEST(Enroll, RefusesATemplateThatWasNotAttested) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("capture.this-template", "TEMPLATE_NOT_ATTESTED", world,
                        EnrollWith(world, [](auto& e) { e.set_template_attested(false); })));
}

TEST(Enroll, RefusesACaptureThatWasNotLiveOrOfNoQuality) {
  W world = W::Ready();
  for (const auto& command : {EnrollWith(world, [](auto& e) { e.set_live_capture(false); }),
                              EnrollWith(world, [](auto& e) { e.set_quality(0); }),
                              EnrollWith(world, [](auto& e) { e.set_quality(101); })}) {
    EXPECT_TRUE(RefusedBy("capture.live", "CAPTURE_NOT_LIVE", world, command));
  }
}

TEST(Enroll, TakesACaptureOfTheLastDayOnly) {
  W world = W::Ready();
  const Time now = world.now;
  for (const Time captured : {now - kDay + 1, now, now + 5 * kMinute}) {
    EXPECT_TRUE(Allowed(world, EnrollWith(world, [&](auto& e) { e.set_captured_at(captured); })));
  }
  for (const Time captured :
       {now - kDay, now + 5 * kMinute + 1, Time{0}, std::numeric_limits<Time>::max()}) {
    EXPECT_TRUE(RefusedBy("capture.live", "CAPTURE_NOT_LIVE", world,
                          EnrollWith(world, [&](auto& e) { e.set_captured_at(captured); })));
  }
}

TEST(Enroll, RefusesAChild) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("capture.adult", "GUARDIAN_MISSING", world,
                        EnrollWith(world, [](auto& e) { e.set_adult(false); })));
}

TEST(Enroll, RefusesACategoryThatThePurposeDoesNotAdmit) {
  W world = W::Ready();
  for (const auto category : {v1::SUBJECT_CATEGORY_SUSPECT, v1::SUBJECT_CATEGORY_UNSPECIFIED}) {
    EXPECT_TRUE(RefusedBy("capture.category", "CATEGORY_OUT_OF_SCOPE", world,
                          EnrollWith(world, [&](auto& e) { e.set_category(category); })));
  }
}

TEST(Enroll, RefusesATemplateOfAnotherAlgorithm) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("capture.algorithm", "WRONG_ALGORITHM", world,
                        EnrollWith(world, [](auto& e) { e.set_algorithm("dlib-128/1"); })));
}

TEST(Enroll, RefusesAPurposeThatNobodyRegistered) {
  W world = W::Ready();
  EXPECT_TRUE(
      RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, world.Enroll({}, "unknown")));
}

TEST(Enroll, StopsWithThePurposesLegalBasis) {
  W world = W::Ready();
  v1::RecordChange change;
  *change.mutable_purpose() = world.Get<v1::PurposeRecord>(key::Purpose(W::kPurpose));
  google::protobuf::Timestamp* end = change.mutable_purpose()
                                         ->mutable_registration()
                                         ->mutable_legal_basis()
                                         ->mutable_valid_until();
  end->set_seconds(world.now + 1);
  world.Put(change);
  EXPECT_TRUE(Allowed(world, world.Enroll()));
  end->set_seconds(world.now);
  world.Put(change);
  EXPECT_TRUE(RefusedBy("purpose.lawful", "LEGAL_BASIS_LAPSED", world, world.Enroll()));
}

TEST(Enroll, StopsWhileTheSupervisorStopsThePurpose) {
  W world = W::Ready();
  world.Do(world.Stop());
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", world, world.Enroll()));
}

TEST(Enroll, KeepsOneLiveTemplateOfASubjectForAPurpose) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(RefusedBy("enrollment.once", "ALREADY_ENROLLED", world, world.Enroll(subject)));
  EXPECT_TRUE(Allowed(world, world.Enroll(subject, "other")));
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(Allowed(world, world.Enroll(subject)));
}

TEST(Enroll, RefusesASubjectWhoseDetailsAreErased) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  v1::RecordChange change;
  *change.mutable_subject() = world.Subject(subject);
  change.mutable_subject()->set_erased(true);
  world.Put(change);
  world.Do(world.RegisterPurpose("other"));
  EXPECT_TRUE(RefusedBy("enrollment.subject-stays", "SUBJECT_ERASED", world,
                        world.Enroll(subject, "other")));
}

TEST(Enroll, GivesANewSubjectTwoSlotsAndAKnownOneOne) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const auto before = Find<v1::SlotCounter>(world.state, key::Slots()).value();
  const uint32_t first = before ? before->next_slot() : 0;
  const std::string subject = world.Enrolled();
  EXPECT_EQ(world.Subject(subject).slot(), first);
  EXPECT_EQ(world.TemplateOf(subject).slot(), first + 1);
  world.Enrolled(subject, "other");
  EXPECT_EQ(world.Subject(subject).slot(), first);
  EXPECT_EQ(world.TemplateOf(subject, "other").slot(), first + 2);
  EXPECT_EQ(world.Subject(subject).live_templates(), 2u);
}

TEST(Enroll, EndsWithTheEarliestOfConsentPurposeAndLaw) {
  const auto expires_at = [](Time consent_days, uint32_t purpose_days) {
    W world = W::Ready();
    auto purpose = world.RegisterPurpose("other");
    purpose.mutable_register_purpose()->mutable_registration()->set_retention_max_days(
        purpose_days);
    world.Do(purpose);
    auto command = world.Enroll({}, "other");
    command.mutable_enroll()->set_consent_expires_at(world.now + consent_days * kDay);
    world.Do(command);
    return (world.Get<v1::TemplateRecord>(key::Template(command.enroll().new_template_id()))
                .expires_at() -
            world.now) /
           kDay;
  };
  EXPECT_EQ(expires_at(10, 20), 10);
  EXPECT_EQ(expires_at(30, 20), 20);
  EXPECT_EQ(expires_at(9000, 365), 365);
}

TEST(Withdraw, EndsTheTemplateAndStartsItsErasure) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(Allowed(world, world.Withdraw(subject)));
  world.now += kDay;
  world.Do(world.Withdraw(subject));
  const v1::TemplateRecord record = world.TemplateOf(subject);
  EXPECT_EQ(record.state(), v1::TEMPLATE_STATE_ERASING);
  EXPECT_EQ(record.end_reason(), v1::END_REASON_WITHDRAWN);
  EXPECT_EQ(record.ended_at(), world.now);
  EXPECT_EQ(world.Subject(subject).live_templates(), 0u);
  const auto erasure =
      world.Get<v1::PendingErasure>(key::PendingErasure(v1::ERASURE_TARGET_TEMPLATE, record.id()));
  EXPECT_EQ(erasure.slot(), record.slot());
  EXPECT_EQ(erasure.subject_id(), subject);
}

TEST(Withdraw, WorksAfterTheEndOfThePurposeAndDuringAStop) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(world.Stop());
  EXPECT_TRUE(Allowed(world, world.Withdraw(subject)));
  world.now += 900 * kDay;
  EXPECT_TRUE(Allowed(world, world.Withdraw(subject)));
}

TEST(Withdraw, TellsNothingAboutAnUnknownSubject) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(HiddenBy("subject.known", "SUBJECT_UNKNOWN", world, world.Withdraw("")));
  EXPECT_TRUE(
      HiddenBy("subject.known", "SUBJECT_UNKNOWN", world, world.Withdraw(std::string(16, 'x'))));
  auto unsigned_one = world.Withdraw(subject);
  unsigned_one.mutable_withdraw()->mutable_statement()->set_subject_signed(false);
  EXPECT_TRUE(HiddenBy("subject.known", "SUBJECT_UNKNOWN", world, unsigned_one));
}

TEST(Withdraw, SaysWhenThereIsNothingToWithdraw) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(RefusedBy("withdrawal.something", "NOTHING_TO_WITHDRAW", world,
                        world.Withdraw(subject, "other")));
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(
      RefusedBy("withdrawal.something", "NOTHING_TO_WITHDRAW", world, world.Withdraw(subject)));
}

TEST(Access, IsAllowedToTheSubjectWhateverItWithdrew) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(Allowed(world, world.Access(subject)));
  world.Do(world.Withdraw(subject));
  world.Do(world.Stop());
  EXPECT_TRUE(Allowed(world, world.Access(subject)));
}

TEST(Access, TellsNothingToAnybodyElse) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(HiddenBy("subject.known", "SUBJECT_UNKNOWN", world, world.Access("")));
  auto command = world.Access(subject);
  command.mutable_access()->mutable_statement()->set_subject_signed(false);
  EXPECT_TRUE(HiddenBy("subject.known", "SUBJECT_UNKNOWN", world, command));
  v1::RecordChange change;
  *change.mutable_subject() = world.Subject(subject);
  change.mutable_subject()->set_erased(true);
  world.Put(change);
  EXPECT_TRUE(HiddenBy("subject.known", "SUBJECT_UNKNOWN", world, world.Access(subject)));
}

}  // namespace
}  // namespace kluis::policy::enrollment_test
