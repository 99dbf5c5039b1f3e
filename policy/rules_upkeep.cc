// SPDX-License-Identifier: Apache-2.0
// What the vault does by itself: ends what is over and finishes erasures.
#include <algorithm>
#include <set>

#include "policy/civil_time.h"
#include "policy/record_key.h"
#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr uint32_t kMaxCheckpointSeconds = 3600;
constexpr uint32_t kMaxGapSeconds = 31 * 86'400;

const Rule kTemplateOver = {"upkeep.template-over",
                            "GDPR 5(1)(e)",
                            "A template is erased when its consent is over.",
                            "NOT_DUE",
                            "NOT_DUE",
                            [](const Facts& f) {
                              return f.record && f.record->state() == v1::TEMPLATE_STATE_ACTIVE &&
                                     f.record->expires_at() <= f.now;
                            }};

// An active case ends when its warrant's window does; its slot goes when its retention is over. Of
// a case that lapsed the slot goes at once: no search used it.
bool WindowOver(const Facts& f) {
  return f.kase->state() == v1::CASE_STATE_ACTIVE &&
         f.kase->warrant().not_after().seconds() <= f.now;
}

bool RetentionOver(const Facts& f) {
  return f.kase->ended_at() > 0 && !f.kase->erased() && !f.erasure &&
         f.kase->ended_at() <= f.now - f.founding->legal_profile().case_retention_days() * kDay;
}

const Rule kCaseOver = {
    "upkeep.case-over",
    "LED 5",
    "A case ends with its warrant, or after it waited in vain for the profile's retention; its "
    "probes and results go when that retention is over.",
    "NOT_DUE",
    "NOT_DUE",
    [](const Facts& f) { return f.kase && (WindowOver(f) || HasLapsed(f) || RetentionOver(f)); }};

const Rule kSubjectOver = {
    "upkeep.subject-over",
    "GDPR 5(1)(e), 17",
    "A subject's details are erased when no template is left and the profile's days are over.",
    "NOT_DUE",
    "NOT_DUE",
    [](const Facts& f) {
      return f.subject && !f.subject->erased() && !f.erasure && f.subject->live_templates() == 0 &&
             f.subject->last_template_ended_at() <=
                 f.now - f.founding->legal_profile().details_retention_days() * kDay;
    }};

const Rule kYearOver = {
    "upkeep.year-over",
    "GDPR 5(1)(e), LED 4(1)(e), 5",
    "What an authority wrote about the cases of a year is erased when none of them is open any "
    "more and the profile's months after that year are over.",
    "NOT_DUE",
    "NOT_DUE",
    [](const Facts& f) {
      const uint32_t months = f.founding->legal_profile().log_retention_months();
      return f.year && !f.year->erased() && !f.erasure && f.year->live_cases() == 0 &&
             MonthsAfterYear(f.year->year(), months) <= f.now;
    }};

const Rule kErasurePending = {"upkeep.erasure-pending",
                              "GDPR 17",
                              "Only an erasure that was started is done.",
                              "NOT_PENDING",
                              "NOT_PENDING",
                              [](const Facts& f) { return f.erasure.has_value(); }};

const Rule kServiceStarts = {
    "upkeep.service-starts",
    "AI Act 12, GDPR 5(2)",
    "A start of the vault is its own act, and says how often it will sign a checkpoint, once an "
    "hour at least, and after how long a gap its time needs to be confirmed: 31 days at most.",
    "NOT_THE_VAULT",
    "NOT_THE_VAULT",
    [](const Facts& f) {
      return f.vault && f.command->caller().role() == v1::ROLE_UNSPECIFIED &&
             f.command->start_service().checkpoint_seconds() > 0 &&
             f.command->start_service().checkpoint_seconds() <= kMaxCheckpointSeconds &&
             f.command->start_service().max_gap_seconds() > 0 &&
             f.command->start_service().max_gap_seconds() <= kMaxGapSeconds;
    }};

const Rule kCheckpointCloses = {
    "upkeep.checkpoint-closes",
    "AI Act 12, GDPR 5(2)",
    "The closing entry of a checkpoint is the vault's own act, and has the digest of the state.",
    "NOT_THE_VAULT",
    "NOT_THE_VAULT",
    [](const Facts& f) {
      return f.vault && f.command->caller().role() == v1::ROLE_UNSPECIFIED &&
             f.command->close_checkpoint().state_digest().size() == kDigestBytes;
    }};

constexpr int kMaxOverStatements = 1'000;  // so that a closing entry is no longer than others
constexpr size_t kOverStatementBytes = 20;

const Rule kStatementsOver = {
    "upkeep.statements-over",
    "GDPR 5(1)(e), (f)",
    "A closing forgets only statements that the vault took and that nobody can use any more, and "
    "none while nobody knows the time.",
    "NOT_DUE",
    "NOT_DUE",
    [](const Facts& f) {
      const auto& over = f.command->close_checkpoint().over_statements();
      const std::set<std::string_view> distinct(over.begin(), over.end());
      return (over.empty() || !f.command->time_unknown()) && over.size() <= kMaxOverStatements &&
             distinct.size() == static_cast<size_t>(over.size()) && f.over_statements_known &&
             std::all_of(over.begin(), over.end(), [&](const std::string& rest) {
               return rest.size() == kOverStatementBytes && OverAt(rest) <= f.now;
             });
    }};

const Rule kSealed = {
    "upkeep.sealed",
    "GDPR 32",
    "The vault is sealed by an operator.",
    "NOT_AN_OPERATOR",
    "NOT_AN_OPERATOR",
    [](const Facts& f) { return f.vault && f.command->caller().role() == v1::ROLE_OPERATOR; }};

}  // namespace

