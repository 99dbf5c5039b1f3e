// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/rule_breakers.h"

#include <utility>

#include "policy/civil_time.h"
#include "tests/fakes/admission_acts.h"
#include "tests/fakes/measurement_acts.h"
#include "tests/fakes/operator_acts.h"
#include "tests/fakes/restriction_acts.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::policy {
namespace {

using W = PolicyWorld;

// The command that `make` makes, with one thing broken.
template <class Make, class Break>
RuleBreaker Broken(Make make, Break break_it) {
  return [make, break_it](W& world) {
    RuleBreak broken{make(world)};
    break_it(broken.command, world);
    return broken;
  };
}

v1::Command Enrolling(W& world) { return world.Enroll(); }
v1::Command Opening(W& world) { return world.OpenCase(); }
v1::Command Warrant(W& world) { return world.IssueWarrant(world.Opened()); }
v1::Command Searching(W& world) { return world.Identify(world.Active()); }
v1::Command Stopping(W& world) { return world.Stop(); }
v1::Command Registering(W& world) { return world.Register(v1::ROLE_JUDGE, "kim"); }
v1::Command Purpose(W& world) { return world.RegisterPurpose("other"); }
v1::Command Founding(W& world) { return world.Found(); }
v1::Command Outcome(W& world) { return world.Outcome(world.Searched(world.Active())); }

RuleBreaker EnrollmentBreaker(void (*break_it)(v1::Enroll&)) {
  return Broken(Enrolling, [break_it](v1::Command& c, W&) { break_it(*c.mutable_enroll()); });
}
RuleBreaker OpeningBreaker(void (*break_it)(v1::CaseOpening&)) {
  return Broken(Opening, [break_it](v1::Command& c, W&) {
    break_it(*c.mutable_open_case()->mutable_opening());
  });
}
RuleBreaker WarrantBreaker(void (*break_it)(v1::Warrant&, Time now)) {
  return Broken(Warrant, [break_it](v1::Command& c, W& world) {
    break_it(*c.mutable_issue_warrant()->mutable_warrant(), world.now);
  });
}
RuleBreaker IdentifyBreaker(void (*break_it)(v1::Identify&, Time now)) {
  return Broken(Searching, [break_it](v1::Command& c, W& world) {
    break_it(*c.mutable_identify(), world.now);
  });
}

// What is in the subject's custody.
RuleBreaker HeldEnrollmentBreaker(void (*break_it)(v1::Enroll&)) {
  return [break_it](W& world) {
    world.Do(world.RegisterHeldPurpose());
    v1::Command command = world.EnrollHeld();
    break_it(*command.mutable_enroll());
    return RuleBreak{command};
  };
}
RuleBreaker ReleaseBreaker(void (*break_it)(v1::Verify&, Time now)) {
  return [break_it](W& world) {
    world.Do(world.RegisterHeldPurpose());
    v1::Command command = world.VerifyHeld(world.EnrolledHeld());
    break_it(*command.mutable_verify(), world.now);
    return RuleBreak{command};
  };
}

RuleBreaker Simply(v1::Command (*make)(W&)) {
  return [make](W& world) { return RuleBreak{make(world)}; };
}

v1::RecordChange UsedStatement(const v1::StatementFacts& facts) {
  v1::RecordChange change;
  change.mutable_used_statement()->set_digest(facts.digest().substr(0, kIdBytes));
  change.mutable_used_statement()->set_usable_until(facts.issued_at() + W::kStatementAge);
  return change;
}

std::string Nobody() { return std::string(16, 'x'); }

void AddStatementAndCallerRules(std::map<std::string_view, RuleBreaker>& all) {
  all["statement.this-vault"] = Broken(Stopping, [](v1::Command& c, W&) {
    c.mutable_stop()->mutable_statement()->set_vault("another.example/log");
  });
  all["statement.fresh"] = Broken(Stopping, [](v1::Command& c, W& world) {
    c.mutable_stop()->mutable_statement()->set_issued_at(world.now - 2 * W::kStatementAge);
  });
  all["statement.once"] = [](W& world) {
    const v1::Command command = world.Stop();
    world.Do(command);
    return RuleBreak{command};
  };
  all["caller.role"] =
      Broken(Stopping, [](v1::Command& c, W&) { c.mutable_caller()->set_role(v1::ROLE_JUDGE); });
  all["member.registered"] = Simply([](W& world) {
    world.now += 950 * kDay;
    return world.ReadCase("", v1::ROLE_JUDGE, "jo");
  });
  all["member.signed"] = [](W& world) {
    v1::Command command = world.ApproveCase(world.Opened(), "ben");
    command.mutable_approve_case()->mutable_statement()->set_signed_by(0, "key-anna");
    return RuleBreak{command};
  };
  all["authority.accredited"] = [](W& world) {
    v1::Command accredit = world.Accredit();
    accredit.mutable_accredit()->mutable_accreditation()->mutable_valid_until()->set_seconds(
        world.now + kDay);
    world.Do(accredit);
    world.Do(world.Register(v1::ROLE_OFFICER, "dora", accredit.accredit().new_authority_id()));
    world.now += 2 * kDay;
    v1::Command command = world.OpenCase();
    command.mutable_caller()->set_name("dora");
    command.mutable_open_case()->mutable_statement()->set_signed_by(0, "key-dora");
    return RuleBreak{command};
  };
  all["purpose.registered"] = Simply([](W& world) { return world.Stop("other"); });
  all["purpose.lawful"] = Simply([](W& world) {
    world.now += 850 * kDay;
    return world.OpenCase();
  });
  all["purpose.not-stopped"] = Simply([](W& world) {
    world.Do(world.Stop());
    return world.OpenCase();
  });
}

void AddCaseRules(std::map<std::string_view, RuleBreaker>& all) {
  all["case.of-authority"] =
      Simply([](W& world) { return world.ApproveCase(world.Opened(), "carl"); });
  all["case.complete"] = OpeningBreaker([](v1::CaseOpening& o) { o.clear_legal_basis(); });
  all["case.purpose-identifies"] = [](W& world) {
    v1::Command purpose = world.RegisterPurpose("verify-only");
    auto& operations =
        *purpose.mutable_register_purpose()->mutable_registration()->mutable_operations();
    operations.Clear();
    operations.Add(v1::OPERATION_VERIFY);
    world.Do(purpose);
    v1::Command command = world.OpenCase();
    command.mutable_open_case()->mutable_opening()->set_purpose("verify-only");
    return RuleBreak{command};
  };
  all["case.necessity"] = Broken(
      Opening, [](v1::Command& c, W&) { c.mutable_open_case()->set_necessity_characters(8); });
  all["case.necessity-own"] = [](W& world) {
    const v1::Command first = world.OpenCase();
    world.Do(first);
    v1::Command second = world.OpenCase();
    second.mutable_open_case()->set_necessity_digest(first.open_case().necessity_digest());
    return RuleBreak{second};
  };
  all["case.scope"] = OpeningBreaker(
      [](v1::CaseOpening& o) { o.add_subject_categories(v1::SUBJECT_CATEGORY_SUSPECT); });
  all["case.known"] = [](W& world) {
    const v1::Command command = world.IssueWarrant(Nobody());
    return RuleBreak{command, {{UsedStatement(command.issue_warrant().statement())}}};
  };
  all["case.awaits-warrant"] = [](W& world) {
    const std::string id = world.Opened();
    world.Do(world.IssueWarrant(id));
    return RuleBreak{world.IssueWarrant(id)};
  };
  all["warrant.limits"] = WarrantBreaker([](v1::Warrant& w, Time) { w.set_budget(20'000); });
  all["warrant.scope"] = WarrantBreaker(
      [](v1::Warrant& w, Time) { w.add_subject_categories(v1::SUBJECT_CATEGORY_SUSPECT); });
  all["warrant.window-set"] = WarrantBreaker([](v1::Warrant& w, Time now) {
    w.mutable_not_after()->set_seconds(now + W::kWarrantMax + kDay);
  });
  all["warrant.notice-delay"] = WarrantBreaker([](v1::Warrant& w, Time now) {
    w.mutable_notice_delay()->mutable_until()->set_seconds(now + kDay);  // without a ground
  });
  all["warrant.refusal-reasoned"] = [](W& world) {
    v1::Command command = world.RefuseWarrant(world.Opened());
    command.mutable_refuse_warrant()->clear_reasons_given();
    return RuleBreak{command};
  };
  all["case.awaits-approval"] = [](W& world) {
    const std::string id = world.Opened();
    world.Do(world.ApproveCase(id, "ben"));
    return RuleBreak{world.ApproveCase(id, "zoe")};
  };
  all["case.second-officer"] =
      Simply([](W& world) { return world.ApproveCase(world.Opened(), "anna"); });
  all["case.open"] = [](W& world) {
    const std::string id = world.Opened();
    world.Do(world.CloseCase(id));
    return RuleBreak{world.CloseCase(id)};
  };
  all["case.readable"] =
      Simply([](W& world) { return world.ReadCase(world.Opened(), v1::ROLE_OFFICER, "carl"); });
}

void AddEnrollmentRules(std::map<std::string_view, RuleBreaker>& all) {
  all["consent.signed"] = EnrollmentBreaker(
      [](v1::Enroll& e) { e.mutable_consent_statement()->set_subject_signed(false); });
  all["consent.same-subject"] = EnrollmentBreaker([](v1::Enroll& e) { e.set_same_subject(false); });
  all["consent.one-purpose"] =
      EnrollmentBreaker([](v1::Enroll& e) { e.set_attested_purpose("other"); });
  all["consent.explicit"] = EnrollmentBreaker([](v1::Enroll& e) { e.set_explicit_consent(false); });
  all["consent.notice"] =
      EnrollmentBreaker([](v1::Enroll& e) { e.mutable_notice()->set_version("2"); });
  all["consent.unexpired"] = EnrollmentBreaker([](v1::Enroll& e) { e.set_consent_expires_at(1); });
  all["capture.signed"] = EnrollmentBreaker(
      [](v1::Enroll& e) { e.mutable_attestation_statement()->clear_signed_by(); });
  all["capture.this-template"] =
      EnrollmentBreaker([](v1::Enroll& e) { e.set_template_attested(false); });
  all["capture.live"] = EnrollmentBreaker([](v1::Enroll& e) { e.set_live_capture(false); });
  all["capture.adult"] = EnrollmentBreaker([](v1::Enroll& e) { e.set_adult(false); });
  all["capture.category"] =
      EnrollmentBreaker([](v1::Enroll& e) { e.set_category(v1::SUBJECT_CATEGORY_SUSPECT); });
  all["capture.algorithm"] =
      EnrollmentBreaker([](v1::Enroll& e) { e.set_algorithm("dlib-128/1"); });
  all["enrollment.once"] = Simply([](W& world) { return world.Enroll(world.Enrolled()); });
  all["enrollment.subject-stays"] = Simply([](W& world) {
    const std::string subject = world.Enrolled();
    world.Do(world.Withdraw(subject));
    world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, world.TemplateOf(subject).id()));
    world.now += W::kDetailsRetention + kDay;
    world.Do(world.ForgetSubject(subject));
    world.Do(world.EraseDone(v1::ERASURE_TARGET_SUBJECT, subject));
    return world.Enroll(subject);
  });
  all["subject.known"] = [](W& world) {
    v1::Command command = world.Access(world.Enrolled());
    command.mutable_access()->mutable_statement()->set_subject_signed(false);
    return RuleBreak{command};
  };
  all["withdrawal.something"] = Simply([](W& world) {
    const std::string subject = world.Enrolled();
    world.Do(world.Withdraw(subject));
    world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, world.TemplateOf(subject).id()));
    return world.Withdraw(subject);
  });
}

