// SPDX-License-Identifier: Apache-2.0
// A vault for tests of policy/: a state in memory, a clock, and every command as an honest caller
// would send it. Each builder returns a command that the rules allow after Ready() (or after the
// step its comment names), so that a test breaks one thing and sees one rule refuse. What is done
// is decided by policy::Decide and folded as a log entry; nothing is written past the rules except
// by Put. Not thread-safe.
#ifndef KLUIS_TESTS_FAKES_POLICY_WORLD_H_
#define KLUIS_TESTS_FAKES_POLICY_WORLD_H_

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "policy/decide.h"
#include "policy/record_key.h"

namespace kluis::policy {

class PolicyWorld {
 public:
  // Whoever the world registers; `key-<name>` is the key id of each.
  static constexpr std::string_view kVault = "vault.example/log";
  static constexpr std::string_view kPurpose = "missing-persons";
  static constexpr std::string_view kHeldPurpose = "fast-lane";
  static constexpr std::string_view kSupervisors[] = {"key-sup-1", "key-sup-2", "key-sup-3"};

  // The legal profile of the world, in seconds where the profile has days or minutes.
  static constexpr Time kStatementAge = 60 * kMinute;
  static constexpr Time kConsentMax = 365 * kDay;
  static constexpr Time kWarrantMax = 28 * kDay;
  static constexpr Time kDelayMax = 90 * kDay;
  static constexpr Time kProbeAge = 24 * 60 * kMinute;
  static constexpr Time kCaseRetention = 30 * kDay;
  static constexpr Time kDetailsRetention = 60 * kDay;
  static constexpr Time kOrderMax = 14 * kDay;
  static constexpr Time kRekeyDelay = kDay;
  static constexpr Time kMembershipMax = 1'000 * kDay;
  static constexpr Time kBasisMax = 800 * kDay;
  static constexpr Time kWarrantStartMax = 14 * kDay;
  static constexpr uint32_t kDisclosuresPerCase = 3;

  Time now = 1'800'000'000;
  MemoryState state;
  std::vector<v1::Entry> log;

  // Founded, with the authority "police" (officers anna, ben and zoe), the authority "coastguard"
  // (officer carl), judge jo, registrar rex, and the purpose.
  static PolicyWorld Ready() {
    PolicyWorld world;
    world.Do(world.Found());
    world.police = world.NewId();
    world.Do(world.Accredit("Police", world.police));
    world.coastguard = world.NewId();
    world.Do(world.Accredit("Coastguard", world.coastguard));
    for (const auto name : {"anna", "ben", "zoe"}) {
      world.Do(world.Register(v1::ROLE_OFFICER, name, world.police));
    }
    world.Do(world.Register(v1::ROLE_OFFICER, "carl", world.coastguard));
    world.Do(world.Register(v1::ROLE_JUDGE, "jo"));
    world.Do(world.Register(v1::ROLE_REGISTRAR, "rex"));
    world.Do(world.RegisterPurpose());
    return world;
  }

  // Steps. Each returns the id of what it made.
  std::string Enrolled(std::string_view known_subject = {}, std::string_view purpose = kPurpose) {
    const Ruling ruling = Do(Enroll(known_subject, purpose));
    for (const v1::RecordChange& change : ruling.changes) {
      if (change.has_subject()) return change.subject().id();
    }
    std::abort();
  }
  std::string EnrolledHeld() {  // after RegisterHeldPurpose
    for (const v1::RecordChange& change : Do(EnrollHeld()).changes) {
      if (change.has_subject()) return change.subject().id();
    }
    std::abort();
  }
  std::string Opened() {
    v1::Command command = OpenCase();
    Do(command);
    return command.open_case().new_case_id();
  }
  std::string Active() { return ActiveWith(3); }
  std::string ActiveWith(uint32_t budget) {
    const std::string id = Opened();
    v1::Command warrant = IssueWarrant(id);
    warrant.mutable_issue_warrant()->mutable_warrant()->set_budget(budget);
    Do(warrant);
    Do(ApproveCase(id));
    return id;
  }
  std::string Searched(std::string_view case_id) {
    v1::Command command = Identify(case_id);
    Do(command);
    return command.identify().new_search_id();
  }
  std::string FoundOne(std::string_view case_id) {  // one candidate
    v1::Command command = Outcome(Searched(case_id));
    Do(command);
    return command.search_outcome().candidate_ids(0);
  }
  std::string Confirmed(std::string_view case_id) {
    const std::string candidate = FoundOne(case_id);
    Do(Adjudicate(case_id, candidate, "anna"));
    Do(Adjudicate(case_id, candidate, "ben"));
    return candidate;
  }

