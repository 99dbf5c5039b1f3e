// SPDX-License-Identifier: Apache-2.0
#include "audit/report/year_counter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "audit/report/text.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

constexpr char kOtherReasons[] = "(other)";

int64_t YearBegin(int year) {
  const std::chrono::sys_days day =
      std::chrono::year(year) / std::chrono::January / std::chrono::day(1);
  return std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch()).count();
}

// 0 to 11.
size_t MonthOf(int64_t unix_seconds) {
  const auto day = std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(unix_seconds)));
  return static_cast<unsigned>(std::chrono::year_month_day(day).month()) - 1;
}

std::string TargetWord(int target) {
  return v1::ErasureTarget_IsValid(target)
             ? EnumWord(v1::ErasureTarget_Name(static_cast<v1::ErasureTarget>(target)),
                        "ERASURE_TARGET_")
             : "unspecified";
}

std::string EndWord(v1::EndReason reason) {
  return v1::EndReason_IsValid(reason) ? EnumWord(v1::EndReason_Name(reason), "END_REASON_")
                                       : "unspecified";
}

std::string StateWord(v1::CaseState state) {
  return EnumWord(v1::CaseState_Name(state), "CASE_STATE_");
}

bool IsOpen(v1::CaseState state) {
  return state == v1::CASE_STATE_AWAITING_WARRANT || state == v1::CASE_STATE_ACTIVE;
}

}  // namespace

YearCounter::YearCounter(int year) : begin_(YearBegin(year)), end_(YearBegin(year + 1)) {
  report_.year = year;
  for (const v1::CaseState state :
       {v1::CASE_STATE_AWAITING_WARRANT, v1::CASE_STATE_ACTIVE, v1::CASE_STATE_CLOSED,
        v1::CASE_STATE_REFUSED, v1::CASE_STATE_EXPIRED, v1::CASE_STATE_LAPSED}) {
    report_.cases_by_state[StateWord(state)] = 0;
  }
  for (const v1::ErasureTarget target :
       {v1::ERASURE_TARGET_TEMPLATE, v1::ERASURE_TARGET_CASE, v1::ERASURE_TARGET_SUBJECT,
        v1::ERASURE_TARGET_TRANSFORM, v1::ERASURE_TARGET_SLOT, v1::ERASURE_TARGET_AUTHORITY_YEAR}) {
    report_.erasures[TargetWord(target)];
  }
  for (const v1::EndReason reason : {v1::END_REASON_WITHDRAWN, v1::END_REASON_EXPIRED,
                                     v1::END_REASON_REPLACED, v1::END_REASON_LOST}) {
    report_.ended[EndWord(reason)] = 0;
  }
}

void YearCounter::Add(uint64_t index, const v1::Entry& entry) {
  const int64_t now = entry.decided_at();
  if (entry.command().has_start_service() && entry.decision().allowed()) CountDowntime(entry);
  previous_at_ = now;
  if (now >= end_) {
    report_.year_over = true;
    return;
  }
  month_ = now >= begin_ ? &report_.months[MonthOf(now)] : nullptr;
  if (month_ != nullptr) {
    if (report_.entries++ == 0) report_.first_at = now;
    report_.last_at = now;
    if (entry.decision().allowed()) {
      CountAct(index, entry);
    } else {
      CountRefusal(entry);
    }
  }
  const OpenCase kase = CaseOf(entry);
  for (const v1::RecordChange& change : entry.changes()) {
    if (change.has_pending_search() &&
        change.pending_search().measurement() == v1::MEASUREMENT_UNSPECIFIED) {
      searches_[change.pending_search().id()] = {kase, entry.command().has_verify()};
    }
    Follow(entry, change);
  }
  if (entry.command().has_search_outcome() && entry.decision().allowed()) {
    searches_.erase(entry.command().search_outcome().search_id());
  }
  if (entry.command().has_erase_done() && entry.decision().allowed()) {
    const v1::EraseDone& done = entry.command().erase_done();
    erasures_.erase({done.target(), done.id()});
  }
}

YearReport YearCounter::Finish() && {
  for (const auto& [id, kase] : cases_) ++report_.cases_by_state[StateWord(kase.state)];
  report_.cases_by_state[StateWord(v1::CASE_STATE_CLOSED)] = report_.total.closed;
  report_.cases_by_state[StateWord(v1::CASE_STATE_REFUSED)] = report_.total.refused;
  report_.cases_by_state[StateWord(v1::CASE_STATE_EXPIRED)] = report_.total.expired;
  report_.cases_by_state[StateWord(v1::CASE_STATE_LAPSED)] = report_.total.lapsed;
  for (const auto& [what, since] : erasures_) {
    ++report_.erasures[TargetWord(what.first)].pending_at_end;
  }
  for (auto& [name, purpose] : purposes_) {
    purpose.purpose = name;
    report_.purposes.push_back(std::move(purpose));
  }
  return std::move(report_);
}

