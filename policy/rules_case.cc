// SPDX-License-Identifier: Apache-2.0
// Cases, warrants and approvals.
#include <algorithm>

#include "policy/record_key.h"
#include "policy/rule_lists.h"

namespace kluis::policy {

const Rule kCaseOfAuthority = {"case.of-authority",
                               "LED 10, AP-7",
                               "The case exists and is of the caller's own authority.",
                               "NO_CASE",
                               "NO_CASE",
                               [](const Facts& f) {
                                 return f.kase && f.authority &&
                                        f.kase->authority_id() == f.authority->id();
                               }};

bool HasLapsed(const Facts& f) {
  if (f.kase->state() != v1::CASE_STATE_AWAITING_WARRANT) return false;
  if (f.kase->has_warrant() && f.kase->warrant().not_after().seconds() <= f.now) return true;
  return f.kase->opened_at() <= f.now - f.founding->legal_profile().case_retention_days() * kDay;
}

namespace {

template <class Part, class Whole>
bool IsSubset(const Part& part, const Whole& whole) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [&](auto value) {
    return std::find(whole.begin(), whole.end(), value) != whole.end();
  });
}

const v1::Warrant& WarrantOf(const Facts& f) { return f.command->issue_warrant().warrant(); }

const Rule kOpeningComplete = {
    "case.complete",
    "LED 8, 10",
    "A case names the authority's reference, its legal basis, and the offence or missing person.",
    "CASE_INCOMPLETE",
    "CASE_INCOMPLETE",
    [](const Facts& f) {
      const v1::OpenCase& open = f.command->open_case();
      return open.reference_given() && !open.opening().legal_basis().empty() &&
             open.opening().matter() != v1::MATTER_UNSPECIFIED && open.description_given();
    }};

const Rule kOpeningPurposeIdentifies = {"case.purpose-identifies",
                                        "GDPR 5(1)(b)",
                                        "The case's purpose allows identification.",
                                        "OPERATION_NOT_ALLOWED",
                                        "OPERATION_NOT_ALLOWED",
                                        [](const Facts& f) {
                                          const auto& operations = f.purpose->operations();
                                          return std::find(operations.begin(), operations.end(),
                                                           v1::OPERATION_IDENTIFY) !=
                                                 operations.end();
                                        }};

const Rule kOpeningNecessity = {
    "case.necessity",
    "LED 10, CJEU C-80/23",
    "The authority states itself why the search is strictly necessary, at the profile's length.",
    "NECESSITY_MISSING",
    "NECESSITY_MISSING",
    [](const Facts& f) {
      return f.command->open_case().necessity_characters() >=
             f.founding->legal_profile().necessity_min_characters();
    }};

const Rule kOpeningNecessityOwn = {
    "case.necessity-own",
    "LED 10, CJEU C-80/23",
    "A necessity statement is written for its case, not copied from another.",
    "NECESSITY_COPIED",
    "NECESSITY_COPIED",
    [](const Facts& f) { return !f.necessity_used; }};

const Rule kOpeningScope = {"case.scope",
                            "LED 6",
                            "The case names subject categories, all admitted by the purpose.",
                            "CATEGORY_OUT_OF_SCOPE",
                            "CATEGORY_OUT_OF_SCOPE",
                            [](const Facts& f) {
                              return IsSubset(f.command->open_case().opening().subject_categories(),
                                              f.purpose->subject_categories());
                            }};

const Rule kCaseKnown = {
    "case.known", "AI Act 26(10)", "The warrant is for a case that exists.",
    "NO_CASE",    "NO_CASE",       [](const Facts& f) { return f.kase != nullptr; }};

const Rule kCaseAwaitsWarrant = {
    "case.awaits-warrant",
    "AI Act 26(10)",
    "The case waits for its one warrant, and did not wait for it too long.",
    "CASE_NOT_AWAITING_WARRANT",
    "CASE_NOT_AWAITING_WARRANT",
    [](const Facts& f) {
      return f.kase->state() == v1::CASE_STATE_AWAITING_WARRANT && !f.kase->has_warrant() &&
             !HasLapsed(f);
    }};

const Rule kWarrantLimits = {
    "warrant.limits",
    "AI Act 26(10), LED 10",
    "A warrant sets a budget within the profile's bound and a candidate cap within the purpose's.",
    "WARRANT_LIMITS_INVALID",
    "WARRANT_LIMITS_INVALID",
    [](const Facts& f) {
      return WarrantOf(f).budget() >= 1 &&
             WarrantOf(f).budget() <= f.founding->legal_profile().warrant_max_searches() &&
             WarrantOf(f).candidate_cap() >= 1 && f.purpose &&
             WarrantOf(f).candidate_cap() <= f.purpose->candidate_cap();
    }};

const Rule kWarrantScope = {"warrant.scope",
                            "LED 6, 10",
                            "A warrant's subject categories are among the case's.",
                            "CATEGORY_OUT_OF_SCOPE",
                            "CATEGORY_OUT_OF_SCOPE",
                            [](const Facts& f) {
                              return IsSubset(WarrantOf(f).subject_categories(),
                                              f.kase->opening().subject_categories());
                            }};

const Rule kWarrantWindow = {
    "warrant.window-set",
    "AI Act 26(10)",
    "A warrant's window is not over, and begins no later and is no longer than the profile allows.",
    "WARRANT_WINDOW_INVALID",
    "WARRANT_WINDOW_INVALID",
    [](const Facts& f) {
      const Time from = WarrantOf(f).not_before().seconds();
      const Time until = WarrantOf(f).not_after().seconds();
      const Time issued = f.statements.front()->issued_at();
      return from < until && until > f.now &&
             from <= issued + f.founding->legal_profile().warrant_start_max_days() * kDay &&
             from >= until - f.founding->legal_profile().warrant_max_days() * kDay;
    }};

