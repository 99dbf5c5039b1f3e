// SPDX-License-Identifier: Apache-2.0
// Founding, accreditation, registration and purposes.
#include <gtest/gtest.h>

#include <limits>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::governance_test {
namespace {

using W = PolicyWorld;

TEST(Found, IsAllowedOnAnEmptyState) {
  W world;
  EXPECT_TRUE(Allowed(world, world.Found()));
}

TEST(Found, IsRefusedTheSecondTime) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("vault.founded-once", "ALREADY_FOUNDED", world, world.Found()));
}

TEST(Found, NeedsTheSignatureOfEverySupervisorThatItNames) {
  W world;
  auto command = world.Found();
  command.mutable_found()->mutable_statement()->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(RefusedBy("vault.founding-signed", "SIGNATURE_INVALID", world, command));
  command.mutable_found()->mutable_statement()->add_signed_by("key-sup-1");  // again
  EXPECT_TRUE(RefusedBy("vault.founding-signed", "SIGNATURE_INVALID", world, command));
}

TEST(Found, NeedsAtLeastOneSupervisor) {
  W world;
  auto command = world.Found();
  command.mutable_found()->mutable_statement()->clear_signed_by();
  command.mutable_found()->mutable_founding()->clear_supervisors();
  EXPECT_FALSE(world.Decided(command).decision.allowed());
}

TEST(Found, NeedsEveryLimitOfTheLegalProfile) {
  W world;
  const auto* type = v1::LegalProfile::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    auto command = world.Found();
    v1::LegalProfile* broken = command.mutable_found()->mutable_founding()->mutable_legal_profile();
    broken->GetReflection()->ClearField(broken, type->field(i));
    EXPECT_TRUE(RefusedBy("vault.founding-complete", "FOUNDING_INCOMPLETE", world, command))
        << type->field(i)->name();
    if (type->field(i)->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_UINT32) continue;
    broken->GetReflection()->SetUInt32(broken, type->field(i), 4'000'000'000);
    EXPECT_TRUE(RefusedBy("vault.founding-complete", "FOUNDING_INCOMPLETE", world, command))
        << type->field(i)->name() << " without a bound";
  }
}

TEST(Found, NeedsANameALogKeyAndAThresholdWithinTheSupervisors) {
  W world;
  const auto with = [&](auto change) {
    auto command = world.Found();
    change(*command.mutable_found()->mutable_founding());
    return command;
  };
  for (const auto& command :
       {with([](auto& f) { f.clear_vault(); }), with([](auto& f) { f.clear_log_public_key(); }),
        with([](auto& f) { f.set_threshold(0); }), with([](auto& f) { f.set_threshold(4); })}) {
    EXPECT_TRUE(RefusedBy("vault.founding-complete", "FOUNDING_INCOMPLETE", world, command));
  }
  EXPECT_TRUE(Allowed(world, with([](auto& f) { f.set_threshold(3); })));
}

TEST(Found, KeepsTheLogSixMonthsAtLeast) {
  W world;
  auto command = world.Found();
  command.mutable_found()->mutable_founding()->mutable_legal_profile()->set_log_retention_months(5);
  EXPECT_TRUE(RefusedBy("vault.founding-complete", "FOUNDING_INCOMPLETE", world, command));
}

TEST(Accredit, NamesAuthorityContactMandateAndAFutureEnd) {
  W world = W::Ready();
  const auto with = [&](auto change) {
    auto command = world.Accredit();
    change(*command.mutable_accredit()->mutable_accreditation());
    return command;
  };
  const Time now = world.now;
  for (const auto& command :
       {with([](auto& a) { a.clear_authority_name(); }), with([](auto& a) { a.clear_contact(); }),
        with([](auto& a) { a.clear_legal_mandate(); }),
        with([](auto& a) { a.clear_valid_until(); }),
        with([&](auto& a) { a.mutable_valid_until()->set_seconds(now); })}) {
    EXPECT_TRUE(RefusedBy("authority.mandate", "ACCREDITATION_INCOMPLETE", world, command));
  }
  EXPECT_TRUE(
      Allowed(world, with([&](auto& a) { a.mutable_valid_until()->set_seconds(now + 1); })));
}

TEST(Register, NamesRoleMemberKeyEndAndAnOfficersAuthority) {
  W world = W::Ready();
  const auto officer = [&](auto change) {
    auto command = world.Register(v1::ROLE_OFFICER, "new", world.police);
    change(*command.mutable_register_());
    return command;
  };
  EXPECT_TRUE(Allowed(world, officer([](auto&) {})));
  const Time now = world.now;
  for (const auto& command :
       {officer([](auto& r) { r.mutable_registration()->set_role(v1::ROLE_SUPERVISOR); }),
        officer([](auto& r) { r.mutable_registration()->set_role(v1::ROLE_JUDGE); }),
        officer([](auto& r) { r.mutable_registration()->clear_authority(); }),
        officer([](auto& r) { r.mutable_registration()->set_authority("authorities/police"); }),
        officer([](auto& r) {
          r.mutable_registration()->set_authority(W::AuthorityName(std::string(16, 'x')));
        }),
        officer([](auto& r) { r.mutable_registration()->clear_member(); }),
        officer([](auto& r) { r.mutable_registration()->set_member(std::string(65, 'n')); }),
        officer([](auto& r) { r.clear_keyid(); }), officer([&](auto& r) {
          r.mutable_registration()->mutable_valid_until()->set_seconds(now);
        })}) {
    EXPECT_TRUE(RefusedBy("member.complete", "REGISTRATION_INCOMPLETE", world, command));
  }
  EXPECT_TRUE(Allowed(world, officer([&](auto& r) {
                        r.mutable_registration()->mutable_valid_until()->set_seconds(now + 1);
                      })));
}