// The vault was down from the entry before a start to the start; the very first start ends nothing.
void YearCounter::CountDowntime(const v1::Entry& entry) {
  const DowntimeYear down = {std::max(previous_at_, begin_), std::min(entry.decided_at(), end_)};
  const bool first = !std::exchange(served_, true);
  if (entry.decided_at() >= begin_ && entry.decided_at() < end_) ++report_.starts;
  if (first || down.to < begin_ || down.from >= end_ || down.to < down.from) return;
  ++report_.down_count;
  report_.down_seconds += down.to - down.from;
  std::vector<DowntimeYear>& longest = report_.downtimes;
  const auto place = std::find_if(longest.begin(), longest.end(), [&](const DowntimeYear& other) {
    return other.to - other.from < down.to - down.from;
  });
  longest.insert(place, down);
  if (longest.size() > YearReport::kMaxDowntimes) longest.pop_back();
}

void YearCounter::CountRefusal(const v1::Entry& entry) {
  const v1::Decision& decision = entry.decision();
  std::pair<std::string, std::string> why(decision.reason(), decision.rule());
  const bool known = report_.refusals.find(why) != report_.refusals.end();
  if (!known && report_.refusals.size() >= YearReport::kMaxReasons) why = {kOtherReasons, ""};
  ++report_.refusals[why];
  ++report_.refused_requests;
  ++month_->refused_requests;
  const v1::Caller& caller = entry.command().caller();
  if (caller.role() != v1::ROLE_OFFICER) return;
  const auto member = authority_of_member_.find(caller.name());
  if (member == authority_of_member_.end()) return;
  if (AuthorityFigures* const authority = Authority(member->second)) ++authority->refused_requests;
}

void YearCounter::CountAct(uint64_t index, const v1::Entry& entry) {
  const v1::Command& command = entry.command();
  if (command.time_unknown()) ++report_.time_unknown;
  for (size_t i = 0; i < kUpkeepActs.size(); ++i) {
    if (command.act_case() == kUpkeepActs[i].act) ++report_.upkeep[i];
  }
  switch (command.act_case()) {
    case v1::Command::kAccredit:
      ++report_.accreditations;
      break;
    case v1::Command::kRegister:
      ++report_.registrations;
      break;
    case v1::Command::kRegisterPurpose:
      ++report_.purposes_registered;
      break;
    case v1::Command::kStop:
      ++report_.stops;
      ListOrder(index, entry, "stop", command.stop().statement(), command.stop().order().reasons(),
                command.stop().order().purpose());
      break;
    case v1::Command::kLift:
      ++report_.lifts;
      ListOrder(index, entry, "lift", command.lift().statement(), command.lift().order().reasons(),
                command.lift().order().purpose());
      break;
    case v1::Command::kInspect:
      ++report_.inspections;
      ListOrder(index, entry, "inspect", command.inspect().statement(),
                command.inspect().order().reasons(), "");
      break;
    case v1::Command::kRotateTransform:
      ++report_.rotations;
      ListOrder(index, entry, "rotate", command.rotate_transform().statement(),
                command.rotate_transform().order().reasons(),
                command.rotate_transform().order().purpose());
      break;
    case v1::Command::kCalibrate:
      ++report_.calibrations;
      ListOrder(index, entry, "calibrate", command.calibrate().statement(),
                command.calibrate().order().reasons(), command.calibrate().order().purpose());
      break;
    case v1::Command::kEvaluate:
      ++report_.evaluations;
      ListOrder(index, entry, "evaluate", command.evaluate().statement(),
                command.evaluate().order().reasons(), command.evaluate().order().purpose());
      break;
    case v1::Command::kRenewTemplate:
      ++report_.renewed;
      break;
    case v1::Command::kFinishRotation:
      ++report_.rotations_finished;
      break;
    case v1::Command::kSealService:
      ++report_.seals;
      break;
    case v1::Command::kRekey:
      ++report_.rekeys;
      break;
    case v1::Command::kCountLimited:
      report_.limited_calls += command.count_limited().calls();
      break;
    case v1::Command::kRecover:
      ListRecovery(index, entry);
      break;
    case v1::Command::kEnroll:
      ++report_.enrolled;
      ++month_->enrolled;
      ++purposes_[command.enroll().consent_purpose()].enrolled;
      break;
    case v1::Command::kWithdraw:
      ++report_.withdrawn;
      ++month_->withdrawn;
      ++purposes_[command.withdraw().purpose()].withdrawn;
      break;
    case v1::Command::kAccess:
      ++report_.access_requests;
      break;
    case v1::Command::kRestrict:
      ++report_.restricted;
      break;
    case v1::Command::kLiftRestriction:
      ++report_.restrictions_lifted;
      break;
    case v1::Command::kReadCase:
      ++report_.cases_read;
      break;
    case v1::Command::kVerify:
      ++report_.verifications.begun;
      ++purposes_[command.verify().purpose()].verifications;
      break;
    case v1::Command::kExpireTemplate:
      ++report_.expired;
      for (const v1::RecordChange& change : entry.changes()) {
        if (change.has_template_()) ++purposes_[change.template_().purpose()].expired;
      }
      break;
    case v1::Command::kSearchOutcome:
      CountOutcome(command.search_outcome());
      break;
    case v1::Command::kEraseDone:
      CountEraseDone(command.erase_done(), entry.decided_at());
      break;
    default:
      CountCaseAct(entry);
  }
}

