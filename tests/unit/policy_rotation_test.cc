// SPDX-License-Identifier: Apache-2.0
// New secrets and new captures: a purpose's transform is rotated, a template is replaced.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/fakes/policy_expect.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::policy::rotation_test {
namespace {

using W = PolicyWorld;

std::vector<v1::PendingErasure> ErasuresOf(const Ruling& ruling) {
  std::vector<v1::PendingErasure> erasures;
  for (const v1::RecordChange& change : ruling.changes) {
    if (change.has_pending_erasure()) erasures.push_back(change.pending_erasure());
  }
  return erasures;
}

TEST(RotateTransform, GivesThePurposeANewSlotAndKeepsTheFormerOneForTheRenewals) {
  W world = W::Ready();
  const uint32_t before = PurposeOf(world).slot();
  world.Do(RotateTransform(world));
  EXPECT_EQ(PurposeOf(world).previous_slot(), before);
  EXPECT_GT(PurposeOf(world).slot(), before);
  EXPECT_EQ(PurposeOf(world).registration().title(), "Missing persons");
}

TEST(RotateTransform, NeedsASupervisorAPurposeAndReasons) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, RotateTransform(world)));
  EXPECT_TRUE(
      RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, RotateTransform(world, "other")));
  v1::Command command = RotateTransform(world);
  command.mutable_rotate_transform()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
  command = RotateTransform(world);
  command.mutable_rotate_transform()->mutable_statement()->set_signed_by(0, "key-anna");
  EXPECT_TRUE(RefusedBy("supervisor.signed", "SIGNATURE_INVALID", world, command));
  command = RotateTransform(world);
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  EXPECT_TRUE(RefusedBy("caller.role", "ROLE_NOT_ALLOWED", world, command));
}

TEST(RotateTransform, IsAllowedWhileThePurposeIsStopped) {
  W world = W::Ready();
  world.Do(world.Stop());
  EXPECT_TRUE(Allowed(world, RotateTransform(world)));
}

TEST(RotateTransform, RunsOnceAtATime) {
  W world = W::Ready();
  world.Do(RotateTransform(world));
  EXPECT_TRUE(RefusedBy("purpose.not-rotating", "PURPOSE_ROTATING", world, RotateTransform(world)));
  world.Do(FinishRotation());
  EXPECT_TRUE(Allowed(world, RotateTransform(world)));
}

TEST(RotateTransform, IsNotForTemplatesThatTheVaultCannotOpen) {
  W world = W::Ready();
  world.Do(world.RegisterHeldPurpose());
  EXPECT_TRUE(RefusedBy("purpose.rotatable", "SUBJECT_HELD", world,
                        RotateTransform(world, W::kHeldPurpose)));
}

TEST(RotateTransform, KeepsIdentificationsOutUntilItIsFinishedAndVerificationsNot) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string id = world.Active();
  world.Do(RotateTransform(world));
  EXPECT_TRUE(RefusedBy("purpose.not-rotating", "PURPOSE_ROTATING", world, world.Identify(id)));
  EXPECT_TRUE(Allowed(world, world.Verify(subject)));
  world.Do(RenewTemplate(world.TemplateOf(subject).id()));
  world.Do(FinishRotation());
  EXPECT_TRUE(Allowed(world, world.Identify(id)));
}

TEST(Enroll, RecordsTheSlotThatThePurposeProtectsUnder) {
  W world = W::Ready();
  const std::string before = world.Enrolled();
  EXPECT_EQ(world.TemplateOf(before).transform_slot(), PurposeOf(world).slot());
  world.Do(RotateTransform(world));
  const std::string after = world.Enrolled();
  EXPECT_EQ(world.TemplateOf(after).transform_slot(), PurposeOf(world).slot());
  EXPECT_EQ(world.TemplateOf(before).transform_slot(), PurposeOf(world).previous_slot());
}