TEST(Register, NeedsAnAuthorityWhoseAccreditationLasts) {
  W world = W::Ready();
  const Time end = world.Get<v1::AuthorityRecord>(key::Authority(world.police)).valid_until();
  world.now = end - 1;
  EXPECT_TRUE(Allowed(world, world.Register(v1::ROLE_OFFICER, "new", world.police)));
  world.now = end;
  EXPECT_TRUE(RefusedBy("member.complete", "REGISTRATION_INCOMPLETE", world,
                        world.Register(v1::ROLE_OFFICER, "new", world.police)));
}

TEST(Register, GivesANameOnceWithinARole) {
  W world = W::Ready();
  auto command = world.Register(v1::ROLE_OFFICER, "anna", world.coastguard);
  command.mutable_register_()->set_keyid("key-other");
  EXPECT_TRUE(RefusedBy("member.own-name", "NAME_IN_USE", world, command));
  command = world.Register(v1::ROLE_JUDGE, "anna");
  command.mutable_register_()->set_keyid("key-other");
  EXPECT_TRUE(Allowed(world, command));
}

TEST(Register, GivesAKeyToOneMember) {
  W world = W::Ready();
  auto command = world.Register(v1::ROLE_OFFICER, "new", world.police);
  for (const char* keyid : {"key-anna", "key-jo", "key-sup-2"}) {
    command.mutable_register_()->set_keyid(keyid);
    EXPECT_TRUE(RefusedBy("member.own-key", "KEY_IN_USE", world, command)) << keyid;
  }
}

TEST(RegisterPurpose, IsRefusedForAPurposeThatExists) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("purpose.new", "PURPOSE_EXISTS", world, world.RegisterPurpose()));
}

TEST(RegisterPurpose, NeedsEachOfItsParts) {
  W world = W::Ready();
  const auto with = [&](auto change) {
    auto command = world.RegisterPurpose("other");
    change(*command.mutable_register_purpose()->mutable_registration());
    return command;
  };
  const Time now = world.now;
  const std::vector<v1::Command> broken = {
      with([](auto& p) { p.clear_purpose(); }),
      with([](auto& p) { p.set_purpose("Upper"); }),
      with([](auto& p) { p.set_purpose("a/b"); }),
      with([](auto& p) { p.set_purpose(std::string(65, 'a')); }),
      with([](auto& p) { p.clear_title(); }),
      with([](auto& p) { p.mutable_controller()->clear_name(); }),
      with([](auto& p) { p.mutable_controller()->clear_representative(); }),
      with([](auto& p) { p.mutable_controller()->clear_contact(); }),
      with([](auto& p) { p.mutable_legal_basis()->clear_reference(); }),
      with([&](auto& p) { p.mutable_legal_basis()->mutable_valid_until()->set_seconds(now); }),
      with([](auto& p) { p.mutable_dpia()->clear_reference(); }),
      with([](auto& p) { p.mutable_dpia()->set_sha256(std::string(64, 'D')); }),
      with([](auto& p) { p.mutable_dpia()->set_sha256(std::string(63, 'd')); }),
      with([](auto& p) { p.clear_custody(); }),
      with([](auto& p) { p.clear_operations(); }),
      with([](auto& p) { p.clear_retention_max_days(); }),
      with([](auto& p) { p.clear_candidate_cap(); }),
      with([](auto& p) { p.set_candidate_cap(51); }),
      with([](auto& p) { p.clear_subject_categories(); }),
      with([](auto& p) { p.clear_notices(); }),
      with([](auto& p) { p.mutable_notices(0)->clear_language(); }),
      with([](auto& p) { p.mutable_notices(0)->clear_version(); }),
      with([](auto& p) { p.mutable_notices(0)->clear_sha256(); }),
  };
  for (size_t i = 0; i < broken.size(); ++i) {
    EXPECT_TRUE(RefusedBy("purpose.complete", "PURPOSE_INCOMPLETE", world, broken[i])) << i;
  }
  EXPECT_TRUE(Allowed(world, with([&](auto& p) {
                        p.mutable_legal_basis()->mutable_valid_until()->set_seconds(now + 1);
                        p.set_candidate_cap(50);
                        p.set_purpose(std::string(64, 'a'));
                      })));
}

TEST(RegisterPurpose, NeedsAKnownAlgorithmAndErrorRatesUpToATenth) {
  W world = W::Ready();
  auto command = world.RegisterPurpose("other");
  command.mutable_register_purpose()->set_algorithm_known(false);
  EXPECT_TRUE(RefusedBy("purpose.threshold", "THRESHOLD_INVALID", world, command));
  for (const double rate : {0.0, -0.1, 0.1000001, std::numeric_limits<double>::quiet_NaN()}) {
    command = world.RegisterPurpose("other");
    v1::ThresholdPolicy* t =
        command.mutable_register_purpose()->mutable_registration()->mutable_threshold();
    t->set_target_fpir(rate);
    EXPECT_TRUE(RefusedBy("purpose.threshold", "THRESHOLD_INVALID", world, command)) << rate;
    t->set_target_fpir(0.1);
    EXPECT_TRUE(Allowed(world, command));
    t->set_target_fmr(rate);
    EXPECT_TRUE(RefusedBy("purpose.threshold", "THRESHOLD_INVALID", world, command)) << rate;
  }
}

}  // namespace
}  // namespace kluis::policy::governance_test
