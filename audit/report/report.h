// SPDX-License-Identifier: Apache-2.0
// The yearly account of a vault, from its log alone: what AI Act article 26(10) asks of who uses
// post-remote biometric identification, and the statistics that articles 24 and 25 of Directive
// 2016/680 let a supervisor ask for. It holds counts, names of authorities and purposes, and the
// reasons of orders; nothing of any case but its count.
//
// Years and months are UTC. Counts are of entries decided in the year; "at the end" is the state
// after the last of them. An object belongs to one thread. Memory does not grow with the log: there
// are counters, and ids of what is open (cases, running searches, pending erasures).
#ifndef KLUIS_AUDIT_REPORT_REPORT_H_
#define KLUIS_AUDIT_REPORT_REPORT_H_

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/log/log_directory.h"
#include "audit/report/upkeep_acts.h"
#include "audit/verifier_key.h"

namespace kluis::audit {

// What happened in cases. Only acts that were allowed count; refused ones are in `refusals`.
struct CaseActivity {
  uint64_t opened = 0;
  uint64_t approved = 0;         // by a second officer
  uint64_t warranted = 0;        // by a judge
  uint64_t refused = 0;          // by a judge
  uint64_t closed = 0;           // by an officer
  uint64_t expired = 0;          // the warrant's window ended
  uint64_t lapsed = 0;           // waited in vain for warrant and approval
  uint64_t searches = 0;         // 1:N searches begun
  uint64_t repeated_probes = 0;  // of them, with a probe that the case had before
  uint64_t hits = 0;             // at least one candidate
  uint64_t no_match = 0;
  uint64_t over_broad = 0;  // more matches than the cap: nothing was shown
  uint64_t aborted = 0;
  uint64_t confirmed = 0;  // judgements of candidates by officers
  uint64_t rejected = 0;
  uint64_t disclosures = 0;      // names told
  uint64_t delayed_notices = 0;  // of them, the subject is told later

  bool operator==(const CaseActivity&) const = default;
};

// One field of CaseActivity, for whoever prints all of them.
struct CaseFigure {
  const char* name;   // in JSON
  const char* title;  // for people
  uint64_t CaseActivity::*value;
};
std::span<const CaseFigure> CaseFigures();

struct AuthorityFigures {
  std::string id;  // 32 hex digits
  std::string name;
  CaseActivity cases;
  uint64_t received = 0;          // disclosures to this authority
  uint64_t refused_requests = 0;  // of its officers, by a rule
};

struct PurposeYear {
  std::string purpose;
  std::string title;
  CaseActivity cases;
  uint64_t enrolled = 0;
  uint64_t withdrawn = 0;
  uint64_t expired = 0;
  uint64_t replaced = 0;          // by a newer capture
  uint64_t lost = 0;              // with a database that was restored from a backup
  uint64_t verifications = 0;     // 1:1 comparisons begun
  uint64_t templates_at_end = 0;  // live, restricted ones too
};

struct MonthYear {
  CaseActivity cases;
  uint64_t enrolled = 0;
  uint64_t withdrawn = 0;
  uint64_t refused_requests = 0;
};

struct VerificationYear {
  uint64_t begun = 0;
  uint64_t match = 0;
  uint64_t no_match = 0;
  uint64_t aborted = 0;
};

struct ErasureYear {
  uint64_t done = 0;
  uint64_t pending_at_end = 0;
  std::map<int64_t, uint64_t> seconds;  // from its cause to EraseDone -> erasures