  // Decides `command` at `now`, without a change. A failing store ends the test program.
  Ruling Decided(const v1::Command& command) const {
    absl::StatusOr<Ruling> ruling = Decide(state, command, now);
    if (!ruling.ok()) Fail("no ruling: " + std::string(ruling.status().message()));
    return *std::move(ruling);
  }

  // Decides `command` and folds the entry, whether it is allowed or not.
  Ruling Run(const v1::Command& command) {
    Ruling ruling = Decided(command);
    v1::Entry entry;
    entry.set_version(1);
    entry.set_decided_at(now);
    *entry.mutable_command() = command;
    *entry.mutable_decision() = ruling.decision;
    entry.mutable_changes()->Add(ruling.changes.begin(), ruling.changes.end());
    state.ApplyChanges(entry);
    log.push_back(std::move(entry));
    return ruling;
  }

  // Run, for a command that must be allowed.
  Ruling Do(const v1::Command& command) {
    Ruling ruling = Run(command);
    if (!ruling.decision.allowed()) Fail("refused by " + ruling.decision.rule());
    return ruling;
  }

  // Writes a record past the rules: a state that no honest history has. The log gets an entry
  // without a command.
  void Put(const v1::RecordChange& change) {
    v1::Entry entry;
    entry.set_version(1);
    entry.set_decided_at(now);
    *entry.add_changes() = change;
    state.ApplyChanges(entry);
    log.push_back(std::move(entry));
  }

  template <class Record>
  Record Get(const std::string& key) const {
    const auto found = Find<Record>(state, key);
    if (!found.ok() || !found->has_value()) Fail("no such record");
    return **found;
  }
  template <class Record>
  std::optional<Record> Look(const std::string& key) const {
    const auto found = Find<Record>(state, key);
    if (!found.ok()) Fail("the store fails");
    return *found;
  }
  // As a statement names a digest.
  static std::string NameOf(std::string_view digest) {
    return digest.empty() ? "none" : base::ToHex(digest);
  }
  template <class Order>
  void UsableForADay(v1::StatementFacts& statement, Order& order) const {
    statement.set_usable_until(now + kDay);
    order.mutable_usable_until()->set_seconds(now + kDay);
  }
  v1::CaseRecord Case(std::string_view id) const { return Get<v1::CaseRecord>(key::Case(id)); }
  v1::AuthorityYear Year(std::string_view authority, uint32_t year) const {
    return Get<v1::AuthorityYear>(key::AuthorityYear(AuthorityYearId(authority, year)));
  }
  v1::SubjectRecord Subject(std::string_view id) const {
    return Get<v1::SubjectRecord>(key::Subject(id));
  }
  v1::TemplateRecord TemplateOf(std::string_view subject,
                                std::string_view purpose = kPurpose) const {
    const auto enrollment = Get<v1::Enrollment>(key::Enrollment(subject, purpose));
    return Get<v1::TemplateRecord>(key::Template(enrollment.template_id()));
  }

