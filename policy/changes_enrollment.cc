// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/changes.h"

namespace kluis::policy {
namespace {

void Enroll(const Facts& facts, Ruling& ruling) {
  const v1::Enroll& command = facts.command->enroll();
  const bool new_subject = !facts.subject;
  const bool replaces = !command.replaces().empty();
  const uint32_t slot = TakeSlots(facts, new_subject ? 2 : 1, ruling);
  if (replaces) EndRecord(facts, v1::END_REASON_REPLACED, ruling);

  v1::SubjectRecord* subject = ruling.changes.emplace_back().mutable_subject();
  if (new_subject) {
    subject->set_id(command.new_subject_id());
    subject->set_slot(slot);
  } else {
    *subject = *facts.subject;
  }
  if (replaces) {
    subject->set_last_template_ended_at(facts.now);
  } else {
    subject->set_live_templates(subject->live_templates() + 1);
  }

  // The earliest of the subject's own end and what purpose and law allow.
  const Time legal_max = std::min(facts.purpose->retention_max_days(),
                                  facts.founding->legal_profile().consent_max_days()) *
                         kDay;
  v1::TemplateRecord* record = ruling.changes.emplace_back().mutable_template_();
  record->set_id(command.new_template_id());
  record->set_subject_id(subject->id());
  record->set_purpose(command.consent_purpose());
  record->set_slot(new_subject ? slot + 1 : slot);
  record->set_algorithm(command.algorithm());
  record->set_category(command.category());
  record->set_enrolled_at(facts.now);
  record->set_expires_at(std::min(command.consent_expires_at(), facts.now + legal_max));
  record->set_consent_digest(command.consent_statement().digest());
  record->set_consent_commitment(command.consent_commitment());
  record->set_state(v1::TEMPLATE_STATE_ACTIVE);
  record->set_transform_slot(facts.purpose_record->slot());
  record->set_custody_sha256(command.custody_sha256());
  // A new consent says what is kept and for how long; only a lift says that it may be compared.
  if (replaces) {
    record->set_restricted(facts.record->restricted());
    record->set_restriction(facts.record->restriction());
  }

  v1::Enrollment* enrollment = ruling.changes.emplace_back().mutable_enrollment();
  enrollment->set_subject_id(record->subject_id());
  enrollment->set_purpose(record->purpose());
  enrollment->set_template_id(record->id());
}

// The template stays as it is, and its purpose, end and erasure too; comparisons leave it out.
v1::TemplateRecord* ChangeTemplate(const Facts& facts, Ruling& ruling) {
  v1::TemplateRecord* record = ruling.changes.emplace_back().mutable_template_();
  *record = *facts.record;
  return record;
}

void Restrict(const Facts& facts, Ruling& ruling) {
  v1::TemplateRecord* record = ChangeTemplate(facts, ruling);
  record->set_restricted(true);
  record->set_restriction(facts.command->restrict().statement().digest());
}

void LiftRestriction(const Facts& facts, Ruling& ruling) {
  v1::TemplateRecord* record = ChangeTemplate(facts, ruling);
  record->clear_restricted();
  record->clear_restriction();
}

}  // namespace

bool ChangeEnrollment(const Facts& facts, Ruling& ruling) {
  switch (facts.command->act_case()) {
    case v1::Command::kEnroll:
      Enroll(facts, ruling);
      return true;
    case v1::Command::kWithdraw:
      EndTemplate(facts, v1::END_REASON_WITHDRAWN, ruling);
      return true;
    case v1::Command::kAccess:
      return true;  // a consultation changes nothing but the statement's use
    case v1::Command::kRestrict:
      Restrict(facts, ruling);
      return true;
    case v1::Command::kLiftRestriction:
      LiftRestriction(facts, ruling);
      return true;
    default:
      return false;
  }
}

}  // namespace kluis::policy