TEST(RenewTemplate, TakesANewSlotAndErasesTheFormerOne) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const v1::TemplateRecord before = world.TemplateOf(subject);
  world.Do(RotateTransform(world));
  const Ruling ruling = world.Do(RenewTemplate(before.id()));
  const v1::TemplateRecord after = world.TemplateOf(subject);
  EXPECT_GT(after.slot(), PurposeOf(world).slot());
  EXPECT_EQ(after.transform_slot(), PurposeOf(world).slot());
  EXPECT_EQ(after.state(), v1::TEMPLATE_STATE_ACTIVE);
  EXPECT_EQ(after.consent_commitment(), before.consent_commitment());
  EXPECT_EQ(after.expires_at(), before.expires_at());
  EXPECT_EQ(world.Subject(subject).live_templates(), 1u);

  const auto erasures = ErasuresOf(ruling);
  ASSERT_EQ(erasures.size(), 1u);
  EXPECT_EQ(erasures[0].target(), v1::ERASURE_TARGET_SLOT);
  EXPECT_EQ(erasures[0].id(), before.id());
  EXPECT_EQ(erasures[0].slot(), before.slot());
  // That the former slot is gone does not end the template.
  world.Do(world.EraseDone(v1::ERASURE_TARGET_SLOT, before.id()));
  EXPECT_EQ(world.TemplateOf(subject).SerializeAsString(), after.SerializeAsString());
}

TEST(RenewTemplate, GrantsThatOneTemplateAsItWas) {
  W world = W::Ready();
  const v1::TemplateRecord before = world.TemplateOf(world.Enrolled());
  world.Do(RotateTransform(world));
  const Ruling ruling = world.Decided(RenewTemplate(before.id()));
  ASSERT_TRUE(ruling.grant.has_value());
  ASSERT_NE(ruling.grant->only_template(), nullptr);
  EXPECT_EQ(ruling.grant->only_template()->SerializeAsString(), before.SerializeAsString());
  EXPECT_EQ(ruling.grant->purpose(), W::kPurpose);
}

TEST(RenewTemplate, IsTheVaultsOwnActOfALiveTemplateUnderTheFormerSecret) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string id = world.TemplateOf(subject).id();
  EXPECT_TRUE(RefusedBy("upkeep.template-renewed", "NOT_DUE", world, RenewTemplate(id)));
  world.Do(RotateTransform(world));
  EXPECT_TRUE(Allowed(world, RenewTemplate(id)));
  v1::Command command = RenewTemplate(id);
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  EXPECT_TRUE(RefusedBy("upkeep.template-renewed", "NOT_DUE", world, command));
  EXPECT_TRUE(
      RefusedBy("upkeep.template-renewed", "NOT_DUE", world, RenewTemplate(std::string(16, 'x'))));
  const std::string newer = world.TemplateOf(world.Enrolled()).id();
  EXPECT_TRUE(RefusedBy("upkeep.template-renewed", "NOT_DUE", world, RenewTemplate(newer)));
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(RefusedBy("upkeep.template-renewed", "NOT_DUE", world, RenewTemplate(id)));
}

// Its pending erasure has the template's id: a second one would take the place of the first, and
// the first slot would stay.
TEST(RenewTemplate, WaitsForTheErasureOfTheFormerSlot) {
  W world = W::Ready();
  const std::string id = world.TemplateOf(world.Enrolled()).id();
  world.Do(RotateTransform(world));
  world.Do(RenewTemplate(id));
  world.Do(FinishRotation());
  world.Do(RotateTransform(world));
  EXPECT_TRUE(RefusedBy("upkeep.template-renewed", "NOT_DUE", world, RenewTemplate(id)));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_SLOT, id));
  EXPECT_TRUE(Allowed(world, RenewTemplate(id)));
}

TEST(RenewTemplate, LeavesAWithdrawalItsOwnErasure) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string id = world.TemplateOf(subject).id();
  world.Do(RotateTransform(world));
  world.Do(RenewTemplate(id));
  const auto erasures = ErasuresOf(world.Do(world.Withdraw(subject)));
  ASSERT_EQ(erasures.size(), 1u);
  EXPECT_EQ(erasures[0].slot(), world.TemplateOf(subject).slot());
  world.Do(world.EraseDone(v1::ERASURE_TARGET_SLOT, id));
  EXPECT_EQ(world.TemplateOf(subject).state(), v1::TEMPLATE_STATE_ERASING);
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, id));
  EXPECT_EQ(world.TemplateOf(subject).state(), v1::TEMPLATE_STATE_ERASED);
}