  // Governance.
  v1::Command Found() {
    v1::Command command = From(v1::ROLE_OPERATOR, "setup");
    v1::Found& found = *command.mutable_found();
    *found.mutable_statement() = Statement("founding", {});
    for (const std::string_view keyid : kSupervisors) {
      found.mutable_statement()->add_signed_by(std::string(keyid));
      found.mutable_founding()->add_supervisors()->set_name(std::string(keyid.substr(4)));
    }
    v1::Founding& founding = *found.mutable_founding();
    founding.set_vault(std::string(kVault));
    founding.mutable_issued_at()->set_seconds(found.statement().issued_at());
    founding.set_threshold(2);
    founding.set_log_public_key("ed25519:log");
    v1::LegalProfile& profile = *founding.mutable_legal_profile();
    profile.set_id("nl");
    profile.set_consent_max_days(kConsentMax / kDay);
    profile.set_warrant_max_days(kWarrantMax / kDay);
    profile.set_notice_delay_max_days(kDelayMax / kDay);
    profile.set_statement_max_age_minutes(kStatementAge / kMinute);
    profile.set_necessity_min_characters(40);
    profile.set_probe_min_age_minutes(kProbeAge / kMinute);
    profile.set_case_retention_days(kCaseRetention / kDay);
    profile.set_details_retention_days(kDetailsRetention / kDay);
    profile.set_log_retention_months(6);
    profile.set_order_max_days(kOrderMax / kDay);
    profile.set_rekey_delay_hours(kRekeyDelay / (60 * kMinute));
    profile.set_membership_max_days(kMembershipMax / kDay);
    profile.set_evaluation_max_probes(10'000);
    profile.set_legal_basis_max_days(kBasisMax / kDay);
    profile.set_warrant_start_max_days(kWarrantStartMax / kDay);
    profile.set_warrant_max_searches(10'000);
    profile.set_candidate_max(50);
    profile.set_disclosures_per_case(kDisclosuresPerCase);
    profile.set_inspection_max_entries(100'000);
    for (const char* name : {"otto", "olga"}) {
      AddFounding(*founding.add_operators(), *found.add_operators(), name);
    }
    AddFounding(*founding.add_auditors(), *found.add_auditors(), "ada");
    return command;
  }
  // As of a registration.
  void AddFounding(v1::FoundingMember& member, v1::NamedKey& key, std::string_view name) const {
    member.set_name(std::string(name));
    member.mutable_valid_until()->set_seconds(now + 900 * kDay);
    key.set_keyid(Key(name));
    key.set_public_key(std::string(32, 'k'));
  }
  v1::Command Accredit(std::string_view name = "Customs", std::string_view id = {}) {
    v1::Command command = From(v1::ROLE_SUPERVISOR, "sup-1");
    v1::Accredit& accredit = *command.mutable_accredit();
    *accredit.mutable_statement() = Statement("accreditation", "key-sup-1");
    accredit.mutable_accreditation()->set_authority_name(std::string(name));
    accredit.mutable_accreditation()->set_contact("desk@example.org");
    accredit.mutable_accreditation()->set_legal_mandate("Police Act, article 3");
    accredit.mutable_accreditation()->mutable_valid_until()->set_seconds(now + 1000 * kDay);
    accredit.set_new_authority_id(id.empty() ? NewId() : std::string(id));
    return command;
  }
  v1::Command Register(v1::Role role, std::string_view name, std::string_view authority = {}) {
    v1::Command command = From(v1::ROLE_SUPERVISOR, "sup-1");
    v1::Register& act = *command.mutable_register_();
    *act.mutable_statement() = Statement("registration", "key-sup-1");
    if (role == v1::ROLE_OPERATOR || role == v1::ROLE_AUDITOR) {
      act.mutable_statement()->add_signed_by("key-sup-2");
    }
    act.mutable_registration()->set_role(role);
    act.mutable_registration()->set_member(std::string(name));
    if (!authority.empty()) act.mutable_registration()->set_authority(AuthorityName(authority));
    const auto before = Look<v1::MemberRecord>(key::Member(role, name));
    act.mutable_registration()->set_follows(NameOf(before ? before->term() : ""));
    UsableForADay(*act.mutable_statement(), *act.mutable_registration());
    act.mutable_registration()->mutable_valid_until()->set_seconds(now + 900 * kDay);
    act.set_keyid("key-" + std::string(name));
    act.set_public_key(std::string(32, 'k'));
    return command;
  }
  // `valid_until`: 0 ends the membership.
  v1::Command SetTerm(v1::Role role, std::string_view name, Time valid_until) {
    v1::Command command = From(v1::ROLE_SUPERVISOR, "sup-1");
    v1::SetTerm& act = *command.mutable_set_term();
    *act.mutable_statement() = Statement("member-term", "key-sup-1");
    if (role == v1::ROLE_OPERATOR || role == v1::ROLE_AUDITOR) {
      act.mutable_statement()->add_signed_by("key-sup-2");
    }
    act.mutable_term()->set_role(role);
    act.mutable_term()->set_member(std::string(name));
    act.mutable_term()->set_follows(
        base::ToHex(Get<v1::MemberRecord>(key::Member(role, name)).term()));
    UsableForADay(*act.mutable_statement(), *act.mutable_term());
    if (valid_until > 0) act.mutable_term()->mutable_valid_until()->set_seconds(valid_until);
    return command;
  }
  v1::Command RegisterPurpose(std::string_view purpose = kPurpose) {
    v1::Command command = From(v1::ROLE_SUPERVISOR, "sup-1");
    v1::RegisterPurpose& act = *command.mutable_register_purpose();
    *act.mutable_statement() = Statement("purpose-registration", "key-sup-1");
    act.set_algorithm_known(true);
    v1::PurposeRegistration& p = *act.mutable_registration();
    p.set_purpose(std::string(purpose));
    p.set_title("Missing persons");
    p.mutable_controller()->set_name("Controller");
    p.mutable_controller()->set_representative("Representative");
    p.mutable_controller()->set_contact("contact@example.org");
    p.mutable_legal_basis()->set_reference("Act, article 1");
    p.mutable_legal_basis()->mutable_valid_until()->set_seconds(now + 800 * kDay);
    p.mutable_dpia()->set_reference("DPIA 1");
    p.mutable_dpia()->set_sha256(std::string(64, 'd'));
    p.set_custody(v1::CUSTODY_CASE_GATED);
    p.add_operations(v1::OPERATION_VERIFY);
    p.add_operations(v1::OPERATION_IDENTIFY);
    p.set_algorithm("arcface-512/1");
    p.set_retention_max_days(kConsentMax / kDay);
    p.mutable_threshold()->set_target_fpir(0.001);
    p.mutable_threshold()->set_target_fmr(0.0001);
    p.set_candidate_cap(5);
    p.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
    p.add_subject_categories(v1::SUBJECT_CATEGORY_WITNESS);
    *p.add_notices() = Notice();
    return command;
  }
  v1::Command Stop(std::string_view purpose = kPurpose) {
    v1::Command command = From(v1::ROLE_SUPERVISOR, "sup-1");
    *command.mutable_stop()->mutable_statement() = Statement("stop-order", "key-sup-1");
    command.mutable_stop()->mutable_order()->set_purpose(std::string(purpose));
    command.mutable_stop()->mutable_order()->set_reasons("An inspection found misuse.");
    return command;
  }
  v1::Command Inspect(uint32_t start = 0, uint32_t end = 1) {
    v1::Command command = From(v1::ROLE_SUPERVISOR, "sup-1");
    v1::StatementFacts& statement = *command.mutable_inspect()->mutable_statement();
    statement = Statement("inspection-order", "key-sup-1");
    statement.add_signed_by("key-sup-3");
    UsableForADay(statement, *command.mutable_inspect()->mutable_order());
    command.mutable_inspect()->mutable_order()->set_reasons("A subject complained.");
    command.mutable_inspect()->mutable_order()->set_start_index(start);
    command.mutable_inspect()->mutable_order()->set_end_index(end);
    return command;
  }
  v1::Command Lift(std::string_view purpose = kPurpose) {  // after Stop
    v1::Command command = From(v1::ROLE_SUPERVISOR, "sup-1");
    v1::StatementFacts& statement = *command.mutable_lift()->mutable_statement();
    statement = Statement("lift-order", "key-sup-1");
    statement.add_signed_by("key-sup-3");
    UsableForADay(statement, *command.mutable_lift()->mutable_order());
    const auto stop = Look<v1::PurposeStop>(key::PurposeStop(purpose));
    command.mutable_lift()->mutable_order()->set_stop(NameOf(stop ? stop->stop() : ""));
    command.mutable_lift()->mutable_order()->set_purpose(std::string(purpose));
    command.mutable_lift()->mutable_order()->set_reasons("The misuse is mended.");
    return command;
  }

  // Consent. `known` is the id of a subject that the vault has; empty: a new one.
  v1::Command Enroll(std::string_view known = {}, std::string_view purpose = kPurpose) {
    v1::Command command = From(v1::ROLE_REGISTRAR, "rex");
    v1::Enroll& enroll = *command.mutable_enroll();
    *enroll.mutable_consent_statement() = Statement("consent", {});
    enroll.mutable_consent_statement()->set_subject_signed(true);
    enroll.set_consent_purpose(std::string(purpose));
    *enroll.mutable_notice() = Notice();
    enroll.set_explicit_consent(true);
    enroll.set_consent_expires_at(now + 100 * kDay);
    *enroll.mutable_attestation_statement() = Statement("capture-attestation", "key-rex");
    enroll.set_attested_purpose(std::string(purpose));
    enroll.set_algorithm("arcface-512/1");
    enroll.set_captured_at(now - kMinute);
    enroll.set_live_capture(true);
    enroll.set_quality(80);
    enroll.set_adult(true);
    enroll.set_category(v1::SUBJECT_CATEGORY_VICTIM);
    enroll.set_same_subject(true);
    enroll.set_template_attested(true);
    enroll.set_known_subject_id(std::string(known));
    const auto last = Look<v1::Enrollment>(key::Enrollment(known, purpose));
    if (last) enroll.set_follows(Get<v1::TemplateRecord>(key::Template(last->template_id())).end());
    enroll.set_follows_none(enroll.follows().empty());
    enroll.set_new_subject_id(NewId());
    enroll.set_new_template_id(NewId());
    enroll.set_consent_commitment(std::string(32, 'c'));
    return command;
  }
  v1::Command Withdraw(std::string_view subject, std::string_view purpose = kPurpose) {
    v1::Command command = From(v1::ROLE_SUBJECT, "");
    v1::Withdraw& act = *command.mutable_withdraw();
    *act.mutable_statement() = Statement("withdrawal", {});
    act.mutable_statement()->set_subject_signed(true);
    act.set_subject_id(std::string(subject));
    act.set_purpose(std::string(purpose));
    return command;
  }
  v1::Command Access(std::string_view subject) {
    v1::Command command = From(v1::ROLE_SUBJECT, "");
    *command.mutable_access()->mutable_statement() = Statement("access-request", {});
    command.mutable_access()->mutable_statement()->set_subject_signed(true);
    command.mutable_access()->set_subject_id(std::string(subject));
    return command;
  }

  // Cases of the police.
  v1::Command OpenCase() {
    v1::Command command = From(v1::ROLE_OFFICER, "anna");
    v1::OpenCase& act = *command.mutable_open_case();
    *act.mutable_statement() = Statement("case-opening", "key-anna");
    v1::CaseOpening& opening = *act.mutable_opening();
    opening.set_purpose(std::string(kPurpose));
    opening.set_legal_basis("Act, article 1");
    opening.set_matter(v1::MATTER_MISSING_PERSON);
    opening.set_details(std::string(64, 'd'));
    opening.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
    opening.add_subject_categories(v1::SUBJECT_CATEGORY_WITNESS);
    act.set_new_case_id(NewId());
    act.set_reference_given(true);
    act.set_description_given(true);
    act.set_necessity_characters(60);
    act.set_necessity_digest(NewId() + NewId());
    return command;
  }
  v1::Command IssueWarrant(std::string_view case_id) {
    v1::Command command = From(v1::ROLE_JUDGE, "jo");
    v1::IssueWarrant& act = *command.mutable_issue_warrant();
    *act.mutable_statement() = Statement("warrant", "key-jo");
    v1::Warrant& warrant = *act.mutable_warrant();
    warrant.set_case_(CaseName(case_id));
    const auto kase = Look<v1::CaseRecord>(key::Case(case_id));
    warrant.set_opening(NameOf(kase ? kase->opening_digest() : ""));
    warrant.set_follows(NameOf(kase ? kase->warrant_digest() : ""));
    warrant.set_budget(3);
    warrant.set_candidate_cap(2);
    warrant.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
    warrant.mutable_not_before()->set_seconds(now);
    warrant.mutable_not_after()->set_seconds(now + 10 * kDay);
    return command;
  }
  v1::Command RefuseWarrant(std::string_view case_id) {
    v1::Command command = From(v1::ROLE_JUDGE, "jo");
    *command.mutable_refuse_warrant()->mutable_statement() = Statement("warrant-refusal", "key-jo");
    command.mutable_refuse_warrant()->mutable_refusal()->set_case_(CaseName(case_id));
    command.mutable_refuse_warrant()->mutable_refusal()->set_details(std::string(64, 'd'));
    command.mutable_refuse_warrant()->set_reasons_given(true);
    return command;
  }
  v1::Command ApproveCase(std::string_view case_id, std::string_view officer = "ben") {
    v1::Command command = From(v1::ROLE_OFFICER, officer);
    *command.mutable_approve_case()->mutable_statement() = Statement("case-approval", Key(officer));
    v1::CaseApproval& approval = *command.mutable_approve_case()->mutable_approval();
    approval.set_case_(CaseName(case_id));
    const auto kase = Look<v1::CaseRecord>(key::Case(case_id));
    approval.set_opening(NameOf(kase ? kase->opening_digest() : ""));
    return command;
  }
  v1::Command CloseCase(std::string_view case_id) {
    v1::Command command = From(v1::ROLE_OFFICER, "anna");
    *command.mutable_close_case()->mutable_statement() = Statement("case-closing", "key-anna");
    command.mutable_close_case()->mutable_closing()->set_case_(CaseName(case_id));
    return command;
  }
  v1::Command ReadCase(std::string_view case_id, v1::Role role = v1::ROLE_OFFICER,
                       std::string_view name = "anna") {
    v1::Command command = From(role, name);
    command.mutable_read_case()->set_case_id(std::string(case_id));
    return command;
  }

  // Searches.
  v1::Command Identify(std::string_view case_id) {  // after Active
    v1::Command command = From(v1::ROLE_OFFICER, "anna");
    v1::Identify& act = *command.mutable_identify();
    act.set_case_id(std::string(case_id));
    act.set_purpose(std::string(kPurpose));
    act.set_algorithm("arcface-512/1");
    act.set_captured_at(now - 2 * kProbeAge);
    act.set_evidence_id("photo-17");
    act.set_new_search_id(NewId());
    return command;
  }
  v1::Command Verify(std::string_view subject) {
    v1::Command command = From(v1::ROLE_OFFICER, "anna");
    v1::Verify& act = *command.mutable_verify();
    act.set_purpose(std::string(kPurpose));
    act.set_subject_id(std::string(subject));
    act.set_algorithm("arcface-512/1");
    act.set_new_search_id(NewId());
    return command;
  }
  // Under a purpose of subject-held custody.
  v1::Command RegisterHeldPurpose() {
    v1::Command command = RegisterPurpose(kHeldPurpose);
    v1::PurposeRegistration& p = *command.mutable_register_purpose()->mutable_registration();
    p.set_custody(v1::CUSTODY_SUBJECT_HELD);
    p.clear_operations();
    p.add_operations(v1::OPERATION_VERIFY);
    return command;
  }
  v1::Command EnrollHeld(std::string_view known = {}) {
    v1::Command command = Enroll(known, kHeldPurpose);
    command.mutable_enroll()->set_custody_sha256(std::string(32, 'h'));
    command.mutable_enroll()->set_custody_opened(true);
    return command;
  }
  v1::Command VerifyHeld(std::string_view subject) {
    v1::Command command = Verify(subject);
    command.mutable_verify()->set_purpose(std::string(kHeldPurpose));
    v1::Released& released = *command.mutable_verify()->mutable_released();
    *released.mutable_statement() = Statement("release", {});
    released.mutable_statement()->set_subject_signed(true);
    released.set_purpose(std::string(kHeldPurpose));
    released.set_verifier("anna");
    released.set_expires_at(now + 5 * kMinute);
    released.set_same_subject(true);
    released.set_opened(true);
    return command;
  }
  v1::Command Outcome(std::string_view search_id, int candidates = 1) {  // after Searched
    v1::Command command = From(v1::ROLE_OFFICER, "anna");
    v1::SearchOutcome& act = *command.mutable_search_outcome();
    act.set_search_id(std::string(search_id));
    act.set_result(candidates > 0 ? v1::SEARCH_RESULT_MATCH : v1::SEARCH_RESULT_NO_MATCH);
    act.set_matches(static_cast<uint32_t>(candidates));
    for (int i = 0; i < candidates; ++i) act.add_candidate_ids(NewId());
    return command;
  }
  v1::Command Adjudicate(std::string_view case_id, std::string_view candidate,
                         std::string_view officer = "anna") {  // after FoundOne
    v1::Command command = From(v1::ROLE_OFFICER, officer);
    *command.mutable_adjudicate()->mutable_statement() = Statement("adjudication", Key(officer));
    v1::Adjudication& adjudication = *command.mutable_adjudicate()->mutable_adjudication();
    adjudication.set_candidate(CandidateName(case_id, candidate));
    adjudication.set_verdict(v1::VERDICT_CONFIRMED);
    return command;
  }
  v1::Command Disclose(std::string_view case_id, std::string_view candidate) {  // after Confirmed
    v1::Command command = From(v1::ROLE_OFFICER, "anna");
    v1::Disclose& act = *command.mutable_disclose();
    *act.mutable_statement() = Statement("disclosure-request", "key-anna");
    act.mutable_request()->set_candidate(CandidateName(case_id, candidate));
    act.mutable_request()->set_recipient(AuthorityName(police));
    act.set_new_disclosure_id(NewId());
    act.set_subject_commitment(std::string(32, 's'));
    act.set_template_live(true);
    act.set_person(NewId() + NewId());
    return command;
  }

  // Upkeep.
  v1::Command ExpireTemplate(std::string_view id) {
    v1::Command command = From(v1::ROLE_UNSPECIFIED, "");
    command.mutable_expire_template()->set_template_id(std::string(id));
    return command;
  }
  v1::Command EndCase(std::string_view id) {
    v1::Command command = From(v1::ROLE_UNSPECIFIED, "");
    command.mutable_end_case()->set_case_id(std::string(id));
    return command;
  }
  v1::Command ForgetSubject(std::string_view id) {
    v1::Command command = From(v1::ROLE_UNSPECIFIED, "");
    command.mutable_forget_subject()->set_subject_id(std::string(id));
    return command;
  }
  v1::Command ForgetAuthorityYear(std::string_view authority, uint32_t year) {
    v1::Command command = From(v1::ROLE_UNSPECIFIED, "");
    command.mutable_forget_authority_year()->set_authority_id(std::string(authority));
    command.mutable_forget_authority_year()->set_year(year);
    return command;
  }
  v1::Command EraseDone(v1::ErasureTarget target, std::string_view id) {
    v1::Command command = From(v1::ROLE_UNSPECIFIED, "");
    command.mutable_erase_done()->set_target(target);
    command.mutable_erase_done()->set_id(std::string(id));
    command.mutable_erase_done()->set_keyring_commitment(std::string(32, 'k'));
    return command;
  }

  v1::Command StartService(uint32_t checkpoint_seconds = 60) {
    v1::Command command = From(v1::ROLE_UNSPECIFIED, "");
    command.mutable_start_service()->set_version("0.1.0");
    command.mutable_start_service()->set_checkpoint_seconds(checkpoint_seconds);
    command.mutable_start_service()->set_max_gap_seconds(7 * 86'400);
    return command;
  }
  v1::Command CloseCheckpoint() {
    v1::Command command = From(v1::ROLE_UNSPECIFIED, "");
    command.mutable_close_checkpoint()->set_state_digest(std::string(32, 'd'));
    return command;
  }

  // 16 bytes that this world did not give out before.
  std::string NewId() {
    std::string id = "id-0000000000000";
    uint64_t left = ++ids_;
    for (size_t at = id.size(); left > 0; left /= 10) id[--at] = static_cast<char>('0' + left % 10);
    return id;
  }
  v1::StatementFacts Statement(std::string_view kind, std::string_view keyid) {
    v1::StatementFacts facts;
    facts.set_kind(std::string(kind));
    facts.set_digest(NewId() + "-of-a-statement-");
    facts.set_issued_at(now);
    facts.set_vault(std::string(kVault));
    if (!keyid.empty()) facts.add_signed_by(std::string(keyid));
    return facts;
  }
  static v1::Notice Notice() {
    v1::Notice notice;
    notice.set_language("nl");
    notice.set_version("1");
    notice.set_sha256(std::string(64, 'e'));
    return notice;
  }
  static std::string CaseName(std::string_view id) { return "cases/" + base::ToHex(id); }
  static std::string CandidateName(std::string_view case_id, std::string_view id) {
    return CaseName(case_id) + "/candidates/" + base::ToHex(id);
  }
  static std::string AuthorityName(std::string_view id) { return "authorities/" + base::ToHex(id); }

  std::string police;  // ids of the two authorities
  std::string coastguard;

 private:
  static std::string Key(std::string_view name) { return "key-" + std::string(name); }

  static v1::Command From(v1::Role role, std::string_view name) {
    v1::Command command;
    command.mutable_caller()->set_role(role);
    command.mutable_caller()->set_name(std::string(name));
    return command;
  }

  [[noreturn]] static void Fail(const std::string& why) {
    std::fprintf(stderr, "policy world: %s\n", why.c_str());
    std::abort();
  }

  uint64_t ids_ = 0;
};

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_POLICY_WORLD_H_
