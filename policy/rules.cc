// SPDX-License-Identifier: Apache-2.0
#include "policy/rules.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr Time kClockSkew = 5 * kMinute;

constexpr std::array<std::string_view, 8> kRejectReasons = {
    "ROLE_NOT_ALLOWED", "MALFORMED_REQUEST",    "MALFORMED_STATEMENT", "MALFORMED_TEMPLATE",
    "WRONG_ALGORITHM",  "ATOMIC_BATCH_REFUSED", "UNKNOWN_NAME",        "MEMBER_NOT_REGISTERED",
};

bool TakesAway(const v1::Command& command) {
  return command.has_withdraw() || command.has_restrict() || command.has_stop();
}

// While time stands still, what is signed now is ahead of it.
bool MayBeAhead(const v1::Command& command) {
  return command.time_unknown() &&
         (command.has_recover() || command.has_set_term() || command.has_cancel_rekey());
}

// A log in the future forgot what was used while it was there, as nobody could use it any more.
bool SignedSinceTheSetBack(const Facts& f, const v1::StatementFacts& statement) {
  if (TakesAway(*f.command) || !f.vault || f.vault->set_back_to() == 0) return true;
  return statement.issued_at() > f.vault->set_back_to() + kClockSkew;
}

}  // namespace

const Rule kStatementForThisVault = {
    "statement.this-vault",
    "GDPR 5(1)(f)",
    "A statement names the vault that it is for.",
    "STATEMENT_OTHER_VAULT",
    "STATEMENT_OTHER_VAULT",
    [](const Facts& f) {
      return std::all_of(f.statements.begin(), f.statements.end(), [&](const auto* statement) {
        return statement->vault() == f.founding->vault();
      });
    }};

const Rule kStatementFresh = {
    "statement.fresh",
    "GDPR 5(1)(f)",
    "A statement is used within the profile's age of its signing or, where it states its own end, "
    "before that, and not before it was signed. While nobody knows the time, a withdrawal, a "
    "restriction and a stop are not judged by their date, and a recovery and the end of a "
    "membership or of an order of new shares may be ahead of it; an access request that names a "
    "challenge of the vault is never judged by its date. After supervisors set the log back, what "
    "was signed before only takes away.",
    "STATEMENT_STALE",
    "STATEMENT_STALE",
    [](const Facts& f) {
      if (f.command->time_unknown() && TakesAway(*f.command)) return true;
      if (f.command->access().challenge_fresh()) return true;
      const bool may_be_ahead = MayBeAhead(*f.command);
      return std::all_of(f.statements.begin(), f.statements.end(), [&](const auto* statement) {
        return (may_be_ahead || statement->issued_at() <= f.now + kClockSkew) &&
               UsableUntil(*f.founding, *statement) > f.now && SignedSinceTheSetBack(f, *statement);
      });
    }};

const Rule kStatementOwnEnd = {
    "statement.own-end",
    "GDPR 5(1)(f)",
    "A statement that takes several signers states until when it can be used: after its signing, "
    "and no more than the profile's days after it.",
    "ORDER_END_INVALID",
    "ORDER_END_INVALID",
    [](const Facts& f) {
      const v1::StatementFacts& order = *f.statements.front();
      const Time longest = f.founding->legal_profile().order_max_days() * kDay;
      return order.usable_until() > order.issued_at() &&
             order.usable_until() <= order.issued_at() + longest;
    }};

const Rule kStatementOnce = {"statement.once",
                             "GDPR 5(1)(f)",
                             "A statement takes effect once.",
                             "STATEMENT_REPLAYED",
                             "STATEMENT_REPLAYED",
                             [](const Facts& f) {
                               if (f.statement_used) return false;
                               return f.statements.size() < 2 ||
                                      f.statements[0]->digest() != f.statements[1]->digest();
                             }};

const Rule kIdUnused = {
    "id.unused",
    "GDPR 5(1)(f)",
    "What comes into being gets an id of 16 bytes that nothing of its kind has.",
    "ID_IN_USE",
    "ID_IN_USE",
    [](const Facts& f) { return !f.id_taken; }};