size_t OperatorSignatures(const Facts& f) {
  std::set<std::string_view> signers;
  for (const auto& member : f.signers) {
    if (member->role() == v1::ROLE_OPERATOR && member->valid_until() > f.now) {
      signers.insert(member->name());
    }
  }
  return signers.size();
}

namespace {

const Rule kRecoveryOrdered = {
    "recovery.two-operators",
    "GDPR 5(1)(f), 32",
    "A lost database is recovered on the order of two registered operators.",
    "TOO_FEW_SIGNATURES",
    "TOO_FEW_SIGNATURES",
    [](const Facts& f) {
      return f.command->caller().role() == v1::ROLE_OPERATOR && OperatorSignatures(f) >= 2;
    }};

const Rule kRecoveryReasons = {"recovery.reasons",
                               "GDPR 5(2), 33(5)",
                               "A recovery says why, and rolls the log forward, never back.",
                               "RECOVERY_INCOMPLETE",
                               "RECOVERY_INCOMPLETE",
                               [](const Facts& f) {
                                 const v1::Recover& recover = f.command->recover();
                                 return !recover.order().reasons().empty() &&
                                        recover.from_size() <= recover.to_size();
                               }};

const Rule kTemplateLost = {"upkeep.template-lost",
                            "GDPR 5(1)(d), 33(5)",
                            "The vault itself ends a template whose sealed row did not survive.",
                            "NOT_THE_VAULT",
                            "NOT_THE_VAULT",
                            [](const Facts& f) {
                              return f.command->caller().role() == v1::ROLE_UNSPECIFIED &&
                                     f.record && f.record->state() == v1::TEMPLATE_STATE_ACTIVE;
                            }};

bool ByTheVault(const Facts& f) { return f.command->caller().role() == v1::ROLE_UNSPECIFIED; }

// One slot of a template waits for its puncture at a time: its pending erasure has the template's
// id, and a second one would take its place.
const Rule kTemplateRenewable = {
    "upkeep.template-renewed",
    "GDPR 25, 32",
    "The vault itself protects a live template anew, from its purpose's former secret to the new.",
    "NOT_DUE",
    "NOT_DUE",
    [](const Facts& f) {
      return ByTheVault(f) && f.record && f.record->state() == v1::TEMPLATE_STATE_ACTIVE &&
             f.purpose_record && f.purpose_record->previous_slot() != 0 &&
             f.record->transform_slot() == f.purpose_record->previous_slot() && !f.erasure;
    }};

// That no template is left under the former secret is for the vault to see before (it reads all of
// them, service/upkeep/rotation.h): one that were left could never be compared again.
const Rule kRotationOver = {"upkeep.rotation-over",
                            "GDPR 25, 32",
                            "The vault itself ends a rotation that was ordered, once.",
                            "NOT_DUE",
                            "NOT_DUE",
                            [](const Facts& f) {
                              return ByTheVault(f) && f.purpose_record &&
                                     f.purpose_record->previous_slot() != 0;
                            }};

const Rule kBackedUp = {
    "upkeep.backed-up",
    "GDPR 5(1)(f), 32",
    "A backup is made by a registered operator and entered once; one of a sealed vault is entered "
    "by the vault itself, when it is unsealed.",
    "BACKUP_NOT_ENTERED",
    "BACKUP_NOT_ENTERED",
    [](const Facts& f) {
      const v1::BackUp& made = f.command->back_up();
      const bool by_operator = f.command->caller().role() == v1::ROLE_OPERATOR && f.member &&
                               f.member->valid_until() > f.now;
      return f.vault && made.id() > 0 && !f.backup_known &&
             (made.while_sealed() ? ByTheVault(f) : by_operator);
    }};

constexpr const Rule* kRenewTemplate[] = {&kTemplateRenewable};
constexpr const Rule* kFinishRotation[] = {&kRotationOver};
constexpr const Rule* kSealService[] = {&kSealed, &kMemberRegistered};
constexpr const Rule* kBackUp[] = {&kBackedUp};
constexpr const Rule* kRecover[] = {&kStatementForThisVault, &kRecoveryOrdered, &kMemberRegistered,
                                    &kStatementOwnEnd,       &kStatementFresh,  &kStatementOnce,
                                    &kRecoveryReasons};
constexpr const Rule* kLoseTemplate[] = {&kTemplateLost};
constexpr const Rule* kStartService[] = {&kServiceStarts};
constexpr const Rule* kCloseCheckpoint[] = {&kCheckpointCloses, &kStatementsOver};
constexpr const Rule* kExpireTemplate[] = {&kTemplateOver};
constexpr const Rule* kEndCase[] = {&kCaseOver};
constexpr const Rule* kForgetSubject[] = {&kSubjectOver};
constexpr const Rule* kForgetAuthorityYear[] = {&kYearOver};
constexpr const Rule* kEraseDone[] = {&kErasurePending};

}  // namespace

RuleList UpkeepRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kExpireTemplate:
      return kExpireTemplate;
    case v1::Command::kEndCase:
      return kEndCase;
    case v1::Command::kForgetSubject:
      return kForgetSubject;
    case v1::Command::kForgetAuthorityYear:
      return kForgetAuthorityYear;
    case v1::Command::kEraseDone:
      return kEraseDone;
    case v1::Command::kStartService:
      return kStartService;
    case v1::Command::kCloseCheckpoint:
      return kCloseCheckpoint;
    case v1::Command::kSealService:
      return kSealService;
    case v1::Command::kBackUp:
      return kBackUp;
    case v1::Command::kRecover:
      return kRecover;
    case v1::Command::kLoseTemplate:
      return kLoseTemplate;
    case v1::Command::kRenewTemplate:
      return kRenewTemplate;
    case v1::Command::kFinishRotation:
      return kFinishRotation;
    default:
      return {};
  }
}

}  // namespace kluis::policy