const Rule kWarrantDelay = {
    "warrant.notice-delay",
    "LED 13(3)",
    "A delay of the notice has a ground and an end within the profile's maximum.",
    "NOTICE_DELAY_INVALID",
    "NOTICE_DELAY_INVALID",
    [](const Facts& f) {
      if (!WarrantOf(f).has_notice_delay()) return true;
      const v1::NoticeDelay& delay = WarrantOf(f).notice_delay();
      const Time max = f.founding->legal_profile().notice_delay_max_days() * kDay;
      return !delay.ground().empty() && delay.until().seconds() > f.now &&
             delay.until().seconds() <= f.now + max;
    }};

const Rule kRefusalReasoned = {
    "warrant.refusal-reasoned",
    "LED 54",
    "A refusal gives its reasons.",
    "REASONS_MISSING",
    "REASONS_MISSING",
    [](const Facts& f) { return f.command->refuse_warrant().reasons_given(); }};

const Rule kCaseAwaitsApproval = {
    "case.awaits-approval",
    "AI Act 14(5)",
    "The case waits for its second officer, and did not wait for it too long.",
    "CASE_NOT_AWAITING_APPROVAL",
    "CASE_NOT_AWAITING_APPROVAL",
    [](const Facts& f) {
      return f.kase->state() == v1::CASE_STATE_AWAITING_WARRANT && f.kase->approved_by().empty() &&
             !HasLapsed(f);
    }};

const Rule kSecondOfficer = {
    "case.second-officer",
    "AI Act 14(5)",
    "Another officer than the one who opened the case approves it.",
    "SAME_OFFICER",
    "SAME_OFFICER",
    [](const Facts& f) { return f.member->name() != f.kase->opened_by(); }};

const Rule kCaseOpen = {"case.open",
                        "LED 5",
                        "Only a case that has not ended can be closed.",
                        "CASE_ENDED",
                        "CASE_ENDED",
                        [](const Facts& f) {
                          return f.kase->state() == v1::CASE_STATE_ACTIVE ||
                                 f.kase->state() == v1::CASE_STATE_AWAITING_WARRANT;
                        }};

const Rule kCaseReadable = {
    "case.readable",
    "LED 25, 29",
    "Officers read the cases of their own authority; judges read any case.",
    "NO_CASE",
    "NO_CASE",
    [](const Facts& f) {
      if (f.member->role() == v1::ROLE_JUDGE) {
        return f.command->read_case().case_id().empty() || f.kase != nullptr;
      }
      if (!f.authority || f.authority->valid_until() <= f.now) return false;
      return f.command->read_case().case_id().empty() || kCaseOfAuthority.holds(f);
    }};

constexpr const Rule* kOpen[] = {&kCallerRole,
                                 &kMemberRegistered,
                                 &kAuthorityAccredited,
                                 &kStatementForThisVault,
                                 &kMemberSigned,
                                 &kStatementFresh,
                                 &kStatementOnce,
                                 &kPurposeRegistered,
                                 &kPurposeLawful,
                                 &kPurposeNotStopped,
                                 &kOpeningPurposeIdentifies,
                                 &kOpeningComplete,
                                 &kOpeningNecessity,
                                 &kOpeningNecessityOwn,
                                 &kIdUnused,
                                 &kOpeningScope};
constexpr const Rule* kIssue[] = {&kCallerRole,    &kMemberRegistered,  &kStatementForThisVault,
                                  &kMemberSigned,  &kStatementFresh,    &kStatementOnce,
                                  &kCaseKnown,     &kCaseAwaitsWarrant, &kWarrantFollows,
                                  &kWarrantLimits, &kWarrantScope,      &kWarrantWindow,
                                  &kWarrantDelay};
constexpr const Rule* kRefuse[] = {&kCallerRole,   &kMemberRegistered,  &kStatementForThisVault,
                                   &kMemberSigned, &kStatementFresh,    &kStatementOnce,
                                   &kCaseKnown,    &kCaseAwaitsWarrant, &kRefusalReasoned};
constexpr const Rule* kApprove[] = {
    &kCallerRole,         &kMemberRegistered, &kAuthorityAccredited, &kStatementForThisVault,
    &kMemberSigned,       &kStatementFresh,   &kStatementOnce,       &kCaseOfAuthority,
    &kCaseAwaitsApproval, &kApprovalFollows,  &kSecondOfficer};
constexpr const Rule* kClose[] = {
    &kCallerRole,   &kMemberRegistered, &kAuthorityAccredited, &kStatementForThisVault,
    &kMemberSigned, &kStatementFresh,   &kStatementOnce,       &kCaseOfAuthority,
    &kCaseOpen};
constexpr const Rule* kRead[] = {&kCallerRole, &kMemberRegistered, &kCaseReadable};

}  // namespace

RuleList CaseRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kOpenCase:
      return kOpen;
    case v1::Command::kIssueWarrant:
      return kIssue;
    case v1::Command::kRefuseWarrant:
      return kRefuse;
    case v1::Command::kApproveCase:
      return kApprove;
    case v1::Command::kCloseCase:
      return kClose;
    case v1::Command::kReadCase:
      return kRead;
    default:
      return {};
  }
}

}  // namespace kluis::policy
