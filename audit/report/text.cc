// SPDX-License-Identifier: Apache-2.0
#include "audit/report/text.h"

#include <ctime>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

constexpr size_t kMaxOwnerColumns = 6;

std::string Number(uint64_t value) { return absl::StrCat(value); }

// One row for each figure, one column for each owner of figures.
template <class Owner>
ReportTable CaseTable(std::string heading, const std::vector<Owner>& owners,
                      const std::string Owner::*name) {
  ReportTable table{std::move(heading), {"figure"}, {}, "none", ""};
  for (const Owner& owner : owners) table.titles.push_back(owner.*name);
  if (owners.empty()) return table;
  for (const CaseFigure& figure : CaseFigures()) {
    std::vector<std::string> row = {figure.title};
    for (const Owner& owner : owners) row.push_back(Number(owner.cases.*figure.value));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// A table with a column for each of many owners, as one row for each count above zero.
void MakeLong(const char* owner, ReportTable& table) {
  if (table.titles.size() <= kMaxOwnerColumns + 1) return;
  std::vector<std::vector<std::string>> rows;
  for (size_t column = 1; column < table.titles.size(); ++column) {
    for (const std::vector<std::string>& row : table.rows) {
      if (row[column] != "0") rows.push_back({table.titles[column], row[0], row[column]});
    }
  }
  table.titles = {owner, "figure", "count"};
  table.rows = std::move(rows);
  absl::StrAppend(&table.note, table.note.empty() ? "" : ". ", "What is not listed is 0.");
}

ReportTable Totals(const YearReport& report) {
  ReportTable table{"Cases and searches", {"figure", "count"}, {}, "none", kUrgentNote};
  for (const CaseFigure& figure : CaseFigures()) {
    table.rows.push_back({figure.title, Number(report.total.*figure.value)});
  }
  for (const auto& [matter, count] : report.opened_by_matter) {
    table.rows.push_back({absl::StrCat("cases opened: ", matter), Number(count)});
  }
  return table;
}

ReportTable Authorities(const YearReport& report) {
  ReportTable table = CaseTable("By authority", report.authorities, &AuthorityFigures::name);
  table.when_empty = "no authority was accredited";
  if (report.authorities.empty()) return table;
  std::vector<std::string> received = {"disclosures received"};
  std::vector<std::string> refused = {"requests refused by a rule"};
  for (const AuthorityFigures& authority : report.authorities) {
    received.push_back(Number(authority.received));
    refused.push_back(Number(authority.refused_requests));
  }
  table.rows.push_back(std::move(received));
  table.rows.push_back(std::move(refused));
  MakeLong("authority", table);
  return table;
}

ReportTable Purposes(const YearReport& report) {
  ReportTable table = CaseTable("By purpose", report.purposes, &PurposeYear::purpose);
  table.when_empty = "no purpose was registered";
  if (report.purposes.empty()) return table;
  const std::pair<const char*, uint64_t PurposeYear::*> figures[] = {
      {"templates enrolled", &PurposeYear::enrolled},
      {"consents withdrawn", &PurposeYear::withdrawn},
      {"consents expired", &PurposeYear::expired},
      {"templates replaced by a newer capture", &PurposeYear::replaced},
      {"templates lost with a database", &PurposeYear::lost},
      {"1:1 verifications", &PurposeYear::verifications},
      {"templates at the end", &PurposeYear::templates_at_end}};
  for (const auto& [title, value] : figures) {
    std::vector<std::string> row = {title};
    for (const PurposeYear& purpose : report.purposes) row.push_back(Number(purpose.*value));
    table.rows.push_back(std::move(row));
  }
  for (const PurposeYear& purpose : report.purposes) {
    absl::StrAppend(&table.note, table.note.empty() ? "" : "; ", purpose.purpose, ": ",
                    purpose.title);
  }
  MakeLong("purpose", table);
  return table;
}

ReportTable Months(const YearReport& report) {
  ReportTable table{"By month",
                    {"month", "cases opened", "searches", "hits", "disclosures", "enrolled",
                     "withdrawn", "requests refused"},
                    {},
                    "none",
                    ""};
  for (size_t i = 0; i < report.months.size(); ++i) {
    const MonthYear& month = report.months[i];
    table.rows.push_back({kMonthNames[i], Number(month.cases.opened), Number(month.cases.searches),
                          Number(month.cases.hits), Number(month.cases.disclosures),
                          Number(month.enrolled), Number(month.withdrawn),
                          Number(month.refused_requests)});
  }
  return table;
}

ReportTable States(const YearReport& report) {
  ReportTable table{"Cases by state",
                    {"state", "cases"},
                    {},
                    "none",
                    "Waiting and active: at the end. Closed, refused, expired and lapsed: in the "
                    "year."};
  for (const auto& [state, count] : report.cases_by_state) {
    table.rows.push_back({state, Number(count)});
  }
  return table;
}

ReportTable Refusals(const YearReport& report) {
  ReportTable table{"Refused requests", {"reason", "rule", "count"}, {}, "none", ""};
  for (const auto& [why, count] : report.refusals) {
    table.rows.push_back({why.first, why.second, Number(count)});
  }
  table.note = absl::StrCat("All refusals together: ", report.refused_requests, ".");
  return table;
}

ReportTable Subjects(const YearReport& report) {
  ReportTable table{"Subjects and their rights", {"figure", "count"}, {}, "none", ""};
  table.rows = {{"templates enrolled", Number(report.enrolled)},
                {"consents withdrawn", Number(report.withdrawn)},
                {"consents expired", Number(report.expired)},
                {"access requests answered", Number(report.access_requests)},
                {"templates restricted", Number(report.restricted)},
                {"restrictions lifted", Number(report.restrictions_lifted)},
                {"subjects forgotten", Number(report.subjects_forgotten)}};
  for (const auto& [reason, count] : report.ended) {
    table.rows.push_back({absl::StrCat("templates ended: ", reason), Number(count)});
  }
  return table;
}

ReportTable Erasures(const YearReport& report) {
  ReportTable table{"Erasures",
                    {"what", "done", "pending at the end", "median time", "longest time"},
                    {},
                    "none",
                    "From the entry that causes an erasure to the entry that says it is done: the "
                    "key destroyed, and the bytes in no file of the database."};
  for (const auto& [what, erasure] : report.erasures) {
    const bool any = erasure.done > 0;
    table.rows.push_back({what, Number(erasure.done), Number(erasure.pending_at_end),
                          any ? ReportSpan(erasure.MedianSeconds()) : "-",
                          any ? ReportSpan(erasure.MaxSeconds()) : "-"});
  }
  return table;
}

ReportTable Consultations(const YearReport& report) {
  const VerificationYear& checks = report.verifications;
  ReportTable table{"Verifications and consultations", {"figure", "count"}, {}, "none", ""};
  table.rows = {{"1:1 verifications", Number(checks.begun)},
                {"1:1 verifications: match", Number(checks.match)},
                {"1:1 verifications: no match", Number(checks.no_match)},
                {"1:1 verifications: aborted", Number(checks.aborted)},
                {"cases and lists of cases read", Number(report.cases_read)},
                {"access requests", Number(report.access_requests)},
                {"inspections by supervisors", Number(report.inspections)}};
  return table;
}

ReportTable Orders(const YearReport& report) {
  ReportTable table{"Orders of supervisors",
                    {"entry", "time", "order", "purpose", "signatures", "reasons"},
                    {},
                    "none",
                    ""};
  for (const OrderYear& order : report.orders) {
    table.rows.push_back({Number(order.log_index), ReportTime(order.at), order.act,
                          order.purpose.empty() ? "-" : order.purpose, Number(order.signatures),
                          order.reasons});
  }
  table.note = absl::StrCat(
      "Stops: ", report.stops, ", lifts: ", report.lifts, ", inspections: ", report.inspections,
      ", rotations: ", report.rotations, ", calibrations: ", report.calibrations,
      ", evaluations: ", report.evaluations, ". Authorities accredited: ", report.accreditations,
      ", keys registered: ", report.registrations,
      ", purposes registered: ", report.purposes_registered, ".");
  const uint64_t orders = report.stops + report.lifts + report.inspections + report.rotations +
                          report.calibrations + report.evaluations;
  if (orders > report.orders.size()) {
    absl::StrAppend(&table.note, " Only the first ", report.orders.size(), " orders are listed.");
  }
  return table;
}

ReportTable Recoveries(const YearReport& report) {
  ReportTable table{"Recoveries of the database",
                    {"entry", "time", "from size", "to size", "templates lost", "subjects lost",
                     "signatures", "reasons"},
                    {},
                    "none",
                    "From: the entries that the backup had. To: those after it was rolled forward "
                    "from the published log."};
  for (const RecoveryYear& recovery : report.recoveries) {
    table.rows.push_back({Number(recovery.log_index), ReportTime(recovery.at),
                          Number(recovery.from_size), Number(recovery.to_size),
                          Number(recovery.lost_templates), Number(recovery.lost_subjects),
                          Number(recovery.signatures), recovery.reasons});
  }
  if (report.recovered > report.recoveries.size()) {
    absl::StrAppend(&table.note, " Only the first ", report.recoveries.size(), " of ",
                    report.recovered, " are listed.");
  }
  return table;
}

ReportTable Keys(const YearReport& report) {
  ReportTable table{"Keys of the vault", {"figure", "count"}, {}, "none", ""};
  table.rows = {{"sealed by an operator", Number(report.seals)},
                {"new shares of the root key", Number(report.rekeys)},
                {"rotations of a purpose's transform ordered", Number(report.rotations)},
                {"rotations finished", Number(report.rotations_finished)},
                {"templates protected anew", Number(report.renewed)}};
  return table;
}

ReportTable Upkeep(const YearReport& report) {
  ReportTable table{"Upkeep, the clock and limits",
                    {"figure", "count"},
                    {},
                    "none",
                    "While the vault did not know the time, withdrawals, restrictions, stops and "
                    "access went on, and nothing was granted. A call beyond its caller's limits is "
                    "not decided."};
  for (size_t i = 0; i < kUpkeepActs.size(); ++i) {
    table.rows.push_back({kUpkeepActs[i].words, Number(report.upkeep[i])});
  }
  table.rows.push_back({"acts while the time was unknown", Number(report.time_unknown)});
  table.rows.push_back({"calls beyond the limits", Number(report.limited_calls)});
  return table;
}

ReportTable Downtimes(const YearReport& report) {
  ReportTable table{"Downtime", {"from", "to", "length"}, {}, "none", ""};
  for (const DowntimeYear& down : report.downtimes) {
    table.rows.push_back(
        {ReportTime(down.from), ReportTime(down.to), ReportSpan(down.to - down.from)});
  }
  table.note =
      absl::StrCat("Starts of the service: ", report.starts, ", interruptions: ", report.down_count,
                   ", together ", ReportSpan(report.down_seconds),
                   ". The log does not say whether the vault runs after its last entry.");
  return table;
}

}  // namespace

std::string ReportTime(int64_t unix_seconds) {
  if (unix_seconds == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixSeconds(unix_seconds),
                          absl::UTCTimeZone());
}

std::string ReportSpan(int64_t seconds) {
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  if (seconds >= kDay) return absl::StrCat(seconds / kDay, " d ", seconds % kDay / kHour, " h");
  if (seconds >= kHour) {
    return absl::StrCat(seconds / kHour, " h ", seconds % kHour / kMinute, " min");
  }
  if (seconds >= kMinute) {
    return absl::StrCat(seconds / kMinute, " min ", seconds % kMinute, " s");
  }
  return absl::StrCat(seconds, " s");
}

std::string EnumWord(const std::string& name, std::string_view prefix) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name.substr(prefix.size())), {{"_", "-"}});
}

std::vector<std::pair<std::string, std::string>> ReportSource(const YearReport& report) {
  return {{"log", report.checkpoint.origin},
          {"size of the log", Number(report.checkpoint.size)},
          {"signed root", base::ToBase64(crypto::Bytes(report.checkpoint.root))},
          {"entries of the year", Number(report.entries)},
          {"first entry of the year", ReportTime(report.first_at)},
          {"last entry of the year", ReportTime(report.last_at)},
          {"year over", report.year_over ? "yes: the log goes on after it"
                                         : "no: the log ends before the year does, or with it"}};
}

std::vector<ReportTable> ReportTables(const YearReport& report) {
  return {Totals(report), Authorities(report),   Purposes(report), Months(report),
          States(report), Refusals(report),      Subjects(report), Erasures(report),
          Keys(report),   Consultations(report), Orders(report),   Recoveries(report),
          Upkeep(report), Downtimes(report)};
}

}  // namespace kluis::audit