  // Of the erasures done; 0 when there are none. The median is the lower of two.
  int64_t MedianSeconds() const;
  int64_t MaxSeconds() const;
};

// What supervisors ordered about a purpose, or to inspect.
struct OrderYear {
  uint64_t log_index = 0;
  int64_t at = 0;
  std::string act;      // "stop", "lift", "inspect", "rotate", "calibrate" or "evaluate"
  std::string purpose;  // empty for an inspection
  std::string reasons;
  uint64_t signatures = 0;  // of supervisors
};

// A database that was lost, restored from a backup and rolled forward, on operators' orders.
struct RecoveryYear {
  uint64_t log_index = 0;
  int64_t at = 0;
  uint64_t from_size = 0;  // entries that the backup had
  uint64_t to_size = 0;    // and after rolling forward
  uint64_t lost_templates = 0;
  uint64_t lost_subjects = 0;
  std::string reasons;
  uint64_t signatures = 0;  // of operators
};

struct DowntimeYear {
  int64_t from = 0;  // the last entry before
  int64_t to = 0;    // the start of the service
};

struct YearReport {
  static constexpr size_t kMaxOrders = 1000;     // listed; all are counted
  static constexpr size_t kMaxDowntimes = 20;    // listed, the longest; all are counted
  static constexpr size_t kMaxReasons = 1000;    // counted apart; others together
  static constexpr size_t kMaxRecoveries = 100;  // listed; all are counted

  int year = 0;
  Checkpoint checkpoint;  // the log this was counted from, verified
  uint64_t entries = 0;   // decided in the year
  int64_t first_at = 0;   // the first and the last of them
  int64_t last_at = 0;
  bool year_over = false;  // the log goes on after the year's end

  CaseActivity total;
  std::vector<AuthorityFigures> authorities;  // in the order of their accreditation
  std::vector<PurposeYear> purposes;          // by name
  std::array<MonthYear, 12> months;
  std::map<std::string, uint64_t> opened_by_matter;                  // "offence"
  std::map<std::string, uint64_t> cases_by_state;                    // see CaseStates
  std::map<std::pair<std::string, std::string>, uint64_t> refusals;  // (reason, rule)
  uint64_t refused_requests = 0;

  uint64_t enrolled = 0;
  uint64_t withdrawn = 0;
  uint64_t expired = 0;
  uint64_t restricted = 0;           // by the subject: kept, and compared with nothing
  uint64_t restrictions_lifted = 0;  // by the subject
  uint64_t subjects_forgotten = 0;
  std::map<std::string, uint64_t> ended;  // templates by the reason of their end: "withdrawn"
  std::map<std::string, ErasureYear>
      erasures;  // "template", "case", "subject", "transform", "slot"
  VerificationYear verifications;
  uint64_t cases_read = 0;
  uint64_t access_requests = 0;

  uint64_t stops = 0;
  uint64_t lifts = 0;
  uint64_t inspections = 0;
  uint64_t rotations = 0;     // of a purpose's transform, ordered
  uint64_t calibrations = 0;  // of a purpose's cuts, ordered
  uint64_t evaluations = 0;   // of a purpose's error rates, ordered
  std::vector<OrderYear> orders;
  uint64_t accreditations = 0;
  uint64_t registrations = 0;
  uint64_t purposes_registered = 0;

  uint64_t seals = 0;   // of the vault, by an operator
  uint64_t rekeys = 0;  // new shares of the root key
  uint64_t recovered = 0;
  std::vector<RecoveryYear> recoveries;
  uint64_t renewed = 0;             // templates protected anew
  uint64_t rotations_finished = 0;  // no template is left under the old transform

  std::array<uint64_t, kUpkeepActs.size()> upkeep{};  // in the order of kUpkeepActs
  uint64_t time_unknown = 0;   // entries of allowed acts that were decided so
  uint64_t limited_calls = 0;  // not decided, as their caller was beyond its limits

  uint64_t starts = 0;       // of the service
  uint64_t down_count = 0;   // without the very first start
  int64_t down_seconds = 0;  // in the year
  std::vector<DowntimeYear> downtimes;
};

// Verifies the log in `directory` as `options` ask, and counts on the way; options.visit must be
// empty. A log that does not verify has no report. kInvalidArgument: a year that is not 1970 to
// 9999, or as LogDirectory::Verify, whose other codes are passed on too.
absl::StatusOr<YearReport> MakeYearReport(const std::string& directory, const VerifierKey& key,
                                          int year, VerifyOptions options = {});

// The report as one JSON object, as Markdown, and as an HTML page that needs nothing else. Text
// from the log is escaped.
std::string YearReportJson(const YearReport& report);
std::string YearReportMarkdown(const YearReport& report);
std::string YearReportHtml(const YearReport& report);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPORT_REPORT_H_
