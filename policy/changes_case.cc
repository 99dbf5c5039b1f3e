// SPDX-License-Identifier: Apache-2.0
#include "policy/changes.h"
#include "policy/civil_time.h"

namespace kluis::policy {
namespace {

void Open(const Facts& facts, Ruling& ruling) {
  const v1::OpenCase& command = facts.command->open_case();
  const uint32_t slot = TakeSlots(facts, facts.year ? 1 : 2, ruling);
  v1::CaseRecord* kase = ruling.changes.emplace_back().mutable_case_();
  kase->set_id(command.new_case_id());
  kase->set_authority_id(facts.authority->id());
  kase->set_opened_by(facts.member->name());
  kase->set_slot(slot);
  *kase->mutable_opening() = command.opening();
  kase->set_opening_digest(command.statement().digest());
  kase->set_state(v1::CASE_STATE_AWAITING_WARRANT);
  kase->set_opened_at(facts.now);

  v1::AuthorityYear* year = ruling.changes.emplace_back().mutable_authority_year();
  if (facts.year) {
    *year = *facts.year;
  } else {
    year->set_authority_id(facts.authority->id());
    year->set_year(YearOf(facts.now));
    year->set_slot(slot + 1);
  }
  year->set_live_cases(year->live_cases() + 1);

  v1::UsedNecessity* necessity = ruling.changes.emplace_back().mutable_used_necessity();
  necessity->set_digest(command.necessity_digest());
  necessity->set_case_id(command.new_case_id());
}

v1::CaseRecord* Rewrite(const Facts& facts, Ruling& ruling) {
  v1::CaseRecord* kase = ruling.changes.emplace_back().mutable_case_();
  *kase = *facts.kase;
  return kase;
}

// Active as soon as both the warrant and the second officer are there, in either order.
void ActivateWhenComplete(v1::CaseRecord& kase) {
  if (kase.has_warrant() && !kase.approved_by().empty()) kase.set_state(v1::CASE_STATE_ACTIVE);
}

}  // namespace

bool ChangeCases(const Facts& facts, Ruling& ruling) {
  const v1::Command& command = *facts.command;
  switch (command.act_case()) {
    case v1::Command::kOpenCase:
      Open(facts, ruling);
      return true;
    case v1::Command::kIssueWarrant: {
      v1::CaseRecord* kase = Rewrite(facts, ruling);
      *kase->mutable_warrant() = command.issue_warrant().warrant();
      kase->set_warrant_by(facts.member->name());
      kase->set_warrant_digest(command.issue_warrant().statement().digest());
      ActivateWhenComplete(*kase);
      return true;
    }
    case v1::Command::kApproveCase: {
      v1::CaseRecord* kase = Rewrite(facts, ruling);
      kase->set_approved_by(facts.member->name());
      ActivateWhenComplete(*kase);
      return true;
    }
    case v1::Command::kRefuseWarrant: {
      v1::CaseRecord* kase = Rewrite(facts, ruling);
      kase->set_state(v1::CASE_STATE_REFUSED);
      kase->set_ended_at(facts.now);
      CountEndedCase(facts, ruling);
      StartErasure(v1::ERASURE_TARGET_CASE, facts.kase->id(), facts.kase->slot(), ruling);
      return true;
    }
    case v1::Command::kCloseCase: {
      v1::CaseRecord* kase = Rewrite(facts, ruling);
      kase->set_state(v1::CASE_STATE_CLOSED);
      kase->set_ended_at(facts.now);
      CountEndedCase(facts, ruling);
      return true;
    }
    case v1::Command::kReadCase:
      return true;  // a consultation changes nothing
    default:
      return false;
  }
}

}  // namespace kluis::policy
