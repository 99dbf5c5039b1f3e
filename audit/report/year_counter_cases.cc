// SPDX-License-Identifier: Apache-2.0
// What YearCounter counts of cases and searches.
#include "audit/report/text.h"
#include "audit/report/year_counter.h"

namespace kluis::audit {

void YearCounter::CountCaseAct(const v1::Entry& entry) {
  const v1::Command& command = entry.command();
  const OpenCase kase = CaseOf(entry);
  switch (command.act_case()) {
    case v1::Command::kOpenCase:
      CountCase(kase, &CaseActivity::opened);
      ++report_.opened_by_matter[v1::Matter_IsValid(command.open_case().opening().matter())
                                     ? EnumWord(
                                           v1::Matter_Name(command.open_case().opening().matter()),
                                           "MATTER_")
                                     : "unspecified"];
      break;
    case v1::Command::kApproveCase:
      CountCase(kase, &CaseActivity::approved);
      break;
    case v1::Command::kIssueWarrant:
      CountCase(kase, &CaseActivity::warranted);
      break;
    case v1::Command::kRefuseWarrant:
      CountCase(kase, &CaseActivity::refused);
      break;
    case v1::Command::kCloseCase:
      CountCase(kase, &CaseActivity::closed);
      break;
    case v1::Command::kEndCase:  // of a case whose retention ends, nothing of it changes yet
      if (kase.state == v1::CASE_STATE_EXPIRED) CountCase(kase, &CaseActivity::expired);
      if (kase.state == v1::CASE_STATE_LAPSED) CountCase(kase, &CaseActivity::lapsed);
      break;
    case v1::Command::kIdentify:
      CountCase(kase, &CaseActivity::searches);
      if (command.identify().repeated_probe()) CountCase(kase, &CaseActivity::repeated_probes);
      break;
    case v1::Command::kAdjudicate:
      CountCase(kase, command.adjudicate().adjudication().verdict() == v1::VERDICT_CONFIRMED
                          ? &CaseActivity::confirmed
                          : &CaseActivity::rejected);
      break;
    case v1::Command::kDisclose:
      for (const v1::RecordChange& change : entry.changes()) {
        if (!change.has_disclosure()) continue;  // told again: counted before
        CountCase(kase, &CaseActivity::disclosures);
        const v1::DisclosureRecord& told = change.disclosure();
        if (told.notice_at() > told.disclosed_at()) {
          CountCase(kase, &CaseActivity::delayed_notices);
        }
        if (AuthorityFigures* const to = Authority(told.recipient_authority_id())) ++to->received;
      }
      break;
    default:
      break;
  }
}

void YearCounter::CountOutcome(const v1::SearchOutcome& outcome) {
  const auto search = searches_.find(outcome.search_id());
  if (search == searches_.end()) return;
  VerificationYear& checks = report_.verifications;
  const bool check = search->second.verification;
  const OpenCase& kase = search->second.kase;
  switch (outcome.result()) {
    case v1::SEARCH_RESULT_MATCH:
      return check ? void(++checks.match) : CountCase(kase, &CaseActivity::hits);
    case v1::SEARCH_RESULT_NO_MATCH:
      return check ? void(++checks.no_match) : CountCase(kase, &CaseActivity::no_match);
    case v1::SEARCH_RESULT_OVER_BROAD:
      return CountCase(kase, &CaseActivity::over_broad);
    case v1::SEARCH_RESULT_ABORTED:
      return check ? void(++checks.aborted) : CountCase(kase, &CaseActivity::aborted);
    default:
      return;
  }
}

void YearCounter::CountCase(const OpenCase& kase, uint64_t CaseActivity::*figure) {
  ++(report_.total.*figure);
  ++(month_->cases.*figure);
  ++(purposes_[kase.purpose].cases.*figure);
  if (AuthorityFigures* const authority = Authority(kase.authority_id)) {
    ++(authority->cases.*figure);
  }
}

// The case that an entry is about: as it leaves it, or as it stands.
YearCounter::OpenCase YearCounter::CaseOf(const v1::Entry& entry) const {
  std::string id;
  for (const v1::RecordChange& change : entry.changes()) {
    if (change.has_case_()) {
      const v1::CaseRecord& record = change.case_();
      return {record.authority_id(), record.opening().purpose(), record.state()};
    }
    if (change.has_case_use()) id = change.case_use().case_id();
    if (change.has_candidate()) id = change.candidate().case_id();
  }
  const auto found = cases_.find(id);
  return found == cases_.end() ? OpenCase{} : found->second;
}

}  // namespace kluis::audit