void AddRestrictionRules(std::map<std::string_view, RuleBreaker>& all) {
  all["restriction.something"] = Simply([](W& world) {
    const std::string subject = world.Enrolled();
    world.Do(Restrict(world, subject));
    return Restrict(world, subject);
  });
  all["restriction.in-force"] =
      Simply([](W& world) { return LiftRestriction(world, world.Enrolled()); });
  all["verify.not-restricted"] = Simply([](W& world) {
    const std::string subject = world.Enrolled();
    world.Do(Restrict(world, subject));
    return world.Verify(subject);
  });
}

void AddGovernanceRules(std::map<std::string_view, RuleBreaker>& all) {
  all["vault.founded-once"] = Simply([](W& world) {
    world.Do(world.Found());
    return world.Found();
  });
  all["vault.founding-signed"] = Broken(Founding, [](v1::Command& c, W&) {
    c.mutable_found()->mutable_statement()->mutable_signed_by()->RemoveLast();
  });
  all["vault.founding-complete"] = Broken(Founding, [](v1::Command& c, W&) {
    c.mutable_found()->mutable_founding()->mutable_legal_profile()->set_log_retention_months(5);
  });
  all["supervisor.signed"] = Broken(Stopping, [](v1::Command& c, W&) {
    c.mutable_stop()->mutable_statement()->set_signed_by(0, "key-anna");
  });
  all["supervisors.quorum"] = [](W& world) {
    world.Do(world.Stop());
    v1::Command command = world.Lift();
    command.mutable_lift()->mutable_statement()->mutable_signed_by()->RemoveLast();
    return RuleBreak{command};
  };
  all["authority.mandate"] = [](W& world) {
    v1::Command command = world.Accredit();
    command.mutable_accredit()->mutable_accreditation()->clear_legal_mandate();
    return RuleBreak{command};
  };
  all["member.complete"] = Broken(Registering, [](v1::Command& c, W& world) {
    c.mutable_register_()->mutable_registration()->mutable_valid_until()->set_seconds(world.now);
  });
  all["member.own-key"] =
      Broken(Registering, [](v1::Command& c, W&) { c.mutable_register_()->set_keyid("key-anna"); });
  all["member.own-name"] = Broken(Registering, [](v1::Command& c, W& world) {
    c.mutable_register_()->mutable_registration()->set_member("jo");
    c.mutable_register_()->mutable_registration()->set_follows(
        W::NameOf(world.Get<v1::MemberRecord>(key::Member(v1::ROLE_JUDGE, "jo")).term()));
  });
  all["vault.founding-members"] = Broken(Founding, [](v1::Command& c, W&) {
    c.mutable_found()->clear_operators();
    c.mutable_found()->mutable_founding()->clear_operators();
  });
  all["supervisor.of-founding"] =
      Broken(Stopping, [](v1::Command& c, W&) { c.mutable_caller()->set_name("sup-9"); });
  all["member.quorum"] = [](W& world) {
    v1::Command command = world.Register(v1::ROLE_OPERATOR, "mallory");
    command.mutable_register_()->mutable_statement()->mutable_signed_by()->RemoveLast();
    return RuleBreak{command};
  };
  all["term.of-member"] = [](W& world) {
    v1::Command command = world.SetTerm(v1::ROLE_OPERATOR, "otto", 0);
    command.mutable_set_term()->mutable_term()->set_member("nobody");
    return RuleBreak{command, {{UsedStatement(command.set_term().statement())}}};
  };
  all["term.follows"] = [](W& world) {
    const v1::Command prolonging = world.SetTerm(v1::ROLE_OPERATOR, "otto", world.now + 900 * kDay);
    world.Do(world.SetTerm(v1::ROLE_OPERATOR, "otto", 0));
    return RuleBreak{prolonging};
  };
  all["term.end"] = Simply([](W& world) {
    return world.SetTerm(v1::ROLE_OPERATOR, "otto", world.now + W::kMembershipMax + 1);
  });
  all["inspection.range"] = Simply([](W& world) { return world.Inspect(0, 100'001); });
  all["purpose.new"] = Simply([](W& world) { return world.RegisterPurpose(); });
  all["purpose.complete"] = Broken(Purpose, [](v1::Command& c, W&) {
    c.mutable_register_purpose()->mutable_registration()->clear_notices();
  });
  all["purpose.threshold"] = Broken(Purpose, [](v1::Command& c, W&) {
    c.mutable_register_purpose()->mutable_registration()->mutable_threshold()->set_target_fpir(0.5);
  });
  all["stop.in-force"] = Simply([](W& world) { return world.Lift(); });
  all["order.reasoned"] = Broken(
      Stopping, [](v1::Command& c, W&) { c.mutable_stop()->mutable_order()->clear_reasons(); });
}

void AddSearchRules(std::map<std::string_view, RuleBreaker>& all) {
  all["case.active"] = Simply([](W& world) { return world.Identify(world.Opened()); });
  all["warrant.window"] = [](W& world) {
    const std::string id = world.Active();
    world.now += 11 * kDay;
    return RuleBreak{world.Identify(id)};
  };
  all["case.same-purpose"] = IdentifyBreaker([](v1::Identify& i, Time) { i.set_purpose("other"); });
  all["purpose.identify"] = [](W& world) {
    // A purpose is registered once, and a case is opened only for one that identifies: that it
    // does no more is itself a lie, which a replay finds beside the other one.
    const std::string id = world.Active();
    v1::RecordChange change;
    *change.mutable_purpose() = world.Get<v1::PurposeRecord>(key::Purpose(W::kPurpose));
    auto& operations = *change.mutable_purpose()->mutable_registration()->mutable_operations();
    operations.Clear();
    operations.Add(v1::OPERATION_VERIFY);
    world.Put(change);
    return RuleBreak{world.Identify(id)};
  };
  all["probe.algorithm"] =
      IdentifyBreaker([](v1::Identify& i, Time) { i.set_algorithm("dlib-128/1"); });
  all["probe.not-real-time"] =
      IdentifyBreaker([](v1::Identify& i, Time now) { i.set_captured_at(now - kMinute); });
  all["probe.evidence"] = IdentifyBreaker([](v1::Identify& i, Time) { i.clear_evidence_id(); });
  all["warrant.budget"] = [](W& world) {
    const std::string id = world.Active();
    for (int i = 0; i < 3; ++i) world.Do(world.Outcome(world.Searched(id), 0));
    return RuleBreak{world.Identify(id)};
  };
  all["purpose.verify"] = [](W& world) {
    v1::Command purpose = world.RegisterPurpose("identify-only");
    auto& operations =
        *purpose.mutable_register_purpose()->mutable_registration()->mutable_operations();
    operations.Clear();
    operations.Add(v1::OPERATION_IDENTIFY);
    world.Do(purpose);
    v1::Command command = world.Verify(world.Enrolled({}, "identify-only"));
    command.mutable_verify()->set_purpose("identify-only");
    return RuleBreak{command};
  };
  all["verify.subject-known"] = Simply([](W& world) { return world.Verify(Nobody()); });
  all["verify.consent-given"] = [](W& world) {
    world.Do(world.RegisterPurpose("other"));
    v1::Command command = world.Verify(world.Enrolled());
    command.mutable_verify()->set_purpose("other");
    v1::RecordChange change;
    change.mutable_pending_search()->set_id(command.verify().new_search_id());
    change.mutable_pending_search()->set_purpose("other");
    return RuleBreak{command, {{change}}};
  };
  all["verify.unexpired"] = [](W& world) {
    const std::string subject = world.Enrolled();
    world.now += 101 * kDay;
    return RuleBreak{world.Verify(subject)};
  };
  all["verify.consent-stands"] = Simply([](W& world) {
    const std::string subject = world.Enrolled();
    world.Do(world.Withdraw(subject));
    world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, world.TemplateOf(subject).id()));
    return world.Verify(subject);
  });
  all["outcome.of-search"] = Simply([](W& world) {
    v1::Command command = world.Outcome(Nobody(), 0);
    command.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_ABORTED);
    return command;
  });
  all["outcome.stated"] = [](W& world) {
    v1::Command command = world.Outcome(world.Searched(world.Active()), 0);
    command.mutable_search_outcome()->clear_result();
    return RuleBreak{command};
  };
  all["outcome.not-stopped"] = [](W& world) {
    const v1::Command command = Outcome(world);
    world.Do(world.Stop());
    return RuleBreak{command};
  };
  all["outcome.in-case"] = [](W& world) {
    const std::string id = world.Active();
    const v1::Command command = world.Outcome(world.Searched(id));
    world.Do(world.CloseCase(id));
    return RuleBreak{command};
  };
  all["outcome.within-cap"] =
      Simply([](W& world) { return world.Outcome(world.Searched(world.Active()), 3); });
}

