// SPDX-License-Identifier: Apache-2.0
// The rules of every statement, and of who sends it.
#include <gtest/gtest.h>

#include <limits>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::statement_test {
namespace {

using W = PolicyWorld;

// Each kind of signed command, one that is allowed in a prepared world.
struct Signed {
  const char* name;
  W world;
  v1::Command command;
};

std::vector<Signed> EverySignedCommand() {
  std::vector<Signed> all;
  const auto add = [&](const char* name, auto make) {
    W world = W::Ready();
    v1::Command command = make(world);
    all.push_back({name, std::move(world), std::move(command)});
  };
  add("accredit", [](W& w) { return w.Accredit(); });
  add("register", [](W& w) { return w.Register(v1::ROLE_JUDGE, "new"); });
  add("register purpose", [](W& w) { return w.RegisterPurpose("other"); });
  add("stop", [](W& w) { return w.Stop(); });
  add("lift", [](W& w) {
    w.Do(w.Stop());
    return w.Lift();
  });
  add("enroll", [](W& w) { return w.Enroll(); });
  add("withdraw", [](W& w) { return w.Withdraw(w.Enrolled()); });
  add("access", [](W& w) { return w.Access(w.Enrolled()); });
  add("open case", [](W& w) { return w.OpenCase(); });
  add("issue warrant", [](W& w) { return w.IssueWarrant(w.Opened()); });
  add("refuse warrant", [](W& w) { return w.RefuseWarrant(w.Opened()); });
  add("approve case", [](W& w) { return w.ApproveCase(w.Opened()); });
  add("close case", [](W& w) { return w.CloseCase(w.Opened()); });
  add("adjudicate", [](W& w) {
    const auto id = w.Active();
    return w.Adjudicate(id, w.FoundOne(id));
  });
  add("disclose", [](W& w) {
    const auto id = w.Active();
    return w.Disclose(id, w.Confirmed(id));
  });
  return all;
}

// The command's statement; of an enrolment, the consent or the attestation.
v1::StatementFacts* StatementOf(v1::Command& command, bool second = false) {
  const auto* type = command.GetDescriptor();
  const auto* act = type->FindFieldByNumber(command.act_case());
  google::protobuf::Message* message = command.GetReflection()->MutableMessage(&command, act);
  const char* name = !command.has_enroll() ? "statement"
                     : second              ? "attestation_statement"
                                           : "consent_statement";
  return static_cast<v1::StatementFacts*>(message->GetReflection()->MutableMessage(
      message, message->GetDescriptor()->FindFieldByName(name)));
}

TEST(Statement, EverySignedCommandIsAllowedWhenNothingIsWrong) {
  for (const Signed& item : EverySignedCommand()) {
    EXPECT_TRUE(Allowed(item.world, item.command)) << item.name;
  }
}

TEST(Statement, ForAnotherVaultIsRefused) {
  for (Signed& item : EverySignedCommand()) {
    for (const bool second : {false, true}) {
      auto command = item.command;
      StatementOf(command, second)->set_vault("other.example/log");
      EXPECT_TRUE(RefusedBy("statement.this-vault", "STATEMENT_OTHER_VAULT", item.world, command))
          << item.name;
    }
  }
}

TEST(Statement, IsFreshUntilTheProfilesAgeIsOver) {
  for (Signed& item : EverySignedCommand()) {
    for (const bool second : {false, true}) {
      auto command = item.command;
      if (StatementOf(command, second)->usable_until() != 0) continue;  // has an end of its own
      StatementOf(command, second)->set_issued_at(item.world.now - W::kStatementAge + 1);
      EXPECT_TRUE(Allowed(item.world, command)) << item.name;
      StatementOf(command, second)->set_issued_at(item.world.now - W::kStatementAge);
      EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", item.world, command))
          << item.name;
    }
  }
}

TEST(Statement, MayBeIssuedFiveMinutesAheadAndNoMore) {
  for (Signed& item : EverySignedCommand()) {
    auto command = item.command;
    if (StatementOf(command)->usable_until() != 0) continue;  // has an end of its own
    StatementOf(command)->set_issued_at(item.world.now + 5 * kMinute);
    EXPECT_TRUE(Allowed(item.world, command)) << item.name;
    StatementOf(command)->set_issued_at(item.world.now + 5 * kMinute + 1);
    EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", item.world, command)) << item.name;
    StatementOf(command)->set_issued_at(std::numeric_limits<Time>::max());
    EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", item.world, command)) << item.name;
    StatementOf(command)->set_issued_at(std::numeric_limits<Time>::min());
    EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", item.world, command)) << item.name;
  }
}

TEST(Statement, TakesEffectOnceWhateverItIsUsedFor) {
  for (Signed& item : EverySignedCommand()) {
    for (const bool second : {false, true}) {
      W world = item.world;
      auto other = world.RegisterPurpose("elsewhere");
      v1::StatementFacts& facts = *other.mutable_register_purpose()->mutable_statement();
      facts = *StatementOf(item.command, second);
      facts.add_signed_by("key-sup-1");
      world.Do(other);
      EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, item.command))
          << item.name;
    }
  }
}

