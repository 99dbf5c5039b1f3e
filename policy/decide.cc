// SPDX-License-Identifier: Apache-2.0
#include "policy/decide.h"

#include "policy/changes.h"
#include "policy/record_key.h"

namespace kluis::policy {
namespace {

constexpr std::string_view kRejectRule = "request.accepted";
constexpr std::string_view kNoRule = "none";
constexpr Time kMaxTime = 253'402'300'799;  // the last second of 9999, so that no sum overflows

Ruling Refuse(std::string_view rule, std::string_view reason, std::string_view public_reason,
              std::string_view sentence) {
  Ruling ruling;
  ruling.decision.set_rule(std::string(rule));
  ruling.decision.set_reason(std::string(reason));
  ruling.public_reason = std::string(public_reason);
  // What the caller may not know, it may not read between the lines either.
  if (public_reason != kNotPermitted) ruling.sentence = std::string(sentence);
  return ruling;
}

void MarkStatementsUsed(const Facts& facts, Ruling& ruling) {
  for (const v1::StatementFacts* statement : facts.statements) {
    v1::UsedStatement* used = ruling.changes.emplace_back().mutable_used_statement();
    used->set_digest(statement->digest().substr(0, kIdBytes));
    used->set_usable_until(UsableUntil(*facts.founding, *statement));
  }
}

}  // namespace

absl::StatusOr<Ruling> Decide(const StateView& state, const v1::Command& command, Time now) {
  return DecideBy(RulesFor(command.act_case()), state, command, now);
}

absl::StatusOr<Ruling> DecideBy(RuleList rules, const StateView& state, const v1::Command& command,
                                Time now) {
  if (now < 0 || now > kMaxTime) return absl::InvalidArgumentError("time: must be 1970 to 9999");
  if (command.has_reject()) {
    const std::string& reason = command.reject().reason();
    if (!IsRejectReason(reason)) return absl::InternalError("reject: unregistered reason");
    return Refuse(kRejectRule, reason, reason, "");
  }
  if (rules.empty()) return Refuse(kNoRule, "NO_RULE", kNotPermitted, "");

  const absl::StatusOr<Facts> facts = LoadFacts(state, command, now);
  if (!facts.ok()) return facts.status();
  for (const Rule* rule : rules) {
    if (!rule->holds(*facts)) {
      return Refuse(rule->id, rule->reason, rule->public_reason, rule->sentence);
    }
  }

  Ruling ruling;
  ruling.decision.set_allowed(true);
  ruling.decision.set_rule(std::string(rules.back()->id));
  MarkStatementsUsed(*facts, ruling);
  const bool changed = ChangeEnrollment(*facts, ruling) || ChangeCases(*facts, ruling) ||
                       ChangeGovernance(*facts, ruling) || ChangeSearches(*facts, ruling) ||
                       ChangeUpkeep(*facts, ruling);
  if (!changed) return absl::InternalError("policy: an act has rules but no effect");
  return ruling;
}

uint32_t TakeSlots(const Facts& facts, uint32_t count, Ruling& ruling) {
  ruling.changes.emplace_back().mutable_slots()->set_next_slot(facts.next_slot + count);
  return facts.next_slot;
}

void EndRecord(const Facts& facts, v1::EndReason reason, Ruling& ruling) {
  v1::TemplateRecord* record = ruling.changes.emplace_back().mutable_template_();
  *record = *facts.record;
  record->set_state(v1::TEMPLATE_STATE_ERASING);
  record->set_end_reason(reason);
  record->set_ended_at(facts.now);
  record->set_end(facts.command->has_withdraw() ? facts.command->withdraw().statement().digest()
                                                : facts.record->id());
  StartErasure(v1::ERASURE_TARGET_TEMPLATE, facts.record->id(), facts.record->slot(), ruling);
  ruling.changes.back().mutable_pending_erasure()->set_subject_id(facts.record->subject_id());
}

void EndTemplate(const Facts& facts, v1::EndReason reason, Ruling& ruling) {
  EndRecord(facts, reason, ruling);
  v1::SubjectRecord* subject = ruling.changes.emplace_back().mutable_subject();
  *subject = *facts.subject;
  subject->set_live_templates(subject->live_templates() - 1);
  subject->set_last_template_ended_at(facts.now);
}

void CountEndedCase(const Facts& facts, Ruling& ruling) {
  v1::AuthorityYear* year = ruling.changes.emplace_back().mutable_authority_year();
  *year = *facts.year;
  year->set_live_cases(year->live_cases() - 1);
}

void StartErasure(v1::ErasureTarget target, const std::string& id, uint32_t slot, Ruling& ruling) {
  v1::PendingErasure* erasure = ruling.changes.emplace_back().mutable_pending_erasure();
  erasure->set_target(target);
  erasure->set_id(id);
  erasure->set_slot(slot);
}

}  // namespace kluis::policy