void YearCounter::CountEraseDone(const v1::EraseDone& done, int64_t now) {
  const auto since = erasures_.find({done.target(), done.id()});
  if (since == erasures_.end()) return;
  ErasureYear& erasure = report_.erasures[TargetWord(done.target())];
  ++erasure.done;
  ++erasure.seconds[now - since->second];
  if (done.target() == v1::ERASURE_TARGET_SUBJECT) ++report_.subjects_forgotten;
}

void YearCounter::CountEnded(const v1::TemplateRecord& record) {
  ++report_.ended[EndWord(record.end_reason())];
  PurposeYear& purpose = purposes_[record.purpose()];
  if (record.end_reason() == v1::END_REASON_REPLACED) ++purpose.replaced;
  if (record.end_reason() == v1::END_REASON_LOST) ++purpose.lost;
}

void YearCounter::ListRecovery(uint64_t index, const v1::Entry& entry) {
  ++report_.recovered;
  if (report_.recoveries.size() >= YearReport::kMaxRecoveries) return;
  const v1::Recover& recover = entry.command().recover();
  report_.recoveries.push_back({index, entry.decided_at(), recover.from_size(), recover.to_size(),
                                recover.lost_templates(), recover.lost_subjects(),
                                recover.order().reasons(),
                                static_cast<uint64_t>(recover.statement().signed_by_size())});
}

void YearCounter::ListOrder(uint64_t index, const v1::Entry& entry, const char* act,
                            const v1::StatementFacts& statement, const std::string& reasons,
                            const std::string& purpose) {
  if (report_.orders.size() >= YearReport::kMaxOrders) return;
  report_.orders.push_back({index, entry.decided_at(), act, purpose, reasons,
                            static_cast<uint64_t>(statement.signed_by_size())});
}

// Keeps what later entries are counted by.
void YearCounter::Follow(const v1::Entry& entry, const v1::RecordChange& change) {
  if (change.has_authority()) {
    const v1::AuthorityRecord& record = change.authority();
    authority_index_.emplace(record.id(), report_.authorities.size());
    report_.authorities.push_back({base::ToHex(record.id()), record.name(), {}, 0, 0});
  } else if (change.has_member()) {
    const v1::MemberRecord& record = change.member();
    if (record.role() == v1::ROLE_OFFICER) {
      authority_of_member_[record.name()] = record.authority_id();
    }
  } else if (change.has_purpose()) {
    const v1::PurposeRegistration& registration = change.purpose().registration();
    purposes_[registration.purpose()].title = registration.title();
  } else if (change.has_case_()) {
    const v1::CaseRecord& record = change.case_();
    if (!IsOpen(record.state())) {
      cases_.erase(record.id());
      return;
    }
    cases_[record.id()] = {record.authority_id(), record.opening().purpose(), record.state()};
  } else if (change.has_template_()) {
    FollowTemplate(entry, change.template_());
  } else if (change.has_pending_erasure()) {
    const v1::PendingErasure& erasure = change.pending_erasure();
    erasures_.emplace(std::pair(erasure.target(), erasure.id()), entry.decided_at());
  }
}

// An active record that no enrolment wrote is one that was there before, protected anew. A log may
// also end what it never enrolled: nothing but a replay looks at that.
void YearCounter::FollowTemplate(const v1::Entry& entry, const v1::TemplateRecord& record) {
  PurposeYear& purpose = purposes_[record.purpose()];
  if (record.state() == v1::TEMPLATE_STATE_ACTIVE && entry.command().has_enroll()) {
    ++purpose.templates_at_end;
  } else if (record.state() == v1::TEMPLATE_STATE_ERASING) {
    if (purpose.templates_at_end > 0) --purpose.templates_at_end;
    if (month_ != nullptr) CountEnded(record);
  }
}

AuthorityFigures* YearCounter::Authority(const std::string& id) {
  const auto found = authority_index_.find(id);
  return found == authority_index_.end() ? nullptr : &report_.authorities[found->second];
}

}  // namespace kluis::audit
