// SPDX-License-Identifier: Apache-2.0
// A short history of a vault, as entries: two authorities, one purpose, four cases, searches of
// each result, refusals, erasures, orders and interruptions. Nothing is decided here: the entries
// say what a vault would have said. Times are unix seconds.
#ifndef KLUIS_TESTS_FAKES_LOG_STORY_H_
#define KLUIS_TESTS_FAKES_LOG_STORY_H_

#include <string>
#include <utility>
#include <vector>

#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

class LogStory {
 public:
  static constexpr int64_t kMinute = 60;
  static constexpr int64_t kHour = 60 * kMinute;
  static constexpr int64_t kDay = 24 * kHour;
  static constexpr int64_t k2026 = 1'767'225'600;  // 2026-01-01 00:00:00 UTC
  static constexpr int64_t k2027 = 1'798'761'600;

  // The entries so far, in order.
  const std::vector<v1::Entry>& entries() const { return entries_; }

  // 16 bytes that differ for each number.
  static std::string Id(char number) { return std::string(15, '\x11') + number; }

  // That the entry starts an erasure.
  static void SetErasure(v1::Entry& entry, v1::ErasureTarget target, char id) {
    v1::PendingErasure* erasure = entry.add_changes()->mutable_pending_erasure();
    erasure->set_target(target);
    erasure->set_id(Id(id));
  }

  // An allowed entry; the reference stays good until the next act.
  v1::Entry& Act(int64_t at, v1::LogKind kind, v1::Role role, const std::string& name) {
    v1::Entry& entry = entries_.emplace_back();
    entry.set_version(1);
    entry.set_decided_at(at);
    entry.set_kind(kind);
    entry.mutable_command()->mutable_caller()->set_role(role);
    entry.mutable_command()->mutable_caller()->set_name(name);
    entry.mutable_decision()->set_allowed(true);
    entry.mutable_decision()->set_rule("last.rule");
    return entry;
  }

  // The entry `refused` as a refusal instead.
  static void Refuse(v1::Entry& refused, const std::string& rule, const std::string& reason) {
    refused.mutable_decision()->set_allowed(false);
    refused.mutable_decision()->set_rule(rule);
    refused.mutable_decision()->set_reason(reason);
    refused.clear_changes();
  }