void AddCustodyRules(std::map<std::string_view, RuleBreaker>& all) {
  all["purpose.custody-operations"] = Simply([](W& world) {
    v1::Command command = world.RegisterHeldPurpose();
    command.mutable_register_purpose()->mutable_registration()->add_operations(
        v1::OPERATION_IDENTIFY);
    return command;
  });
  all["custody.secret-given"] =
      HeldEnrollmentBreaker([](v1::Enroll& e) { e.set_custody_opened(false); });
  all["custody.subject-held-only"] =
      EnrollmentBreaker([](v1::Enroll& e) { e.set_custody_sha256(std::string(32, 'h')); });
  all["release.given"] = ReleaseBreaker([](v1::Verify& v, Time) { v.clear_released(); });
  all["release.subject-held-only"] = [](W& world) {
    world.Do(world.RegisterHeldPurpose());
    v1::Command command = world.Verify(world.Enrolled());
    *command.mutable_verify()->mutable_released() = world.VerifyHeld("").verify().released();
    command.mutable_verify()->mutable_released()->set_purpose(std::string(W::kPurpose));
    return RuleBreak{command};
  };
  all["release.signed"] = ReleaseBreaker([](v1::Verify& v, Time) {
    v.mutable_released()->mutable_statement()->set_subject_signed(false);
  });
  all["release.this-purpose"] =
      ReleaseBreaker([](v1::Verify& v, Time) { v.mutable_released()->set_purpose("other"); });
  all["release.this-verifier"] =
      ReleaseBreaker([](v1::Verify& v, Time) { v.mutable_released()->set_verifier("ben"); });
  all["release.unexpired"] =
      ReleaseBreaker([](v1::Verify& v, Time now) { v.mutable_released()->set_expires_at(now); });
  all["release.same-subject"] =
      ReleaseBreaker([](v1::Verify& v, Time) { v.mutable_released()->set_same_subject(false); });
  all["release.opens"] =
      ReleaseBreaker([](v1::Verify& v, Time) { v.mutable_released()->set_opened(false); });
  all["custody.secret-new"] = Simply([](W& world) {
    world.Do(world.RegisterHeldPurpose());
    const std::string subject = world.EnrolledHeld();
    world.Do(world.Withdraw(subject, W::kHeldPurpose));
    return world.EnrollHeld(subject);
  });
}

