#include "policy/changes.h"
#include "policy/record_key.h"

namespace kluis::policy {
namespace {

void EndCase(const Facts& facts, Ruling& ruling) {
  if (facts.kase->ended_at() > 0) {  // its retention is over
    StartErasure(v1::ERASURE_TARGET_CASE, facts.kase->id(), facts.kase->slot(), ruling);
    return;
  }
  v1::CaseRecord* kase = ruling.changes.emplace_back().mutable_case_();
  *kase = *facts.kase;
  kase->set_state(v1::CASE_STATE_EXPIRED);
  kase->set_ended_at(facts.now);
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
  }
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
    case v1::Command::kEraseDone:
      FinishErasure(facts, ruling);
      return true;
    case v1::Command::kStartService:
    case v1::Command::kCloseCheckpoint:
      return true;  // they say something and change nothing
    default:
      return false;
  }
}

}  // namespace kluis::policy
