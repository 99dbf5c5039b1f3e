// SPDX-License-Identifier: Apache-2.0
// What operators do to the vault itself: seal, new shares, recovery.
#include <gtest/gtest.h>

#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_expect.h"

namespace kluis::policy::operators_test {
namespace {

using W = PolicyWorld;

TEST(SealService, IsAnOperatorsOnly) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, SealService()));
  EXPECT_TRUE(world.Do(SealService()).changes.empty());
  for (const v1::Role role : {v1::ROLE_UNSPECIFIED, v1::ROLE_SUPERVISOR, v1::ROLE_AUDITOR}) {
    v1::Command command = SealService();
    command.mutable_caller()->set_role(role);
    EXPECT_TRUE(RefusedBy("upkeep.sealed", "NOT_AN_OPERATOR", world, command));
  }
  EXPECT_TRUE(RefusedBy("upkeep.sealed", "NOT_AN_OPERATOR", W(), SealService())) << "not founded";
}

TEST(SealService, IsARegisteredOperatorsOnly) {
  W world = W::Ready();
  v1::Command command = SealService();
  command.mutable_caller()->set_name("stranger");
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, command));
  world.now += 900 * kDay;
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, SealService()));
}

TEST(BackUp, IsEnteredOnceByARegisteredOperatorOrByTheVaultItself) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, BackUp()));
  const auto refused = [&](const v1::Command& command) {
    return RefusedBy("upkeep.backed-up", "BACKUP_NOT_ENTERED", world, command);
  };
  v1::Command command = BackUp();
  command.mutable_caller()->set_name("stranger");
  EXPECT_TRUE(refused(command));
  command = BackUp();
  command.mutable_back_up()->set_while_sealed(true);
  EXPECT_TRUE(refused(command));
  command.clear_caller();
  EXPECT_TRUE(Allowed(world, command));
  EXPECT_TRUE(refused(BackUp(0)));
  world.Do(BackUp());
  EXPECT_TRUE(refused(BackUp()));
  EXPECT_TRUE(Allowed(world, BackUp(1, 1'800'000'001))) << "another one, of the same number";
  EXPECT_TRUE(Allowed(world, BackUp(2)));
}

TEST(Rekey, NeedsMoreThanOneShareAndNoMoreThanThereAre) {
  const W world = W::Ready();
  EXPECT_TRUE(Allowed(world, Rekey(2, 2)));
  EXPECT_TRUE(RefusedBy("upkeep.rekeyed", "REKEY_INCOMPLETE", world, Rekey(1, 3)));
  EXPECT_TRUE(RefusedBy("upkeep.rekeyed", "REKEY_INCOMPLETE", world, Rekey(4, 3)));
  v1::Command command = Rekey();
  command.mutable_rekey()->clear_generation();
  EXPECT_TRUE(RefusedBy("upkeep.rekeyed", "REKEY_INCOMPLETE", world, command));
  command = Rekey();
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  EXPECT_TRUE(RefusedBy("upkeep.rekeyed", "REKEY_INCOMPLETE", world, command));
}

TEST(Recover, NeedsTheSignaturesOfTwoRegisteredOperators) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, Recover(world)));
  const auto refused = [&](const v1::Command& command) {
    return RefusedBy("recovery.two-operators", "TOO_FEW_SIGNATURES", world, command);
  };
  v1::Command command = Recover(world);
  command.mutable_recover()->mutable_statement()->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(refused(command));
  command.mutable_recover()->mutable_statement()->add_signed_by("key-otto");  // the same one twice
  EXPECT_TRUE(refused(command));
  command.mutable_recover()->mutable_statement()->set_signed_by(1, "key-anna");  // an officer
  EXPECT_TRUE(refused(command));
  command.mutable_recover()->mutable_statement()->set_signed_by(1, "key-nobody");
  EXPECT_TRUE(refused(command));
  command = Recover(world);
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  EXPECT_TRUE(refused(command));
  world.now += 901 * kDay;  // the registrations are over
  EXPECT_TRUE(refused(Recover(world)));
}

TEST(Recover, IsOfThisVaultFreshAndOnce) {
  W world = W::Ready();
  v1::Command command = Recover(world);
  command.mutable_recover()->mutable_statement()->set_vault("another.example/log");
  EXPECT_FALSE(world.Decided(command).decision.allowed());
  command = Recover(world);
  command.mutable_recover()->mutable_statement()->set_issued_at(world.now - 2 * kDay);
  command.mutable_recover()->mutable_statement()->set_usable_until(world.now - kDay);
  EXPECT_FALSE(world.Decided(command).decision.allowed());
  command = Recover(world);
  world.Do(command);
  EXPECT_FALSE(world.Decided(command).decision.allowed());
}

TEST(Recover, SaysWhyAndNeverRollsBack) {
  W world = W::Ready();
  v1::Command command = Recover(world);
  command.mutable_recover()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("recovery.reasons", "RECOVERY_INCOMPLETE", world, command));
  command = Recover(world);
  command.mutable_recover()->set_from_size(command.recover().to_size() + 1);
  EXPECT_TRUE(RefusedBy("recovery.reasons", "RECOVERY_INCOMPLETE", world, command));
  command.mutable_recover()->set_from_size(command.recover().to_size());
  EXPECT_TRUE(Allowed(world, command));
}

// Slots whose entries were lost may be destroyed: nobody may be sealed under one of them.
TEST(Recover, PassesOverTheSlotsThatMayHaveBeenTaken) {
  W world = W::Ready();
  const std::string before = world.Enrolled();
  world.Do(Recover(world));
  const std::string after = world.Enrolled();
  EXPECT_GT(world.TemplateOf(after).slot(), world.TemplateOf(before).slot() + (1u << 23));
}

TEST(LoseTemplate, IsTheVaultsOwnAndEndsAnActiveTemplate) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string id = world.TemplateOf(subject).id();
  v1::Command command = LoseTemplate(id);
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  EXPECT_TRUE(RefusedBy("upkeep.template-lost", "NOT_THE_VAULT", world, command));
  EXPECT_TRUE(RefusedBy("upkeep.template-lost", "NOT_THE_VAULT", world,
                        LoseTemplate(std::string(16, 'x'))));
  EXPECT_TRUE(Allowed(world, LoseTemplate(id)));
  world.Do(LoseTemplate(id));
  EXPECT_EQ(world.TemplateOf(subject).state(), v1::TEMPLATE_STATE_ERASING);
  EXPECT_EQ(world.TemplateOf(subject).end_reason(), v1::END_REASON_LOST);
  EXPECT_EQ(world.Subject(subject).live_templates(), 0u);
  EXPECT_TRUE(RefusedBy("upkeep.template-lost", "NOT_THE_VAULT", world, LoseTemplate(id)));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, id));
  EXPECT_EQ(world.TemplateOf(subject).state(), v1::TEMPLATE_STATE_ERASED);
}

TEST(StartService, PromisesACheckpointAnHourAtLeast) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.StartService(3600)));
  EXPECT_TRUE(RefusedBy("upkeep.service-starts", "NOT_THE_VAULT", world, world.StartService(3601)));
}

}  // namespace
}  // namespace kluis::policy::operators_test