void AddCandidateAndUpkeepRules(std::map<std::string_view, RuleBreaker>& all) {
  all["candidate.known"] = [](W& world) {
    const v1::Command command = world.Adjudicate(world.Active(), Nobody());
    return RuleBreak{command, {{UsedStatement(command.adjudicate().statement())}}};
  };
  all["case.not-ended"] = [](W& world) {
    const std::string id = world.Active();
    const std::string candidate = world.FoundOne(id);
    world.Do(world.CloseCase(id));
    return RuleBreak{world.Adjudicate(id, candidate)};
  };
  all["candidate.open"] = [](W& world) {
    const std::string id = world.Active();
    return RuleBreak{world.Adjudicate(id, world.Confirmed(id), "zoe")};
  };
  all["candidate.another-officer"] = [](W& world) {
    const std::string id = world.Active();
    const std::string candidate = world.FoundOne(id);
    world.Do(world.Adjudicate(id, candidate, "anna"));
    return RuleBreak{world.Adjudicate(id, candidate, "anna")};
  };
  all["disclosure.once"] = [](W& world) {
    const std::string id = world.Active();
    const std::string candidate = world.Confirmed(id);
    world.Do(world.Disclose(id, candidate));
    v1::Command command = world.Disclose(id, candidate);
    command.mutable_caller()->set_name("ben");
    command.mutable_disclose()->mutable_statement()->set_signed_by(0, "key-ben");
    return RuleBreak{command};
  };
  all["disclosure.confirmed"] = [](W& world) {
    const std::string id = world.Active();
    return RuleBreak{world.Disclose(id, world.FoundOne(id))};
  };
  all["disclosure.recipient"] = [](W& world) {
    const std::string id = world.Active();
    v1::Command command = world.Disclose(id, world.Confirmed(id));
    command.mutable_disclose()->mutable_request()->set_recipient(
        W::AuthorityName(world.coastguard));
    return RuleBreak{command};
  };
  all["disclosure.person-once"] = [](W& world) {
    const std::string id = world.Active();
    const v1::Command first = world.Disclose(id, world.Confirmed(id));
    world.Do(first);
    v1::Command command = world.Disclose(id, world.Confirmed(id));
    command.mutable_disclose()->set_person(first.disclose().person());
    return RuleBreak{command};
  };
  all["disclosure.per-case"] = [](W& world) {
    const std::string id = world.ActiveWith(100);
    for (uint32_t i = 0; i < W::kDisclosuresPerCase; ++i) {
      world.Do(world.Disclose(id, world.Confirmed(id)));
    }
    return RuleBreak{world.Disclose(id, world.Confirmed(id))};
  };
  all["disclosure.consent"] = [](W& world) {
    const std::string id = world.Active();
    v1::Command command = world.Disclose(id, world.Confirmed(id));
    command.mutable_disclose()->set_template_live(false);
    return RuleBreak{command};
  };
  all["upkeep.template-over"] = [](W& world) {
    return RuleBreak{world.ExpireTemplate(world.TemplateOf(world.Enrolled()).id())};
  };
  all["upkeep.case-over"] = Simply([](W& world) { return world.EndCase(world.Active()); });
  all["upkeep.subject-over"] =
      Simply([](W& world) { return world.ForgetSubject(world.Enrolled()); });
  all["upkeep.year-over"] = Simply([](W& world) {
    world.Do(world.CloseCase(world.Opened()));
    return world.ForgetAuthorityYear(world.police, YearOf(world.now));
  });
  all["upkeep.erasure-pending"] = [](W& world) {
    return RuleBreak{
        world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, world.TemplateOf(world.Enrolled()).id())};
  };
  all["upkeep.service-starts"] = [](W& world) {
    v1::Command command = world.StartService();
    command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
    return RuleBreak{command};
  };
  all["upkeep.checkpoint-closes"] = [](W& world) {
    v1::Command command = world.CloseCheckpoint();
    command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
    return RuleBreak{command};
  };
}