  void Start(int64_t at) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_UPKEEP, v1::ROLE_UNSPECIFIED, "");
    entry.mutable_command()->mutable_start_service()->set_checkpoint_seconds(10);
  }

  void Accredit(int64_t at, char id, const std::string& name) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_GOVERNANCE, v1::ROLE_SUPERVISOR, "sup");
    entry.mutable_command()->mutable_accredit()->set_new_authority_id(Id(id));
    v1::AuthorityRecord* record = entry.add_changes()->mutable_authority();
    record->set_id(Id(id));
    record->set_name(name);
  }

  void Register(int64_t at, const std::string& officer, char authority) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_GOVERNANCE, v1::ROLE_SUPERVISOR, "sup");
    entry.mutable_command()->mutable_register_();
    v1::MemberRecord* record = entry.add_changes()->mutable_member();
    record->set_role(v1::ROLE_OFFICER);
    record->set_name(officer);
    record->set_authority_id(Id(authority));
  }

  void RegisterPurpose(int64_t at, const std::string& purpose, const std::string& title) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_GOVERNANCE, v1::ROLE_SUPERVISOR, "sup");
    entry.mutable_command()->mutable_register_purpose();
    auto* registration = entry.add_changes()->mutable_purpose()->mutable_registration();
    registration->set_purpose(purpose);
    registration->set_title(title);
  }

  void Enroll(int64_t at, char id) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_COLLECTION, v1::ROLE_REGISTRAR, "desk");
    entry.mutable_command()->mutable_enroll()->set_consent_purpose(kPurpose);
    SetTemplate(entry, id, v1::TEMPLATE_STATE_ACTIVE);
  }

  // Ends a template: withdrawn, or expired when `expired`.
  void EndTemplate(int64_t at, char id, bool expired) {
    v1::Entry& entry = Act(at, expired ? v1::LOG_KIND_ERASURE : v1::LOG_KIND_ALTERATION,
                           expired ? v1::ROLE_UNSPECIFIED : v1::ROLE_SUBJECT, "");
    if (expired) {
      entry.mutable_command()->mutable_expire_template()->set_template_id(Id(id));
    } else {
      entry.mutable_command()->mutable_withdraw()->set_purpose(kPurpose);
    }
    SetEnd(entry, id, expired ? v1::END_REASON_EXPIRED : v1::END_REASON_WITHDRAWN);
  }

  void Seal(int64_t at) {
    Act(at, v1::LOG_KIND_UPKEEP, v1::ROLE_OPERATOR, "otto")
        .mutable_command()
        ->mutable_seal_service();
  }

  void Rekey(int64_t at) {
    Act(at, v1::LOG_KIND_UPKEEP, v1::ROLE_OPERATOR, "otto").mutable_command()->mutable_rekey();
  }

  // A recovery on two operators' order, and the template that did not survive.
  void Recover(int64_t at, uint64_t from_size, uint64_t to_size, char lost) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_UPKEEP, v1::ROLE_OPERATOR, "otto");
    v1::Recover& recover = *entry.mutable_command()->mutable_recover();
    recover.mutable_statement()->add_signed_by("aa");
    recover.mutable_statement()->add_signed_by("bb");
    recover.mutable_order()->set_reasons("the machine | burnt");
    recover.set_from_size(from_size);
    recover.set_to_size(to_size);
    recover.set_lost_templates(1);
    v1::Entry& end = Act(at, v1::LOG_KIND_ERASURE, v1::ROLE_UNSPECIFIED, "");
    end.mutable_command()->mutable_lose_template()->set_template_id(Id(lost));
    SetEnd(end, lost, v1::END_REASON_LOST);
  }

  // Enrols `id`, which replaces `before`.
  void Replace(int64_t at, char before, char id) {
    Enroll(at, id);
    SetEnd(entries_.back(), before, v1::END_REASON_REPLACED);
  }

  // Orders a rotation, protects `id` anew, finishes; the old secret and the old slot are erased.
  void Rotate(int64_t at, char id) {
    v1::Entry& order = Act(at, v1::LOG_KIND_GOVERNANCE, v1::ROLE_SUPERVISOR, "sup");
    order.mutable_command()->mutable_rotate_transform()->mutable_order()->set_purpose(kPurpose);
    order.mutable_command()->mutable_rotate_transform()->mutable_order()->set_reasons("a leak");
    order.mutable_command()->mutable_rotate_transform()->mutable_statement()->add_signed_by("aa");
    v1::Entry& renewal = Act(at + 1, v1::LOG_KIND_ALTERATION, v1::ROLE_UNSPECIFIED, "");
    renewal.mutable_command()->mutable_renew_template()->set_template_id(Id(id));
    SetTemplate(renewal, id, v1::TEMPLATE_STATE_ACTIVE);
    SetErasure(renewal, v1::ERASURE_TARGET_SLOT, id);
    EraseDone(at + 2, v1::ERASURE_TARGET_SLOT, id);
    v1::Entry& end = Act(at + 3, v1::LOG_KIND_UPKEEP, v1::ROLE_UNSPECIFIED, "");
    end.mutable_command()->mutable_finish_rotation()->set_purpose(kPurpose);
    SetErasure(end, v1::ERASURE_TARGET_TRANSFORM, 'T');
    EraseDone(at + 8, v1::ERASURE_TARGET_TRANSFORM, 'T');
  }

  void EraseDone(int64_t at, v1::ErasureTarget target, char id) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_ERASURE, v1::ROLE_UNSPECIFIED, "");
    entry.mutable_command()->mutable_erase_done()->set_target(target);
    entry.mutable_command()->mutable_erase_done()->set_id(Id(id));
    if (target == v1::ERASURE_TARGET_TEMPLATE) {
      SetTemplate(entry, id, v1::TEMPLATE_STATE_ERASED);
    }
  }

  v1::Entry& OpenCase(int64_t at, const std::string& officer, char id, char authority) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_GOVERNANCE, v1::ROLE_OFFICER, officer);
    v1::CaseOpening* opening = entry.mutable_command()->mutable_open_case()->mutable_opening();
    opening->set_purpose(kPurpose);
    opening->set_matter(id % 2 == 0 ? v1::MATTER_OFFENCE : v1::MATTER_MISSING_PERSON);
    SetCase(entry, id, authority, v1::CASE_STATE_AWAITING_WARRANT);
    return entry;
  }

  v1::Entry& CaseAct(int64_t at, v1::Role role, const std::string& name, char id, char authority,
                     v1::CaseState state) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_GOVERNANCE, role, name);
    SetCase(entry, id, authority, state);
    return entry;
  }

  // An intent and its outcome. `kase` 0: a verification.
  void Search(int64_t at, const std::string& officer, char kase, char id, v1::SearchResult result,
              bool repeated = false) {
    v1::Entry& intent = Act(at, v1::LOG_KIND_COMBINATION, v1::ROLE_OFFICER, officer);
    if (kase == 0) {
      intent.mutable_command()->mutable_verify()->set_purpose(kPurpose);
    } else {
      intent.mutable_command()->mutable_identify()->set_case_id(Id(kase));
      intent.mutable_command()->mutable_identify()->set_repeated_probe(repeated);
    }
    intent.add_changes()->mutable_pending_search()->set_id(Id(id));
    if (kase != 0) intent.add_changes()->mutable_case_use()->set_case_id(Id(kase));
    v1::Entry& outcome = Act(at, v1::LOG_KIND_COMBINATION, v1::ROLE_OFFICER, officer);
    outcome.mutable_command()->mutable_search_outcome()->set_search_id(Id(id));
    outcome.mutable_command()->mutable_search_outcome()->set_result(result);
  }

  void Adjudicate(int64_t at, const std::string& officer, char kase, v1::Verdict verdict) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_ALTERATION, v1::ROLE_OFFICER, officer);
    entry.mutable_command()->mutable_adjudicate()->mutable_adjudication()->set_verdict(verdict);
    entry.add_changes()->mutable_candidate()->set_case_id(Id(kase));
  }

  void Disclose(int64_t at, const std::string& officer, char kase, char to, int64_t notice_at) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_DISCLOSURE, v1::ROLE_OFFICER, officer);
    entry.mutable_command()->mutable_disclose();
    entry.add_changes()->mutable_candidate()->set_case_id(Id(kase));
    v1::DisclosureRecord* told = entry.add_changes()->mutable_disclosure();
    told->set_case_id(Id(kase));
    told->set_recipient_authority_id(Id(to));
    told->set_disclosed_at(at);
    told->set_notice_at(notice_at);
  }

  void Order(int64_t at, bool stop, const std::string& reasons) {
    v1::Entry& entry = Act(at, v1::LOG_KIND_GOVERNANCE, v1::ROLE_SUPERVISOR, "sup");
    v1::StatementFacts* facts = nullptr;
    if (stop) {
      entry.mutable_command()->mutable_stop()->mutable_order()->set_purpose(kPurpose);
      entry.mutable_command()->mutable_stop()->mutable_order()->set_reasons(reasons);
      facts = entry.mutable_command()->mutable_stop()->mutable_statement();
    } else {
      entry.mutable_command()->mutable_lift()->mutable_order()->set_purpose(kPurpose);
      entry.mutable_command()->mutable_lift()->mutable_order()->set_reasons(reasons);
      facts = entry.mutable_command()->mutable_lift()->mutable_statement();
      facts->add_signed_by("bb");
    }
    facts->add_signed_by("aa");
  }

  static constexpr char kPurpose[] = "missing-persons";

 private:
  static void SetTemplate(v1::Entry& entry, char id, v1::TemplateState state) {
    v1::TemplateRecord* record = entry.add_changes()->mutable_template_();
    record->set_id(Id(id));
    record->set_purpose(kPurpose);
    record->set_state(state);
  }

  static void SetEnd(v1::Entry& entry, char id, v1::EndReason reason) {
    SetTemplate(entry, id, v1::TEMPLATE_STATE_ERASING);
    entry.mutable_changes(entry.changes_size() - 1)->mutable_template_()->set_end_reason(reason);
    SetErasure(entry, v1::ERASURE_TARGET_TEMPLATE, id);
  }

  static void SetCase(v1::Entry& entry, char id, char authority, v1::CaseState state) {
    v1::CaseRecord* record = entry.add_changes()->mutable_case_();
    record->set_id(Id(id));
    record->set_authority_id(Id(authority));
    record->mutable_opening()->set_purpose(kPurpose);
    record->set_state(state);
  }

  std::vector<v1::Entry> entries_;
};

