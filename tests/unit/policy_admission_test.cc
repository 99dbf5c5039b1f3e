// SPDX-License-Identifier: Apache-2.0
// Who is let in before anything of a call is read, and what the vault tells of calls beyond a
// limit.
#include <gtest/gtest.h>

#include "tests/fakes/admission_acts.h"
#include "tests/fakes/policy_expect.h"

namespace kluis::policy::admission_test {
namespace {

using W = PolicyWorld;

TEST(Admission, LetsInMembersAndFoundersAndNobodyElse) {
  const W world = W::Ready();
  EXPECT_TRUE(Allowed(world, Admit(v1::ROLE_OFFICER, "anna")));
  EXPECT_TRUE(Allowed(world, Admit(v1::ROLE_JUDGE, "jo")));
  EXPECT_TRUE(Allowed(world, Admit(v1::ROLE_SUBJECT, "any")));
  const std::string founder =
      world.Get<v1::VaultRecord>(key::Vault()).founding().supervisors(0).name();
  EXPECT_TRUE(Allowed(world, Admit(v1::ROLE_SUPERVISOR, founder)));
  for (const v1::Role role : {v1::ROLE_OFFICER, v1::ROLE_JUDGE, v1::ROLE_REGISTRAR,
                              v1::ROLE_SUPERVISOR, v1::ROLE_UNSPECIFIED}) {
    EXPECT_TRUE(
        RefusedBy("admission.member", "MEMBER_NOT_REGISTERED", world, Admit(role, "nobody")))
        << v1::Role_Name(role);
  }
  // A name counts for its own role only.
  EXPECT_TRUE(RefusedBy("admission.member", "MEMBER_NOT_REGISTERED", world,
                        Admit(v1::ROLE_REGISTRAR, "anna")));
}

TEST(Admission, EndsWithTheMembersRegistration) {
  W world = W::Ready();
  const Time end = world.Get<v1::MemberRecord>(key::Member(v1::ROLE_JUDGE, "jo")).valid_until();
  world.now = end - 1;
  EXPECT_TRUE(Allowed(world, Admit(v1::ROLE_JUDGE, "jo")));
  world.now = end;
  EXPECT_TRUE(
      RefusedBy("admission.member", "MEMBER_NOT_REGISTERED", world, Admit(v1::ROLE_JUDGE, "jo")));
}

TEST(Admission, EndsWithTheAccreditationOfTheMembersAuthority) {
  W world = W::Ready();
  v1::Command accredit = world.Accredit();
  accredit.mutable_accredit()->mutable_accreditation()->mutable_valid_until()->set_seconds(
      world.now + kDay);
  world.Do(accredit);
  world.Do(world.Register(v1::ROLE_OFFICER, "dora", accredit.accredit().new_authority_id()));
  EXPECT_TRUE(Allowed(world, Admit(v1::ROLE_OFFICER, "dora")));
  world.now += kDay;
  EXPECT_TRUE(RefusedBy("admission.authority", "AUTHORITY_NOT_ACCREDITED", world,
                        Admit(v1::ROLE_OFFICER, "dora")));
}

TEST(Admission, ChangesNothing) {
  W world = W::Ready();
  EXPECT_TRUE(world.Do(Admit(v1::ROLE_JUDGE, "jo")).changes.empty());
  EXPECT_TRUE(world.Do(CountLimited(world)).changes.empty());
}

TEST(CountLimited, IsToldByTheVaultAloneOfSomebodyAndOfTheTimeBefore) {
  const W world = W::Ready();
  EXPECT_TRUE(Allowed(world, CountLimited(world)));
  const auto refused = [&](void (*break_it)(v1::Command&, Time now)) {
    v1::Command command = CountLimited(world);
    break_it(command, world.now);
    return RefusedBy("upkeep.limited-counted", "NOT_THE_VAULT", world, command);
  };
  EXPECT_TRUE(
      refused([](v1::Command& c, Time) { c.mutable_caller()->set_role(v1::ROLE_OPERATOR); }));
  EXPECT_TRUE(refused([](v1::Command& c, Time) { c.mutable_count_limited()->clear_calls(); }));
  EXPECT_TRUE(refused([](v1::Command& c, Time) { c.mutable_count_limited()->clear_limited(); }));
  EXPECT_TRUE(
      refused([](v1::Command& c, Time now) { c.mutable_count_limited()->set_since(now + 1); }));
}

}  // namespace
}  // namespace kluis::policy::admission_test