void AddOperatorRules(std::map<std::string_view, RuleBreaker>& all) {
  all["upkeep.sealed"] = [](W&) {
    v1::Command command = SealService();
    command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
    return RuleBreak{command};
  };
  all["upkeep.rekeyed"] = [](W&) { return RuleBreak{Rekey(1, 3)}; };
  all["upkeep.backed-up"] = [](W& world) {
    world.Do(BackUp());
    return RuleBreak{BackUp()};
  };
  all["rekey.two-operators"] = [](W& world) {
    v1::Command command = OrderRekey(world);
    command.mutable_order_rekey()->mutable_statement()->mutable_signed_by()->RemoveLast();
    return RuleBreak{command};
  };
  all["rekey.one-order"] = [](W& world) {
    world.Do(OrderRekey(world));
    return RuleBreak{OrderRekey(world)};
  };
  all["rekey.order-complete"] = [](W& world) {
    v1::Command command = OrderRekey(world);
    command.mutable_order_rekey()->mutable_order()->set_needed(1);
    return RuleBreak{command};
  };
  all["rekey.begun"] = [](W&) {
    v1::Command command = BeginRekey();
    command.mutable_begin_rekey()->set_holders(33);
    return RuleBreak{command};
  };
  all["rekey.cancels-order"] = [](W& world) {
    world.Do(OrderRekey(world));
    v1::Command command = CancelRekey(world);
    command.mutable_cancel_rekey()->mutable_cancellation()->set_order(base::ToHex(Nobody()));
    return RuleBreak{command};
  };
  all["rekey.void-agreed"] = [](W& world) {
    world.Do(OrderRekey(world));
    v1::Command command = VoidRekey();
    command.mutable_void_rekey()->mutable_old_shares()->RemoveLast();
    return RuleBreak{command};
  };
  all["rekey.agreed-or-due"] = [](W& world) {
    world.Do(OrderRekey(world));
    world.now += W::kRekeyDelay - 1;
    return RuleBreak{RekeyByOrder()};
  };
  all["recovery.two-operators"] = [](W& world) {
    v1::Command command = Recover(world);
    command.mutable_recover()->mutable_statement()->mutable_signed_by()->RemoveLast();
    return RuleBreak{command};
  };
  all["recovery.reasons"] = [](W& world) {
    v1::Command command = Recover(world);
    command.mutable_recover()->mutable_order()->clear_reasons();
    return RuleBreak{command};
  };
  all["upkeep.template-lost"] = [](W& world) {
    v1::Command command = LoseTemplate(world.TemplateOf(world.Enrolled()).id());
    command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
    return RuleBreak{command};
  };
}

