// SPDX-License-Identifier: Apache-2.0
// What the three forms of a yearly report say in the same words. Pure functions, thread-safe.
#ifndef KLUIS_AUDIT_REPORT_TEXT_H_
#define KLUIS_AUDIT_REPORT_TEXT_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/report/report.h"

namespace kluis::audit {

inline constexpr std::array kMonthNames = {"January",   "February", "March",    "April",
                                           "May",       "June",     "July",     "August",
                                           "September", "October",  "November", "December"};

inline constexpr char kUrgentNote[] =
    "Urgent cases are not counted: this version of the vault has no urgent procedure, so the log "
    "has no urgent cases and none that lapsed.";

// "2026-11-22 19:03:21 UTC"; "-" for 0.
std::string ReportTime(int64_t unix_seconds);

// "3 s", "5 min", "2 h 10 min", "3 d 4 h".
std::string ReportSpan(int64_t seconds);

// "missing-person" for MATTER_MISSING_PERSON and its prefix MATTER_.
std::string EnumWord(const std::string& name, std::string_view prefix);

// A table: titles, then rows of as many cells. Cells are text from the log, not yet escaped.
struct ReportTable {
  std::string heading;
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
  std::string when_empty;  // said when there are no rows
  std::string note;        // said below it; may be empty
};

// Where the report comes from: (name, value).
std::vector<std::pair<std::string, std::string>> ReportSource(const YearReport& report);

// All tables of the report, in order.
std::vector<ReportTable> ReportTables(const YearReport& report);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPORT_TEXT_H_