// The year 2026 of that vault, with a little before and after.
inline LogStory StoryOf2026() {
  using Story = LogStory;
  LogStory story;
  const int64_t before = Story::k2026 - 10 * Story::kDay;
  story.Act(before, v1::LOG_KIND_GOVERNANCE, v1::ROLE_SUPERVISOR, "sup")
      .mutable_command()
      ->mutable_found();
  story.Start(before + 5);
  story.Accredit(before + 10, 'A', "Police | North <region>");
  story.Register(before + 20, "ann", 'A');
  story.RegisterPurpose(before + 30, Story::kPurpose, "Finding missing persons");
  for (char id = 'a'; id < 'f'; ++id) story.Enroll(before + 40 + id, id);
  story.OpenCase(before + 300, "ann", '1', 'A');  // 2025

  const int64_t year = Story::k2026;
  story.Accredit(year, 'B', "Coast Guard");  // the first second of the year
  story.Register(year + 10, "bob", 'B');
  const int64_t march = year + 70 * Story::kDay;
  story.CaseAct(march, v1::ROLE_JUDGE, "judge", '1', 'A', v1::CASE_STATE_AWAITING_WARRANT)
      .mutable_command()
      ->mutable_issue_warrant();
  story.CaseAct(march + 1, v1::ROLE_OFFICER, "amy", '1', 'A', v1::CASE_STATE_ACTIVE)
      .mutable_command()
      ->mutable_approve_case();
  story.Search(march + 10, "ann", '1', 's', v1::SEARCH_RESULT_MATCH);
  story.Search(march + 20, "ann", '1', 't', v1::SEARCH_RESULT_NO_MATCH, /*repeated=*/true);
  story.Adjudicate(march + 30, "ann", '1', v1::VERDICT_CONFIRMED);
  story.Adjudicate(march + 31, "amy", '1', v1::VERDICT_CONFIRMED);
  story.Disclose(march + 40, "ann", '1', 'A', march + 40 + 30 * Story::kDay);
  story.CaseAct(march + 50, v1::ROLE_OFFICER, "ann", '1', 'A', v1::CASE_STATE_CLOSED)
      .mutable_command()
      ->mutable_close_case();

  story.OpenCase(march + 100, "bob", '2', 'B');
  v1::Entry& refusal =
      story.CaseAct(march + 110, v1::ROLE_JUDGE, "judge", '2', 'B', v1::CASE_STATE_REFUSED);
  refusal.mutable_command()->mutable_refuse_warrant();
  Story::SetErasure(refusal, v1::ERASURE_TARGET_CASE, '2');
  story.EraseDone(march + 112, v1::ERASURE_TARGET_CASE, '2');

  const int64_t june = year + 160 * Story::kDay;
  story.OpenCase(june, "bob", '3', 'B');
  story.CaseAct(june + 1, v1::ROLE_JUDGE, "judge", '3', 'B', v1::CASE_STATE_ACTIVE)
      .mutable_command()
      ->mutable_issue_warrant();
  story.Search(june + 10, "bob", '3', 'u', v1::SEARCH_RESULT_OVER_BROAD);
  story.Search(june + 20, "bob", '3', 'v', v1::SEARCH_RESULT_ABORTED);
  for (int i = 0; i < 3; ++i) {
    v1::Entry& refused =
        story.Act(june + 30 + i, v1::LOG_KIND_COMBINATION, v1::ROLE_OFFICER, "bob");
    refused.mutable_command()->mutable_identify();
    Story::Refuse(refused, "case.budget-left", "BUDGET_SPENT");
  }
  v1::Entry& rejected = story.Act(june + 40, v1::LOG_KIND_COMBINATION, v1::ROLE_JUDGE, "judge");
  rejected.mutable_command()->mutable_reject();
  Story::Refuse(rejected, "request.accepted", "ROLE_NOT_ALLOWED");
  story.CaseAct(june + 50, v1::ROLE_UNSPECIFIED, "", '3', 'B', v1::CASE_STATE_EXPIRED)
      .mutable_command()
      ->mutable_end_case();
  story.OpenCase(june + 60, "bob", '4', 'B');  // still open at the end

  story.Search(june + 70, "bob", 0, 'w', v1::SEARCH_RESULT_MATCH);
  story.Search(june + 80, "bob", 0, 'x', v1::SEARCH_RESULT_NO_MATCH);
  story.Act(june + 90, v1::LOG_KIND_CONSULTATION, v1::ROLE_OFFICER, "bob")
      .mutable_command()
      ->mutable_read_case();
  story.Act(june + 91, v1::LOG_KIND_CONSULTATION, v1::ROLE_SUBJECT, "")
      .mutable_command()
      ->mutable_access();
  story.EndTemplate(june + 100, 'a', false);
  story.EraseDone(june + 102, v1::ERASURE_TARGET_TEMPLATE, 'a');
  story.EndTemplate(june + 110, 'b', true);
  story.EraseDone(june + 140, v1::ERASURE_TARGET_TEMPLATE, 'b');
  story.EndTemplate(june + 150, 'c', false);
  story.EraseDone(june + 154, v1::ERASURE_TARGET_TEMPLATE, 'c');
  story.EndTemplate(june + 160, 'd', false);  // its erasure is cut off by the year

  const int64_t july = year + 200 * Story::kDay;
  story.Order(july, true, "the *search* log shows <b>odd</b> budgets");
  story.Start(july + 2 * Story::kHour);  // two hours down
  story.Order(july + 3 * Story::kHour, false, "explained");
  v1::Entry& inspected =
      story.Act(july + 4 * Story::kHour, v1::LOG_KIND_CONSULTATION, v1::ROLE_SUPERVISOR, "sup");
  inspected.mutable_command()->mutable_inspect()->mutable_order()->set_reasons("a complaint");

  // Down over the year's end; after that 2027.
  story.Enroll(Story::k2027 - Story::kMinute, 'g');
  story.Start(Story::k2027 + Story::kHour);
  story.Enroll(Story::k2027 + 2 * Story::kHour, 'h');
  return story;
}

}  // namespace kluis::audit

#endif  // KLUIS_TESTS_FAKES_LOG_STORY_H_
