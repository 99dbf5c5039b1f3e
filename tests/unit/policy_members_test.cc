// SPDX-License-Identifier: Apache-2.0
// Operators, auditors and supervisors: who is one, who makes one, and until when.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_expect.h"

namespace kluis::policy::members_test {
namespace {

using W = PolicyWorld;

v1::Command FoundWith(W& world, const std::function<void(v1::Found&)>& change) {
  v1::Command command = world.Found();
  change(*command.mutable_found());
  return command;
}

v1::MemberRecord MemberOf(const W& world, v1::Role role, std::string_view name) {
  return world.Get<v1::MemberRecord>(key::Member(role, name));
}

TEST(Found, MakesItsOperatorsAndAuditorsMembers) {
  W world;
  const v1::Command command = world.Found();
  world.Do(command);
  for (const char* name : {"otto", "olga"}) {
    const v1::MemberRecord member = MemberOf(world, v1::ROLE_OPERATOR, name);
    EXPECT_EQ(member.keyid(), std::string("key-") + name);
    EXPECT_EQ(member.valid_until(), world.now + 900 * kDay);
    EXPECT_EQ(member.term(), command.found().statement().digest());
  }
  EXPECT_EQ(MemberOf(world, v1::ROLE_AUDITOR, "ada").name(), "ada");
  EXPECT_TRUE(Allowed(world, SealService()));
}

TEST(Found, NeedsAnOperatorAndOfEachANameAKeyAndAnEndWithinTheBound) {
  W world;
  const auto refused = [&](const std::function<void(v1::Found&)>& change) {
    return RefusedBy("vault.founding-members", "FOUNDING_INCOMPLETE", world,
                     FoundWith(world, change));
  };
  const auto first = [](v1::Found& f) { return f.mutable_founding()->mutable_operators(0); };
  EXPECT_TRUE(refused([](auto& f) {
    f.mutable_founding()->clear_operators();
    f.clear_operators();
  }));
  EXPECT_TRUE(refused([](auto& f) { f.clear_operators(); })) << "no keys were found";
  EXPECT_TRUE(refused([&](auto& f) { first(f)->set_name("Otto"); }));
  EXPECT_TRUE(refused([&](auto& f) { first(f)->set_name(std::string(65, 'o')); }));
  EXPECT_TRUE(refused([&](auto& f) { first(f)->set_name("olga"); })) << "twice";
  EXPECT_TRUE(refused([](auto& f) { f.mutable_operators(0)->clear_keyid(); }));
  EXPECT_TRUE(refused([](auto& f) { f.mutable_operators(0)->set_keyid("key-olga"); }));
  EXPECT_TRUE(refused([](auto& f) { f.mutable_auditors(0)->set_keyid("key-sup-1"); }));
  EXPECT_TRUE(refused([&](auto& f) { first(f)->clear_valid_until(); }));
  EXPECT_TRUE(refused([&](auto& f) { first(f)->mutable_valid_until()->set_seconds(world.now); }));
  EXPECT_TRUE(refused([&](auto& f) {
    first(f)->mutable_valid_until()->set_seconds(world.now + W::kMembershipMax + 1);
  }));
  EXPECT_TRUE(refused([](auto& f) {
    f.mutable_founding()->mutable_supervisors(1)->set_name(f.founding().supervisors(0).name());
  }));
  EXPECT_TRUE(Allowed(world, FoundWith(world, [](auto& f) {
                        f.mutable_founding()->clear_auditors();
                        f.clear_auditors();
                      })));
}

TEST(Supervisor, IsOneOfTheFoundingWhateverTheCertificateSays) {
  W world = W::Ready();
  world.Do(OrderRekey(world));
  for (v1::Command command : {world.Accredit(), world.Register(v1::ROLE_JUDGE, "kim"),
                              world.RegisterPurpose("other"), world.Stop(), world.Inspect(),
                              world.SetTerm(v1::ROLE_AUDITOR, "ada", 0), CancelRekey(world)}) {
    EXPECT_TRUE(Allowed(world, command));
    command.mutable_caller()->set_name("stranger");
    EXPECT_TRUE(RefusedBy("supervisor.of-founding", "MEMBER_NOT_REGISTERED", world, command));
  }
}

TEST(Register, OfAnOperatorOrAnAuditorTakesKOfNSupervisors) {
  W world = W::Ready();
  for (const v1::Role role : {v1::ROLE_OPERATOR, v1::ROLE_AUDITOR}) {
    v1::Command command = world.Register(role, "mallory");
    EXPECT_TRUE(Allowed(world, command));
    command.mutable_register_()->mutable_statement()->set_signed_by(1, "key-sup-1");
    EXPECT_TRUE(RefusedBy("member.quorum", "TOO_FEW_SIGNATURES", world, command))
        << "the same one twice";
    command.mutable_register_()->mutable_statement()->mutable_signed_by()->RemoveLast();
    EXPECT_TRUE(RefusedBy("member.quorum", "TOO_FEW_SIGNATURES", world, command));
  }
  EXPECT_TRUE(Allowed(world, world.Register(v1::ROLE_JUDGE, "kim"))) << "of a judge one";
}

TEST(MemberTerm, ProlongsAndEndsAndTheActsOfTheMemberFollow) {
  W world = W::Ready();
  world.Do(world.SetTerm(v1::ROLE_OPERATOR, "otto", 0));
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, SealService()));
  world.now -= kMinute;  // supervisors set the clock back
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, SealService()));
  world.now += kMinute;
  world.Do(world.SetTerm(v1::ROLE_OPERATOR, "otto", world.now + 10));
  EXPECT_TRUE(Allowed(world, SealService()));
  world.now += 10;
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, SealService()));
}