TEST(FinishRotation, IsTheVaultsOwnOnceAndErasesTheFormerSecret) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("upkeep.rotation-over", "NOT_DUE", world, FinishRotation()));
  EXPECT_TRUE(RefusedBy("upkeep.rotation-over", "NOT_DUE", world, FinishRotation("other")));
  const uint32_t former = PurposeOf(world).slot();
  world.Do(RotateTransform(world));
  v1::Command command = FinishRotation();
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  EXPECT_TRUE(RefusedBy("upkeep.rotation-over", "NOT_DUE", world, command));
  const auto erasures = ErasuresOf(world.Do(FinishRotation()));
  ASSERT_EQ(erasures.size(), 1u);
  EXPECT_EQ(erasures[0].target(), v1::ERASURE_TARGET_TRANSFORM);
  EXPECT_EQ(erasures[0].slot(), former);
  EXPECT_EQ(erasures[0].id().size(), kIdBytes);
  EXPECT_EQ(PurposeOf(world).previous_slot(), 0u);
  EXPECT_TRUE(RefusedBy("upkeep.rotation-over", "NOT_DUE", world, FinishRotation()));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TRANSFORM, erasures[0].id()));
}

TEST(FinishRotation, GivesTheErasureOfEachSecretAnIdOfItsOwn) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("second"));
  std::set<std::string> ids;
  for (const std::string_view purpose : {W::kPurpose, std::string_view("second"), W::kPurpose}) {
    world.Do(RotateTransform(world, purpose));
    ids.insert(ErasuresOf(world.Do(FinishRotation(purpose))).at(0).id());
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST(Replacement, EndsTheNamedTemplateAndMakesANewOneInOneEntry) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const v1::TemplateRecord before = world.TemplateOf(subject);
  world.now += kDay;
  const Ruling ruling = world.Do(Replacing(world, subject));
  const v1::TemplateRecord after = world.TemplateOf(subject);
  EXPECT_NE(after.id(), before.id());
  EXPECT_NE(after.slot(), before.slot());
  EXPECT_EQ(after.state(), v1::TEMPLATE_STATE_ACTIVE);
  const auto ended = world.Get<v1::TemplateRecord>(key::Template(before.id()));
  EXPECT_EQ(ended.state(), v1::TEMPLATE_STATE_ERASING);
  EXPECT_EQ(ended.end_reason(), v1::END_REASON_REPLACED);
  EXPECT_EQ(ended.ended_at(), world.now);
  EXPECT_EQ(world.Subject(subject).live_templates(), 1u);
  EXPECT_EQ(std::count_if(ruling.changes.begin(), ruling.changes.end(),
                          [](const auto& change) { return change.has_subject(); }),
            1);
  const auto erasures = ErasuresOf(ruling);
  ASSERT_EQ(erasures.size(), 1u);
  EXPECT_EQ(erasures[0].id(), before.id());
  EXPECT_EQ(erasures[0].slot(), before.slot());
  EXPECT_EQ(erasures[0].subject_id(), subject);
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, before.id()));
  EXPECT_EQ(world.TemplateOf(subject).state(), v1::TEMPLATE_STATE_ACTIVE);
}

// Whatever is not the live template gets one answer, so a guess in a consent finds nothing out.
TEST(Replacement, NamesTheLiveTemplateOfThePurpose) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("second"));
  const std::string subject = world.Enrolled();
  world.Enrolled(subject, "second");
  v1::Command command = Replacing(world, subject);
  EXPECT_TRUE(Allowed(world, command));
  for (const std::string& other :
       {std::string(16, 'x'), std::string(kIdBytes, '\0'), std::string("short"),
        world.TemplateOf(subject, "second").id(), world.TemplateOf(world.Enrolled()).id()}) {
    command.mutable_enroll()->set_replaces(other);
    EXPECT_TRUE(RefusedBy("enrollment.replaces-live", "NOTHING_TO_REPLACE", world, command));
  }
  command = Replacing(world, subject);
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(RefusedBy("enrollment.replaces-live", "NOTHING_TO_REPLACE", world, command));
  command = world.Enroll();  // a stranger
  command.mutable_enroll()->set_replaces(std::string(16, 'x'));
  EXPECT_TRUE(RefusedBy("enrollment.replaces-live", "NOTHING_TO_REPLACE", world, command));
}

TEST(Replacement, IsAskedForInSoManyWords) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(RefusedBy("enrollment.once", "ALREADY_ENROLLED", world, world.Enroll(subject)));
}

}  // namespace
}  // namespace kluis::policy::rotation_test
