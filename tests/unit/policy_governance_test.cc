// Founding, accreditation, registration, purposes, stop and lift, and the rules of every statement.
#include <gtest/gtest.h>

#include <limits>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy {
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
  const auto& profile = world.Found().found().founding().legal_profile();
  const auto* type = profile.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    auto command = world.Found();
    v1::LegalProfile* broken = command.mutable_found()->mutable_founding()->mutable_legal_profile();
    broken->GetReflection()->ClearField(broken, type->field(i));
    EXPECT_TRUE(RefusedBy("vault.founding-complete", "FOUNDING_INCOMPLETE", world, command))
        << type->field(i)->name();
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
      auto stop = world.RegisterPurpose("elsewhere");
      *stop.mutable_register_purpose()->mutable_statement()->mutable_statement_id() =
          StatementOf(item.command, second)->statement_id();
      world.Do(stop);
      EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, item.command))
          << item.name;
    }
  }
}

TEST(Statement, OfConsentCannotAlsoBeTheAttestation) {
  W world = W::Ready();
  auto command = world.Enroll();
  command.mutable_enroll()->mutable_attestation_statement()->set_statement_id(
      command.enroll().consent_statement().statement_id());
  EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, command));
}

TEST(Statement, OfARefusedCommandIsNotUsedUp) {
  W world = W::Ready();
  auto command = world.OpenCase();
  const std::string necessity = command.open_case().opening().necessity();
  command.mutable_open_case()->mutable_opening()->set_necessity("short");
  EXPECT_FALSE(world.Run(command).decision.allowed());
  command.mutable_open_case()->mutable_opening()->set_necessity(necessity);
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

TEST(Stop, IsForAPurposeThatExists) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, world.Stop("other")));
}

TEST(Stop, GivesReasons) {
  W world = W::Ready();
  auto command = world.Stop();
  command.mutable_stop()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
}

TEST(Stop, IsInForceAtOnceAndOverOnlyAfterALift) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.OpenCase()));
  world.Do(world.Stop());
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", world, world.OpenCase()));
  world.now += 400 * kDay;
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", world, world.OpenCase()));
  world.Do(world.Lift());
  EXPECT_TRUE(Allowed(world, world.OpenCase()));
}

TEST(Lift, IsForAStopInForce) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("stop.in-force", "NOT_STOPPED", world, world.Lift()));
  world.Do(world.Stop());
  world.Do(world.Lift());
  EXPECT_TRUE(RefusedBy("stop.in-force", "NOT_STOPPED", world, world.Lift()));
}

TEST(Lift, NeedsAPurposeAndReasons) {
  W world = W::Ready();
  world.Do(world.Stop());
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, world.Lift("other")));
  auto command = world.Lift();
  command.mutable_lift()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
}

TEST(Lift, NeedsAsManyDifferentSupervisorsAsTheFoundingSays) {
  W world = W::Ready();
  world.Do(world.Stop());
  auto command = world.Lift();
  v1::StatementFacts* statement = command.mutable_lift()->mutable_statement();
  statement->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  statement->add_signed_by("key-sup-1");  // the same again
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  statement->add_signed_by("key-jo");  // not a supervisor
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  statement->add_signed_by("key-sup-2");
  EXPECT_TRUE(Allowed(world, command));
}

TEST(Inspect, NeedsReasonsAndAsManySupervisorsAsALift) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.Inspect()));
  v1::Command command = world.Inspect();
  command.mutable_inspect()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
  command = world.Inspect();
  command.mutable_inspect()->mutable_statement()->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  command = world.Inspect();
  command.mutable_caller()->set_role(v1::ROLE_AUDITOR);
  EXPECT_TRUE(RefusedBy("caller.role", "ROLE_NOT_ALLOWED", world, command));
  world.Do(command = world.Inspect());
  EXPECT_TRUE(RefusedBy("statement.once", "STATEMENT_REPLAYED", world, command));
}

}  // namespace
}  // namespace kluis::policy