namespace {

v1::Role RoleFor(const v1::Command& command) {
  switch (command.act_case()) {
    case v1::Command::kAccredit:
    case v1::Command::kRegister:
    case v1::Command::kRegisterPurpose:
    case v1::Command::kStop:
    case v1::Command::kLift:
    case v1::Command::kInspect:
    case v1::Command::kCalibrate:
    case v1::Command::kEvaluate:
    case v1::Command::kRotateTransform:
    case v1::Command::kSetTerm:
    case v1::Command::kCancelRekey:
    case v1::Command::kSetClockBack:
      return v1::ROLE_SUPERVISOR;
    case v1::Command::kOrderRekey:
    case v1::Command::kBeginRekey:
    case v1::Command::kVoidRekey:
      return v1::ROLE_OPERATOR;
    case v1::Command::kEnroll:
      return v1::ROLE_REGISTRAR;
    case v1::Command::kWithdraw:
    case v1::Command::kAccess:
    case v1::Command::kRestrict:
    case v1::Command::kLiftRestriction:
      return v1::ROLE_SUBJECT;
    case v1::Command::kIssueWarrant:
    case v1::Command::kRefuseWarrant:
      return v1::ROLE_JUDGE;
    default:
      return v1::ROLE_OFFICER;
  }
}

}  // namespace

const Rule kCallerRole = {
    "caller.role",
    "LED 25, AI Act 26(10)",
    "Each act belongs to one role: judges issue warrants, officers search, registrars enrol.",
    "ROLE_NOT_ALLOWED",
    "ROLE_NOT_ALLOWED",
    [](const Facts& f) {
      const v1::Role role = f.command->caller().role();
      if (f.command->has_read_case() && role == v1::ROLE_JUDGE) return true;
      return role == RoleFor(*f.command);
    }};

const Rule kMemberRegistered = {
    "member.registered",
    "LED 25, GDPR 32",
    "The caller is a member that a supervisor registered, within its end date.",
    "MEMBER_NOT_REGISTERED",
    "MEMBER_NOT_REGISTERED",
    [](const Facts& f) { return f.member && f.member->valid_until() > f.now; }};

const Rule kMemberSigned = {
    "member.signed",
    "LED 25, AI Act 26(10)",
    "The statement carries a signature that verifies with the caller's own registered key.",
    "SIGNATURE_INVALID",
    "SIGNATURE_INVALID",
    [](const Facts& f) {
      const auto& signers = f.statements.back()->signed_by();
      return std::find(signers.begin(), signers.end(), f.member->keyid()) != signers.end();
    }};

const Rule kAuthorityAccredited = {
    "authority.accredited",
    "AP-7, LED 8",
    "The caller's authority is accredited by a supervisor, within its end date.",
    "AUTHORITY_NOT_ACCREDITED",
    "AUTHORITY_NOT_ACCREDITED",
    [](const Facts& f) { return f.authority && f.authority->valid_until() > f.now; }};

const Rule kPurposeRegistered = {"purpose.registered",
                                 "GDPR 5(1)(b), AP-1",
                                 "The purpose is registered by a supervisor.",
                                 "PURPOSE_UNKNOWN",
                                 "PURPOSE_UNKNOWN",
                                 [](const Facts& f) { return f.purpose != nullptr; }};

const Rule kPurposeLawful = {
    "purpose.lawful",
    "GDPR 6(1), LED 8",
    "The purpose's legal basis is in force.",
    "LEGAL_BASIS_LAPSED",
    "LEGAL_BASIS_LAPSED",
    [](const Facts& f) { return f.purpose->legal_basis().valid_until().seconds() > f.now; }};

const Rule kPurposeNotStopped = {"purpose.not-stopped",
                                 "AP-6, GDPR 58(2)(f)",
                                 "No supervisor's stop of the purpose is in force.",
                                 "PURPOSE_STOPPED",
                                 "PURPOSE_STOPPED",
                                 [](const Facts& f) { return !f.stopped; }};

