// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/changes.h"
#include "policy/record_key.h"

namespace kluis::policy {

// The only maker of Grant, and only from facts for which every rule held.
class GrantMaker {
 public:
  static Grant ForIdentify(const Facts& facts) {
    Grant grant(facts.kase->opening().purpose());
    for (const int category : facts.kase->warrant().subject_categories()) {
      grant.categories_.push_back(static_cast<v1::SubjectCategory>(category));
    }
    grant.candidate_cap_ = facts.kase->warrant().candidate_cap();
    grant.case_id_ = facts.kase->id();
    grant.case_slot_ = facts.kase->slot();
    return grant;
  }

  static Grant ForVerify(const Facts& facts) {
    Grant grant(facts.purpose->purpose());
    grant.only_template_ = facts.record;
    return grant;
  }

  // The purpose's gallery, to load it: with a cap of 0 it searches nothing.
  static Grant ForLoad(const v1::CaseRecord& kase) { return Grant(kase.opening().purpose()); }

  // Any template of the purpose, to measure; no candidate comes of it.
  static Grant ForMeasurement(const Facts& facts) { return Grant(facts.purpose->purpose()); }

  // Of the record as it was: the row is sealed for the one that the decision makes of it.
  static Grant ForRenewal(const Facts& facts) {
    Grant grant(facts.record->purpose());
    grant.only_template_ = facts.record;
    return grant;
  }
};

absl::StatusOr<std::optional<Grant>> GrantToLoad(const StateView& state, const v1::CaseRecord& kase,
                                                 Time now) {
  const std::string& name = kase.opening().purpose();
  const auto purpose = FindShared<v1::PurposeRecord>(state, key::Purpose(name));
  if (!purpose.ok()) return purpose.status();
  const auto stop = FindShared<v1::PurposeStop>(state, key::PurposeStop(name));
  if (!stop.ok()) return stop.status();
  if (*purpose == nullptr || (*purpose)->previous_slot() != 0) return std::nullopt;
  if (*stop != nullptr && (*stop)->stopped()) return std::nullopt;
  const auto& operations = (*purpose)->registration().operations();
  const bool identifies =
      std::find(operations.begin(), operations.end(), v1::OPERATION_IDENTIFY) != operations.end();
  const bool runs = kase.state() == v1::CASE_STATE_ACTIVE &&
                    kase.warrant().not_before().seconds() <= now &&
                    kase.warrant().not_after().seconds() > now;
  if (!identifies || !runs) return std::nullopt;
  return GrantMaker::ForLoad(kase);
}

namespace {

void Intend(const Facts& facts, Ruling& ruling) {
  v1::PendingSearch* search = ruling.changes.emplace_back().mutable_pending_search();
  search->set_purpose(facts.purpose->purpose());
  if (facts.command->has_verify()) {
    search->set_id(facts.command->verify().new_search_id());
    ruling.grant = GrantMaker::ForVerify(facts);
    return;
  }
  const v1::Identify& identify = facts.command->identify();
  search->set_id(identify.new_search_id());
  search->set_case_id(facts.kase->id());
  search->set_candidate_cap(facts.kase->warrant().candidate_cap());
  v1::CaseUse* use = ruling.changes.emplace_back().mutable_case_use();
  use->set_case_id(facts.kase->id());
  use->set_searches(facts.use.searches() + SearchCost(identify));
  use->set_repeated_probes(facts.use.repeated_probes() + (identify.repeated_probe() ? 1 : 0));
  ruling.grant = GrantMaker::ForIdentify(facts);
}

// A calibration or an evaluation.
void Measure(const Facts& facts, Ruling& ruling) {
  v1::PendingSearch* search = ruling.changes.emplace_back().mutable_pending_search();
  search->set_purpose(facts.purpose->purpose());
  if (facts.command->has_calibrate()) {
    search->set_id(facts.command->calibrate().new_search_id());
    search->set_measurement(v1::MEASUREMENT_CALIBRATION);
    v1::PurposeRecord* purpose = ruling.changes.emplace_back().mutable_purpose();
    *purpose = *facts.purpose_record;
    purpose->set_calibrated_by(facts.command->calibrate().statement().digest());
  } else {
    search->set_id(facts.command->evaluate().new_search_id());
    search->set_measurement(v1::MEASUREMENT_EVALUATION);
    search->set_probes(facts.command->evaluate().order().probes());
  }
  ruling.grant = GrantMaker::ForMeasurement(facts);
}

// From this entry on cuts of the purpose are taken from the distribution.
void TakeCalibration(const Facts& facts, Ruling& ruling) {
  const v1::CalibrationOutcome& outcome = facts.command->calibration_outcome();
  ruling.changes.emplace_back().set_removed_key(key::PendingSearch(outcome.search_id()));
  v1::PurposeRecord* purpose = ruling.changes.emplace_back().mutable_purpose();
  *purpose = *facts.purpose_record;
  *purpose->mutable_calibration() = outcome.distribution();
}

// Of a rotation: the template is opened once more, to be protected by the purpose's new transform
// and sealed under a slot of its own that no earlier row of it had.
void Renew(const Facts& facts, Ruling& ruling) {
  const uint32_t slot = TakeSlots(facts, 1, ruling);
  v1::TemplateRecord* record = ruling.changes.emplace_back().mutable_template_();
  *record = *facts.record;
  record->set_slot(slot);
  record->set_transform_slot(facts.purpose_record->slot());
  StartErasure(v1::ERASURE_TARGET_SLOT, facts.record->id(), facts.record->slot(), ruling);
  ruling.grant = GrantMaker::ForRenewal(facts);
}

void Conclude(const Facts& facts, Ruling& ruling) {
  const v1::SearchOutcome& outcome = facts.command->search_outcome();
  ruling.changes.emplace_back().set_removed_key(key::PendingSearch(outcome.search_id()));
  for (const std::string& id : outcome.candidate_ids()) {
    v1::CandidateRecord* candidate = ruling.changes.emplace_back().mutable_candidate();
    candidate->set_case_id(facts.search->case_id());
    candidate->set_id(id);
    candidate->set_search_id(outcome.search_id());
    candidate->set_state(v1::CANDIDATE_STATE_OPEN);
  }
}

void Adjudicate(const Facts& facts, Ruling& ruling) {
  constexpr int kOfficersToConfirm = 2;
  v1::CandidateRecord* candidate = ruling.changes.emplace_back().mutable_candidate();
  *candidate = *facts.candidate;
  if (facts.command->adjudicate().adjudication().verdict() == v1::VERDICT_REJECTED) {
    candidate->set_state(v1::CANDIDATE_STATE_REJECTED);
    return;
  }
  candidate->add_confirmed_by(facts.member->name());
  if (candidate->confirmed_by_size() == kOfficersToConfirm) {
    candidate->set_state(v1::CANDIDATE_STATE_CONFIRMED);
  }
}

void Disclose(const Facts& facts, Ruling& ruling) {
  if (facts.candidate->state() == v1::CANDIDATE_STATE_DISCLOSED) return;  // told again: one notice
  const v1::Disclose& command = facts.command->disclose();
  v1::CandidateRecord* candidate = ruling.changes.emplace_back().mutable_candidate();
  *candidate = *facts.candidate;
  candidate->set_state(v1::CANDIDATE_STATE_DISCLOSED);
  candidate->set_disclosed_by(facts.member->name());
  candidate->set_disclosed_at(facts.now);
  candidate->set_disclosure_id(command.new_disclosure_id());

  v1::CaseRecord* kase = ruling.changes.emplace_back().mutable_case_();
  *kase = *facts.kase;
  kase->add_named(command.person());

  v1::DisclosureRecord* disclosure = ruling.changes.emplace_back().mutable_disclosure();
  disclosure->set_id(command.new_disclosure_id());
  disclosure->set_case_id(facts.kase->id());
  disclosure->set_candidate_id(facts.candidate->id());
  disclosure->set_recipient_authority_id(facts.authority->id());
  disclosure->set_disclosed_at(facts.now);
  const v1::Warrant& warrant = facts.kase->warrant();
  disclosure->set_notice_at(warrant.has_notice_delay()
                                ? std::max(facts.now, warrant.notice_delay().until().seconds())
                                : facts.now);
  disclosure->set_subject_commitment(command.subject_commitment());
}

}  // namespace

bool ChangeSearches(const Facts& facts, Ruling& ruling) {
  switch (facts.command->act_case()) {
    case v1::Command::kIdentify:
    case v1::Command::kVerify:
      Intend(facts, ruling);
      return true;
    case v1::Command::kCalibrate:
    case v1::Command::kEvaluate:
      Measure(facts, ruling);
      return true;
    case v1::Command::kCalibrationOutcome:
      TakeCalibration(facts, ruling);
      return true;
    case v1::Command::kEvaluationOutcome:
      ruling.changes.emplace_back().set_removed_key(
          key::PendingSearch(facts.command->evaluation_outcome().search_id()));
      return true;
    case v1::Command::kRenewTemplate:
      Renew(facts, ruling);
      return true;
    case v1::Command::kSearchOutcome:
      Conclude(facts, ruling);
      return true;
    case v1::Command::kAdjudicate:
      Adjudicate(facts, ruling);
      return true;
    case v1::Command::kDisclose:
      Disclose(facts, ruling);
      return true;
    default:
      return false;
  }
}

}  // namespace kluis::policy
