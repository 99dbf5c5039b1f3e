// SPDX-License-Identifier: Apache-2.0
// The yearly report as one JSON object. Times are unix seconds.
#include <nlohmann/json.hpp>

#include "audit/report/report.h"
#include "audit/report/text.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson Cases(const CaseActivity& cases) {
  OrderedJson json;
  for (const CaseFigure& figure : CaseFigures()) json[figure.name] = cases.*figure.value;
  return json;
}

OrderedJson AuthoritiesJson(const YearReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const AuthorityFigures& authority : report.authorities) {
    list.push_back({{"id", authority.id},
                    {"name", authority.name},
                    {"cases", Cases(authority.cases)},
                    {"disclosures_received", authority.received},
                    {"refused_requests", authority.refused_requests}});
  }
  return list;
}

OrderedJson PurposesJson(const YearReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const PurposeYear& purpose : report.purposes) {
    list.push_back({{"purpose", purpose.purpose},
                    {"title", purpose.title},
                    {"cases", Cases(purpose.cases)},
                    {"enrolled", purpose.enrolled},
                    {"withdrawn", purpose.withdrawn},
                    {"expired", purpose.expired},
                    {"replaced", purpose.replaced},
                    {"lost", purpose.lost},
                    {"verifications", purpose.verifications},
                    {"templates_at_end", purpose.templates_at_end}});
  }
  return list;
}

OrderedJson MonthsJson(const YearReport& report) {
  OrderedJson list = OrderedJson::array();
  for (size_t i = 0; i < report.months.size(); ++i) {
    const MonthYear& month = report.months[i];
    list.push_back({{"month", i + 1},
                    {"cases", Cases(month.cases)},
                    {"enrolled", month.enrolled},
                    {"withdrawn", month.withdrawn},
                    {"refused_requests", month.refused_requests}});
  }
  return list;
}

OrderedJson RefusalsJson(const YearReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const auto& [why, count] : report.refusals) {
    list.push_back({{"reason", why.first}, {"rule", why.second}, {"count", count}});
  }
  return list;
}

OrderedJson ErasuresJson(const YearReport& report) {
  OrderedJson json;
  for (const auto& [what, erasure] : report.erasures) {
    const bool any = erasure.done > 0;
    json[what] = {{"done", erasure.done},
                  {"pending_at_end", erasure.pending_at_end},
                  {"median_seconds", any ? OrderedJson(erasure.MedianSeconds()) : OrderedJson()},
                  {"max_seconds", any ? OrderedJson(erasure.MaxSeconds()) : OrderedJson()}};
  }
  return json;
}

OrderedJson OrdersJson(const YearReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const OrderYear& order : report.orders) {
    list.push_back({{"log_index", order.log_index},
                    {"at", order.at},
                    {"act", order.act},
                    {"purpose", order.purpose},
                    {"signatures", order.signatures},
                    {"reasons", order.reasons}});
  }
  return list;
}

OrderedJson RecoveriesJson(const YearReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const RecoveryYear& recovery : report.recoveries) {
    list.push_back({{"log_index", recovery.log_index},
                    {"at", recovery.at},
                    {"from_size", recovery.from_size},
                    {"to_size", recovery.to_size},
                    {"lost_templates", recovery.lost_templates},
                    {"lost_subjects", recovery.lost_subjects},
                    {"signatures", recovery.signatures},
                    {"reasons", recovery.reasons}});
  }
  return {{"count", report.recovered}, {"first", list}};
}

OrderedJson UpkeepJson(const YearReport& report) {
  OrderedJson json;
  for (size_t i = 0; i < kUpkeepActs.size(); ++i) json[kUpkeepActs[i].name] = report.upkeep[i];
  json["time_unknown"] = report.time_unknown;
  json["limited_calls"] = report.limited_calls;
  return json;
}

OrderedJson DowntimesJson(const YearReport& report) {
  OrderedJson list = OrderedJson::array();
  for (const DowntimeYear& down : report.downtimes) {
    list.push_back({{"from", down.from}, {"to", down.to}});
  }
  return {{"starts", report.starts},
          {"interruptions", report.down_count},
          {"seconds", report.down_seconds},
          {"longest", list}};
}

}  // namespace

std::string YearReportJson(const YearReport& report) {
  const VerificationYear& checks = report.verifications;
  OrderedJson json = {{"year", report.year},
                      {"verified", true},
                      {"log",
                       {{"origin", report.checkpoint.origin},
                        {"size", report.checkpoint.size},
                        {"root", base::ToBase64(crypto::Bytes(report.checkpoint.root))},
                        {"entries_of_year", report.entries},
                        {"first_at", report.first_at},
                        {"last_at", report.last_at},
                        {"year_over", report.year_over}}},
                      {"total", Cases(report.total)},
                      {"urgent_cases", nullptr},
                      {"urgent_cases_note", kUrgentNote},
                      {"opened_by_matter", report.opened_by_matter},
                      {"cases_by_state", report.cases_by_state},
                      {"authorities", AuthoritiesJson(report)},
                      {"purposes", PurposesJson(report)},
                      {"months", MonthsJson(report)},
                      {"refused_requests", report.refused_requests},
                      {"refusals", RefusalsJson(report)},
                      {"subjects",
                       {{"enrolled", report.enrolled},
                        {"withdrawn", report.withdrawn},
                        {"expired", report.expired},
                        {"access_requests", report.access_requests},
                        {"restricted", report.restricted},
                        {"restrictions_lifted", report.restrictions_lifted},
                        {"forgotten", report.subjects_forgotten}}},
                      {"templates_ended", report.ended},
                      {"erasures", ErasuresJson(report)},
                      {"verifications",
                       {{"begun", checks.begun},
                        {"match", checks.match},
                        {"no_match", checks.no_match},
                        {"aborted", checks.aborted}}},
                      {"consultations",
                       {{"cases_read", report.cases_read},
                        {"access_requests", report.access_requests},
                        {"inspections", report.inspections}}},
                      {"governance",
                       {{"stops", report.stops},
                        {"lifts", report.lifts},
                        {"inspections", report.inspections},
                        {"rotations", report.rotations},
                        {"calibrations", report.calibrations},
                        {"evaluations", report.evaluations},
                        {"accreditations", report.accreditations},
                        {"registrations", report.registrations},
                        {"purposes_registered", report.purposes_registered},
                        {"orders", OrdersJson(report)}}},
                      {"keys",
                       {{"seals", report.seals},
                        {"rekeys", report.rekeys},
                        {"rotations_finished", report.rotations_finished},
                        {"templates_renewed", report.renewed}}},
                      {"recoveries", RecoveriesJson(report)},
                      {"upkeep", UpkeepJson(report)},
                      {"downtime", DowntimesJson(report)}};
  // Names are UTF-8, as protobuf takes nothing else; were they not, dump would throw.
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace kluis::audit