// The key, the authority and the name stay what they were registered as.
TEST(MemberTerm, ChangesNothingButTheEnd) {
  W world = W::Ready();
  v1::MemberRecord before = MemberOf(world, v1::ROLE_OFFICER, "anna");
  const v1::Command command = world.SetTerm(v1::ROLE_OFFICER, "anna", world.now + kDay);
  world.Do(command);
  before.set_valid_until(world.now + kDay);
  before.set_term(command.set_term().statement().digest());
  EXPECT_EQ(MemberOf(world, v1::ROLE_OFFICER, "anna").SerializeAsString(),
            before.SerializeAsString());
}

TEST(MemberTerm, NamesTheStatementThatItFollowsSoThatNoOldOneUndoesAnEnd) {
  W world = W::Ready();
  const v1::Command prolonging = world.SetTerm(v1::ROLE_OPERATOR, "otto", world.now + 500 * kDay);
  const v1::Command ending = world.SetTerm(v1::ROLE_OPERATOR, "otto", 0);
  world.Do(ending);
  EXPECT_TRUE(RefusedBy("term.follows", "PREDECESSOR_DIFFERS", world, prolonging));
  world.Do(world.SetTerm(v1::ROLE_OPERATOR, "otto", world.now + kDay));
  EXPECT_TRUE(RefusedBy("term.follows", "PREDECESSOR_DIFFERS", world, prolonging));
  v1::Command command = world.SetTerm(v1::ROLE_OPERATOR, "otto", 0);
  command.mutable_set_term()->mutable_term()->clear_follows();
  EXPECT_TRUE(RefusedBy("term.follows", "PREDECESSOR_DIFFERS", world, command));
}

TEST(MemberTerm, IsOfAMemberWithinTheBoundAndTakesKOfNToGiveAndOneToEnd) {
  W world = W::Ready();
  v1::Command command = world.SetTerm(v1::ROLE_OPERATOR, "otto", 0);
  command.mutable_set_term()->mutable_term()->set_member("nobody");
  EXPECT_TRUE(RefusedBy("term.of-member", "MEMBER_NOT_REGISTERED", world, command));
  const Time last = world.now + W::kMembershipMax;
  EXPECT_TRUE(Allowed(world, world.SetTerm(v1::ROLE_OPERATOR, "otto", last)));
  EXPECT_TRUE(RefusedBy("term.end", "TERM_TOO_LONG", world,
                        world.SetTerm(v1::ROLE_OPERATOR, "otto", last + 1)));
  for (const v1::Role role : {v1::ROLE_OPERATOR, v1::ROLE_AUDITOR}) {
    const char* name = role == v1::ROLE_OPERATOR ? "otto" : "ada";
    command = world.SetTerm(role, name, last);
    command.mutable_set_term()->mutable_statement()->mutable_signed_by()->RemoveLast();
    EXPECT_TRUE(RefusedBy("member.quorum", "TOO_FEW_SIGNATURES", world, command));
    command = world.SetTerm(role, name, 0);
    command.mutable_set_term()->mutable_statement()->mutable_signed_by()->RemoveLast();
    EXPECT_TRUE(Allowed(world, command));
  }
}

}  // namespace
}  // namespace kluis::policy::members_test