TEST(Statement, OfConsentCannotAlsoBeTheAttestation) {
  W world = W::Ready();
  auto command = world.Enroll();
  command.mutable_enroll()->mutable_attestation_statement()->set_digest(
      command.enroll().consent_statement().digest());
  EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, command));
}

TEST(Statement, OfARefusedCommandIsNotUsedUp) {
  W world = W::Ready();
  auto command = world.OpenCase();
  const uint32_t characters = command.open_case().necessity_characters();
  command.mutable_open_case()->set_necessity_characters(5);
  EXPECT_FALSE(world.Run(command).decision.allowed());
  command.mutable_open_case()->set_necessity_characters(characters);
  EXPECT_TRUE(Allowed(world, command));
}

TEST(Statement, OfASupervisorIsRefusedFromAnyOtherKey) {
  for (Signed& item : EverySignedCommand()) {
    if (item.command.caller().role() != v1::ROLE_SUPERVISOR) continue;
    StatementOf(item.command)->clear_signed_by();
    EXPECT_TRUE(RefusedBy("supervisor.signed", "SIGNATURE_INVALID", item.world, item.command))
        << item.name;
    StatementOf(item.command)->add_signed_by("key-jo");
    EXPECT_TRUE(RefusedBy("supervisor.signed", "SIGNATURE_INVALID", item.world, item.command))
        << item.name;
  }
}

TEST(Statement, OfAMemberIsRefusedFromAnotherMembersKey) {
  for (Signed& item : EverySignedCommand()) {
    const v1::Role role = item.command.caller().role();
    if (role != v1::ROLE_OFFICER && role != v1::ROLE_JUDGE) continue;
    StatementOf(item.command)->clear_signed_by();
    StatementOf(item.command)->add_signed_by("key-zoe");
    EXPECT_TRUE(RefusedBy("member.signed", "SIGNATURE_INVALID", item.world, item.command))
        << item.name;
  }
}

TEST(Caller, UnknownToTheVaultIsRefused) {
  for (Signed& item : EverySignedCommand()) {
    const v1::Role role = item.command.caller().role();
    if (role == v1::ROLE_SUPERVISOR || role == v1::ROLE_SUBJECT) continue;
    item.command.mutable_caller()->set_name("nobody");
    EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", item.world, item.command))
        << item.name;
  }
}

// Rewrites the caller's record to end at `end`.
void EndMembership(W& world, const v1::Caller& caller, Time end) {
  v1::RecordChange change;
  *change.mutable_member() = world.Get<v1::MemberRecord>(key::Member(caller.role(), caller.name()));
  change.mutable_member()->set_valid_until(end);
  world.Put(change);
}

TEST(Caller, IsAMemberUntilItsEndDate) {
  for (Signed& item : EverySignedCommand()) {
    const v1::Role role = item.command.caller().role();
    if (role == v1::ROLE_SUPERVISOR || role == v1::ROLE_SUBJECT) continue;
    EndMembership(item.world, item.command.caller(), item.world.now + 1);
    EXPECT_TRUE(Allowed(item.world, item.command)) << item.name;
    EndMembership(item.world, item.command.caller(), item.world.now);
    EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", item.world, item.command))
        << item.name;
  }
}

TEST(Caller, ActsForAnAuthorityUntilItsAccreditationEnds) {
  for (Signed& item : EverySignedCommand()) {
    if (item.command.caller().role() != v1::ROLE_OFFICER) continue;
    v1::RecordChange change;
    *change.mutable_authority() =
        item.world.Get<v1::AuthorityRecord>(key::Authority(item.world.police));
    change.mutable_authority()->set_valid_until(item.world.now + 1);
    item.world.Put(change);
    EXPECT_TRUE(Allowed(item.world, item.command)) << item.name;
    change.mutable_authority()->set_valid_until(item.world.now);
    item.world.Put(change);
    EXPECT_TRUE(
        RefusedBy("authority.accredited", "AUTHORITY_NOT_ACCREDITED", item.world, item.command))
        << item.name;
  }
}

}  // namespace
}  // namespace kluis::policy::statement_test
