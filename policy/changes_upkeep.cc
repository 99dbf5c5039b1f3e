// SPDX-License-Identifier: Apache-2.0
#include "policy/changes.h"
#include "policy/record_key.h"
#include "policy/rules.h"

namespace kluis::policy {
namespace {

// Entries that were lost before they were published may have taken slots, and destroyed some: more
// than the vault can take between two checkpoints are passed over. 2^32 slots allow 512 recoveries.
constexpr uint32_t kSlotsOfALoss = uint32_t{1} << 23;

void EndCase(const Facts& facts, Ruling& ruling) {
  if (facts.kase->ended_at() > 0) {  // its retention is over
    StartErasure(v1::ERASURE_TARGET_CASE, facts.kase->id(), facts.kase->slot(), ruling);
    return;
  }
  v1::CaseRecord* kase = ruling.changes.emplace_back().mutable_case_();
  *kase = *facts.kase;
  const bool lapsed = facts.kase->state() == v1::CASE_STATE_AWAITING_WARRANT;
  kase->set_state(lapsed ? v1::CASE_STATE_LAPSED : v1::CASE_STATE_EXPIRED);
  kase->set_ended_at(facts.now);
  CountEndedCase(facts, ruling);
  if (!lapsed) return;
  StartErasure(v1::ERASURE_TARGET_CASE, facts.kase->id(), facts.kase->slot(), ruling);
}

void FinishErasure(const Facts& facts, Ruling& ruling) {
  const v1::EraseDone& done = facts.command->erase_done();
  ruling.changes.emplace_back().set_removed_key(key::PendingErasure(done.target(), done.id()));
  if (facts.record) {
    v1::TemplateRecord* record = ruling.changes.emplace_back().mutable_template_();
    *record = *facts.record;
    record->set_state(v1::TEMPLATE_STATE_ERASED);
  } else if (facts.kase) {
    v1::CaseRecord* kase = ruling.changes.emplace_back().mutable_case_();
    *kase = *facts.kase;
    kase->set_erased(true);
  } else if (facts.subject) {
    v1::SubjectRecord* subject = ruling.changes.emplace_back().mutable_subject();
    *subject = *facts.subject;
    subject->set_erased(true);
  } else if (facts.year) {
    v1::AuthorityYear* year = ruling.changes.emplace_back().mutable_authority_year();
    *year = *facts.year;
    year->set_erased(true);
  }
}

// The id of a transform that is erased: zero[12] | slot u32, big-endian.
std::string TransformId(uint32_t slot) {
  std::string id(kIdBytes, '\0');
  for (size_t at = kIdBytes; slot > 0; slot >>= 8) id[--at] = static_cast<char>(slot & 0xFF);
  return id;
}

void FinishRotation(const Facts& facts, Ruling& ruling) {
  const uint32_t former = facts.purpose_record->previous_slot();
  v1::PurposeRecord* purpose = ruling.changes.emplace_back().mutable_purpose();
  *purpose = *facts.purpose_record;
  purpose->clear_previous_slot();
  StartErasure(v1::ERASURE_TARGET_TRANSFORM, TransformId(former), former, ruling);
}

void ForgetStatements(const v1::CloseCheckpoint& closing, Ruling& ruling) {
  const std::string prefix = KindPrefix(v1::RecordChange::kUsedStatement);
  for (const std::string& rest : closing.over_statements()) {
    ruling.changes.emplace_back().set_removed_key(prefix + rest);
  }
}

void OrderRekey(const Facts& facts, Ruling& ruling) {
  const v1::OrderRekey& command = facts.command->order_rekey();
  v1::PendingRekey* rekey = ruling.changes.emplace_back().mutable_pending_rekey();
  rekey->set_order(command.statement().digest());
  rekey->set_needed(command.order().needed());
  rekey->set_holders(command.order().holders());
  rekey->set_ordered_at(facts.now);
  ruling.changes.emplace_back().mutable_last_rekey_order()->set_digest(
      command.statement().digest());
}

// The delay is of time that ran: a start, and whoever says what time it is, begin it anew.
void DelayRekey(const Facts& facts, Ruling& ruling) {
  if (!facts.rekey) return;
  v1::PendingRekey* rekey = ruling.changes.emplace_back().mutable_pending_rekey();
  *rekey = *facts.rekey;
  rekey->set_ordered_at(TimeAfter(*facts.command, true, facts.now));
}

void SetClockBack(const Facts& facts, Ruling& ruling) {
  DelayRekey(facts, ruling);
  v1::VaultRecord* vault = ruling.changes.emplace_back().mutable_vault();
  *vault = *facts.vault;
  vault->set_set_back_to(facts.command->set_clock_back().time());
}

// It came into force, or never will: what stands in the log about it orders nothing any more.
void EndRekeyOrder(const Facts& facts, Ruling& ruling) {
  if (facts.rekey) ruling.changes.emplace_back().set_removed_key(key::PendingRekey());
}

}  // namespace

bool ChangeUpkeep(const Facts& facts, Ruling& ruling) {
  switch (facts.command->act_case()) {
    case v1::Command::kExpireTemplate:
      EndTemplate(facts, v1::END_REASON_EXPIRED, ruling);
      return true;
    case v1::Command::kEndCase:
      EndCase(facts, ruling);
      return true;
    case v1::Command::kForgetSubject:
      StartErasure(v1::ERASURE_TARGET_SUBJECT, facts.subject->id(), facts.subject->slot(), ruling);
      return true;
    case v1::Command::kForgetAuthorityYear:
      StartErasure(v1::ERASURE_TARGET_AUTHORITY_YEAR,
                   AuthorityYearId(facts.year->authority_id(), facts.year->year()),
                   facts.year->slot(), ruling);
      return true;
    case v1::Command::kEraseDone:
      FinishErasure(facts, ruling);
      return true;
    case v1::Command::kLoseTemplate:
      EndTemplate(facts, v1::END_REASON_LOST, ruling);
      return true;
    case v1::Command::kFinishRotation:
      FinishRotation(facts, ruling);
      return true;
    case v1::Command::kRecover:
      TakeSlots(facts, kSlotsOfALoss, ruling);
      return true;
    case v1::Command::kCloseCheckpoint:
      ForgetStatements(facts.command->close_checkpoint(), ruling);
      return true;
    case v1::Command::kOrderRekey:
      OrderRekey(facts, ruling);
      return true;
    case v1::Command::kCancelRekey:
      EndRekeyOrder(facts, ruling);
      ruling.changes.emplace_back().mutable_last_rekey_order()->set_digest(
          facts.command->cancel_rekey().statement().digest());
      return true;
    case v1::Command::kVoidRekey:
      if (!facts.command->void_rekey().old_shares().empty()) EndRekeyOrder(facts, ruling);
      return true;
    case v1::Command::kRekey:
      EndRekeyOrder(facts, ruling);
      return true;
    case v1::Command::kBackUp:
      ruling.changes.emplace_back().mutable_backup()->set_id(facts.command->back_up().id());
      ruling.changes.back().mutable_backup()->set_made_at(facts.command->back_up().made_at());
      return true;
    case v1::Command::kStartService:
    case v1::Command::kConfirmClock:
    case v1::Command::kWitnessClock:
      DelayRekey(facts, ruling);
      return true;
    case v1::Command::kSetClockBack:
      SetClockBack(facts, ruling);
      return true;
    case v1::Command::kBeginRekey:
    case v1::Command::kSealService:
    case v1::Command::kAdmit:
    case v1::Command::kCountLimited:
    case v1::Command::kApproveSweep:
      return true;  // they say something and change nothing
    default:
      return false;
  }
}

}  // namespace kluis::policy