void AddAdmissionRules(std::map<std::string_view, RuleBreaker>& all) {
  all["admission.member"] = Simply([](W&) { return Admit(v1::ROLE_OFFICER, "nobody"); });
  all["admission.authority"] = [](W& world) {
    v1::Command accredit = world.Accredit();
    accredit.mutable_accredit()->mutable_accreditation()->mutable_valid_until()->set_seconds(
        world.now + kDay);
    world.Do(accredit);
    world.Do(world.Register(v1::ROLE_OFFICER, "dora", accredit.accredit().new_authority_id()));
    world.now += 2 * kDay;
    return RuleBreak{Admit(v1::ROLE_OFFICER, "dora")};
  };
  all["upkeep.limited-counted"] = [](W& world) {
    v1::Command command = CountLimited(world);
    command.mutable_caller()->set_role(v1::ROLE_OFFICER);
    return RuleBreak{command};
  };
}

void AddClockRules(std::map<std::string_view, RuleBreaker>& all) {
  all["clock.two-operators"] = [](W& world) {
    v1::Command command = ConfirmClock(world, world.now + 30 * kDay);
    command.mutable_confirm_clock()->mutable_statement()->mutable_signed_by()->RemoveLast();
    return RuleBreak{command};
  };
  all["clock.named"] = [](W& world) { return RuleBreak{ConfirmClock(world, world.now - 1)}; };
  all["clock.witnessed"] = [](W& world) {
    v1::Command command = WitnessClock(world.now + 30 * kDay);
    command.mutable_witness_clock()->set_cosigned_at(0, world.now + 29 * kDay);
    return RuleBreak{command};
  };
  all["clock.set-back"] = Simply([](W& world) { return SetClockBack(world, world.now); });
  all["sweep.operator"] = Simply([](W& world) {
    v1::Command command = ApproveSweep(world);
    command.mutable_approve_sweep()->mutable_statement()->set_signed_by(0, "key-anna");
    return command;
  });
  all["sweep.reasoned"] = [](W& world) {
    v1::Command command = ApproveSweep(world);
    command.mutable_approve_sweep()->mutable_approval()->clear_reasons();
    return RuleBreak{command};
  };
}