const Rule kPurposeNotRotating = {
    "purpose.not-rotating",
    "GDPR 5(1)(f), 32",
    "The purpose's templates are not being protected anew at this moment.",
    "PURPOSE_ROTATING",
    "PURPOSE_ROTATING",
    [](const Facts& f) { return f.purpose_record->previous_slot() == 0; }};

RuleList RulesFor(v1::Command::ActCase act) {
  for (const auto lists :
       {EnrollmentRules, CaseRules, GovernanceRules, MemberRules, SearchRules, DisclosureRules,
        MeasurementRules, UpkeepRules, RekeyRules, AdmissionRules, ClockRules}) {
    const RuleList rules = lists(act);
    if (!rules.empty()) return rules;
  }
  return {};
}

std::vector<const Rule*> AllRules() {
  std::vector<const Rule*> all;
  const google::protobuf::OneofDescriptor* acts = v1::Command::descriptor()->FindOneofByName("act");
  for (int i = 0; i < acts->field_count(); ++i) {
    for (const Rule* rule : RulesFor(static_cast<v1::Command::ActCase>(acts->field(i)->number()))) {
      if (std::find(all.begin(), all.end(), rule) == all.end()) all.push_back(rule);
    }
  }
  return all;
}

std::string RulesText() {
  std::string text;
  for (const Rule* rule : AllRules()) {
    absl::StrAppend(&text, std::string(rule->id), "\t", std::string(rule->law), "\t",
                    std::string(rule->sentence), "\t", std::string(rule->reason), "\n");
  }
  const google::protobuf::OneofDescriptor* acts = v1::Command::descriptor()->FindOneofByName("act");
  for (int i = 0; i < acts->field_count(); ++i) {
    absl::StrAppend(&text, acts->field(i)->name(), ":");
    for (const Rule* rule : RulesFor(static_cast<v1::Command::ActCase>(acts->field(i)->number()))) {
      absl::StrAppend(&text, " ", std::string(rule->id));
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

bool WorksOnAnyTime(const v1::Command& command) {
  switch (command.act_case()) {
    case v1::Command::kWithdraw:
    case v1::Command::kRestrict:
    case v1::Command::kStop:
    case v1::Command::kAccess:
    case v1::Command::kReadCase:
    case v1::Command::kEraseDone:
    case v1::Command::kStartService:
    case v1::Command::kSealService:
    case v1::Command::kCloseCheckpoint:
    case v1::Command::kConfirmClock:
    case v1::Command::kSetClockBack:
    case v1::Command::kWitnessClock:
    case v1::Command::kReject:
    case v1::Command::kAdmit:
    case v1::Command::kCountLimited:
    case v1::Command::kCancelRekey:
    case v1::Command::kVoidRekey:
    // What a start finds that was done or begun before it: it must not keep the vault closed.
    case v1::Command::kBackUp:
    case v1::Command::kRekey:
    case v1::Command::kRecover:
    case v1::Command::kLoseTemplate:
    case v1::Command::kRenewTemplate:
    case v1::Command::kFinishRotation:
      return true;
    case v1::Command::kSetTerm:  // an end; a longer term has to know the time
      return !command.set_term().term().has_valid_until();
    case v1::Command::kSearchOutcome:
      return command.search_outcome().result() == v1::SEARCH_RESULT_ABORTED;
    default:
      return false;
  }
}

Time TimeAfter(const v1::Command& command, bool allowed, Time decided_at) {
  if (allowed && command.has_confirm_clock()) return command.confirm_clock().time();
  if (allowed && command.has_witness_clock()) return command.witness_clock().time();
  if (allowed && command.has_set_clock_back()) return command.set_clock_back().time();
  return decided_at;
}

bool IsRejectReason(std::string_view reason) {
  return std::find(kRejectReasons.begin(), kRejectReasons.end(), reason) != kRejectReasons.end();
}

}  // namespace kluis::policy
