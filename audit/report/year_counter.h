// SPDX-License-Identifier: Apache-2.0
// Counts the entries of a log into a YearReport (audit/report/report.h). Not thread-safe.
#ifndef KLUIS_AUDIT_REPORT_YEAR_COUNTER_H_
#define KLUIS_AUDIT_REPORT_YEAR_COUNTER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "audit/report/report.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

class YearCounter {
 public:
  explicit YearCounter(int year);

  // The entries in order from index 0; those before the year are needed to know what is open.
  void Add(uint64_t index, const v1::Entry& entry);

  // What was counted; the checkpoint is for the caller to fill in.
  YearReport Finish() &&;

 private:
  struct OpenCase {
    std::string authority_id;
    std::string purpose;
    v1::CaseState state = v1::CASE_STATE_UNSPECIFIED;
  };
  struct RunningSearch {
    OpenCase kase;
    bool verification = false;
  };

  void CountDowntime(const v1::Entry& entry);
  void CountRefusal(const v1::Entry& entry);
  void CountAct(uint64_t index, const v1::Entry& entry);
  void CountCaseAct(const v1::Entry& entry);
  void CountOutcome(const v1::SearchOutcome& outcome);
  void CountEraseDone(const v1::EraseDone& done, int64_t now);
  void CountEnded(const v1::TemplateRecord& record);
  void ListRecovery(uint64_t index, const v1::Entry& entry);
  void ListOrder(uint64_t index, const v1::Entry& entry, const char* act,
                 const v1::StatementFacts& statement, const std::string& reasons,
                 const std::string& purpose);
  void CountCase(const OpenCase& kase, uint64_t CaseActivity::*figure);
  void Follow(const v1::Entry& entry, const v1::RecordChange& change);
  void FollowTemplate(const v1::Entry& entry, const v1::TemplateRecord& record);
  OpenCase CaseOf(const v1::Entry& entry) const;
  AuthorityFigures* Authority(const std::string& id);

  YearReport report_;
  int64_t begin_;  // unix seconds of the year, and of the next one
  int64_t end_;
  MonthYear* month_ = nullptr;  // of the entry that is being counted; null: not in the year
  int64_t previous_at_ = 0;
  bool served_ = false;  // there was a start before

  std::map<std::string, size_t> authority_index_;  // id -> in report_.authorities
  std::map<std::string, PurposeYear> purposes_;
  std::map<std::string, std::string> authority_of_member_;  // officer -> id
  std::map<std::string, OpenCase> cases_;                   // awaiting or active
  std::map<std::string, RunningSearch> searches_;
  std::map<std::pair<int, std::string>, int64_t> erasures_;  // (target, id) -> since
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPORT_YEAR_COUNTER_H_