void AddRotationRules(std::map<std::string_view, RuleBreaker>& all) {
  all["purpose.not-rotating"] = [](W& world) {
    world.Do(RotateTransform(world));
    return RuleBreak{RotateTransform(world)};
  };
  all["purpose.rotatable"] = [](W& world) {
    world.Do(world.RegisterHeldPurpose());
    return RuleBreak{RotateTransform(world, W::kHeldPurpose)};
  };
  all["upkeep.template-renewed"] = [](W& world) {
    const std::string id = world.TemplateOf(world.Enrolled()).id();
    world.Do(RotateTransform(world));
    v1::Command command = RenewTemplate(id);
    command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
    return RuleBreak{command};
  };
  all["upkeep.rotation-over"] = [](W& world) {
    world.Do(RotateTransform(world));
    v1::Command command = FinishRotation();
    command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
    return RuleBreak{command};
  };
  all["enrollment.replaces-live"] = [](W& world) {
    const std::string subject = world.Enrolled();
    v1::Command command = Replacing(world, subject);
    command.mutable_enroll()->set_replaces(Nobody());
    return RuleBreak{command};
  };
}

// What a grant names is another state than the vault's.
void AddPredecessorRules(std::map<std::string_view, RuleBreaker>& all) {
  all["consent.follows"] = Simply([](W& world) {
    const v1::Command old = world.Enroll();
    const std::string subject = world.Enrolled();
    world.Do(world.Withdraw(subject));
    v1::Command command = old;
    command.mutable_enroll()->set_known_subject_id(subject);
    return command;
  });
  all["restriction.named"] = Simply([](W& world) {
    const std::string subject = world.Enrolled();
    world.Do(Restrict(world, subject));
    const v1::Command old = LiftRestriction(world, subject);
    world.Do(LiftRestriction(world, subject));
    world.Do(Restrict(world, subject));
    return old;
  });
  all["stop.named"] = Simply([](W& world) {
    world.Do(world.Stop());
    const v1::Command old = world.Lift();
    world.Do(world.Stop());
    return old;
  });
  all["warrant.follows"] =
      WarrantBreaker([](v1::Warrant& w, Time) { w.set_opening(std::string(64, 'a')); });
  all["approval.follows"] = Simply([](W& world) {
    v1::Command command = world.ApproveCase(world.Opened());
    command.mutable_approve_case()->mutable_approval()->set_opening(std::string(64, 'a'));
    return command;
  });
  all["registration.follows"] = Broken(Registering, [](v1::Command& c, W&) {
    c.mutable_register_()->mutable_registration()->set_follows(std::string(64, 'a'));
  });
  all["rekey.follows"] = Simply([](W& world) {
    const v1::Command old = OrderRekey(world);
    world.Do(OrderRekey(world));
    world.Do(CancelRekey(world));
    return old;
  });
  all["calibration.follows"] = Simply([](W& world) {
    const v1::Command old = Calibrate(world);
    Calibrating(world);
    return old;
  });
  all["rotation.follows"] = Simply([](W& world) {
    const v1::Command old = RotateTransform(world);
    world.Do(RotateTransform(world));
    world.Do(FinishRotation());
    return old;
  });
  all["statement.own-end"] = Simply([](W& world) {
    v1::Command command = world.Inspect();
    v1::Inspect& inspect = *command.mutable_inspect();
    inspect.mutable_statement()->set_usable_until(world.now + W::kOrderMax + kDay);
    inspect.mutable_order()->mutable_usable_until()->set_seconds(world.now + W::kOrderMax + kDay);
    return command;
  });
  all["id.unused"] = Broken(Opening, [](v1::Command& c, W& world) {
    c.mutable_open_case()->set_new_case_id(world.Opened());
  });
  all["upkeep.statements-over"] = Simply([](W& world) {
    const v1::StatementFacts& used = world.log.back().command().register_purpose().statement();
    const std::string key = key::UsedStatement(UsableUntil({}, used), used.digest());
    v1::Command command = world.CloseCheckpoint();
    command.mutable_close_checkpoint()->add_over_statements(key.substr(1));
    return command;
  });
}

// The outcome of a calibration, with one thing broken.
RuleBreaker CalibrationBreaker(void (*break_it)(v1::ImpostorDistribution&)) {
  return [break_it](W& world) {
    v1::Command command = CalibrationOutcome(world, Calibrating(world));
    break_it(*command.mutable_calibration_outcome()->mutable_distribution());
    return RuleBreak{command};
  };
}

void AddMeasurementRules(std::map<std::string_view, RuleBreaker>& all) {
  all["purpose.evaluation-alone"] = Simply([](W& world) {
    v1::Command command = RegisterEvaluationPurpose(world);
    command.mutable_register_purpose()->mutable_registration()->add_operations(
        v1::OPERATION_VERIFY);
    return command;
  });
  all["purpose.evaluate"] = Simply([](W& world) { return Evaluate(world, W::kPurpose); });
  all["evaluation.probes-ordered"] = Simply([](W& world) {
    world.Do(RegisterEvaluationPurpose(world));
    return Evaluate(world, kEvaluationPurpose, 199);
  });
  all["evaluation.many-probes"] = Simply([](W& world) {
    v1::Command command = EvaluationOutcome(world, Evaluating(world));
    command.mutable_evaluation_outcome()->set_mated_probes(99);
    return command;
  });
  all["calibration.many-people"] =
      CalibrationBreaker([](v1::ImpostorDistribution& d) { d.set_templates(999); });
  all["calibration.sound"] =
      CalibrationBreaker([](v1::ImpostorDistribution& d) { d.set_tail_shape(0.5); });
}

}  // namespace

std::map<std::string_view, RuleBreaker> RuleBreakers() {
  std::map<std::string_view, RuleBreaker> all;
  AddStatementAndCallerRules(all);
  AddCaseRules(all);
  AddEnrollmentRules(all);
  AddRestrictionRules(all);
  AddGovernanceRules(all);
  AddSearchRules(all);
  AddCustodyRules(all);
  AddCandidateAndUpkeepRules(all);
  AddOperatorRules(all);
  AddAdmissionRules(all);
  AddClockRules(all);
  AddRotationRules(all);
  AddPredecessorRules(all);
  AddMeasurementRules(all);
  return all;
}

}  // namespace kluis::policy
