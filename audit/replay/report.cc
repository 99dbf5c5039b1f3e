// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/report.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "audit/visible_text.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct Named {
  std::string_view verdict;
  const Mismatches* mismatches;
};

std::vector<Named> AllMismatches(const ReplayReport& report) {
  std::vector<Named> all = {{"completeness", &report.completeness.mismatches},
                            {"state", &report.state.mismatches},
                            {"decisions", &report.decisions.mismatches}};
  if (report.details.has_value()) all.push_back({"details", &report.details->mismatches});
  return all;
}

std::string Head(std::string_view verdict, bool holds) {
  return absl::StrFormat("%-14s%s\n", std::string(verdict), holds ? "holds" : "DOES NOT HOLD");
}

std::string CountLine(uint64_t count, std::string_view what) {
  return absl::StrFormat("  %12d  %s\n", count, std::string(what));
}

std::string TextOf(const ReplayMismatch& mismatch, std::string_view verdict) {
  std::string text = absl::StrCat("MISMATCH  entry ", mismatch.index, "  ", std::string(verdict));
  if (!mismatch.recorded.empty()) {
    absl::StrAppend(&text, "  recorded ", VisibleText(mismatch.recorded), ", expected ",
                    VisibleText(mismatch.expected));
  }
  return absl::StrCat(text, ": ", VisibleText(mismatch.reason), "\n");
}

OrderedJson JsonOf(const ReplayMismatch& mismatch, std::string_view verdict) {
  return OrderedJson{{"index", mismatch.index},
                     {"verdict", std::string(verdict)},
                     {"recorded_rule", mismatch.recorded},
                     {"expected_rule", mismatch.expected},
                     {"reason", mismatch.reason}};
}

std::string IntegrityText(const IntegrityVerdict& integrity) {
  std::string text = Head("integrity", integrity.status.ok());
  text += CountLine(integrity.entries, "entries");
  text += CountLine(integrity.witnesses, "witnesses cosigned");
  if (!integrity.status.ok()) {
    absl::StrAppend(&text, "  ", VisibleText(std::string(integrity.status.message())), "\n");
  }
  return text;
}

std::string CompletenessText(const CompletenessVerdict& completeness) {
  std::string text = Head("completeness", completeness.mismatches.count() == 0);
  text += CountLine(completeness.searches, "searches");
  text += CountLine(completeness.concluded, "  with their one outcome");
  text += CountLine(completeness.open_searches, "  open at the end");
  text += CountLine(completeness.erasures, "erasures started");
  text += CountLine(completeness.erased, "  done");
  text += CountLine(completeness.open_erasures, "  open at the end");
  text += CountLine(completeness.closings, "checkpoints closed");
  text += CountLine(completeness.restarts, "restarts");
  for (const Downtime& downtime : completeness.downtimes) {
    absl::StrAppend(&text, "                  down from ", downtime.from, " to ", downtime.to,
                    " (unix seconds), entry ", downtime.index, "\n");
  }
  text += CountLine(completeness.mismatches.count(), "mismatches");
  return text;
}

std::string StateText(const StateVerdict& state) {
  return Head("state", state.mismatches.count() == 0) +
         CountLine(state.compared, "state digests compared") +
         CountLine(state.records, "records at the end") +
         CountLine(state.mismatches.count(), "mismatches");
}

std::string DecisionText(const DecisionVerdict& decisions) {
  return Head("decisions", decisions.mismatched == 0) + CountLine(decisions.replayed, "REPLAYED") +
         CountLine(decisions.erased, "ERASED") + CountLine(decisions.mismatched, "MISMATCH") +
         CountLine(decisions.other_rules, "  decided by other rules than this program's") +
         CountLine(decisions.statements, "statements read again") +
         CountLine(decisions.signatures, "  their signatures verified again");
}

std::string DetailText(const DetailVerdict& details) {
  return Head("details", details.mismatches.count() == 0) +
         CountLine(details.opened, "commitments opened and found true") +
         CountLine(details.erased, "erased") +
         CountLine(details.not_kept, "of refused acts, never kept") +
         CountLine(details.withheld, "withheld") +
         CountLine(details.mismatches.count(), "mismatches");
}

}  // namespace

bool ReplayReport::clean() const {
  return integrity.status.ok() && completeness.mismatches.count() == 0 &&
         state.mismatches.count() == 0 && decisions.mismatched == 0 &&
         (!details.has_value() || details->mismatches.count() == 0);
}

std::string ReplayText(const ReplayReport& report, size_t listed) {
  std::string text = absl::StrCat("origin        ", report.checkpoint.origin, "\nroot          ",
                                  base::ToBase64(crypto::Bytes(report.integrity.root)), "\n");
  text += IntegrityText(report.integrity) + CompletenessText(report.completeness) +
          StateText(report.state) + DecisionText(report.decisions);
  if (report.details.has_value()) text += DetailText(*report.details);
  for (const Named& named : AllMismatches(report)) {
    size_t shown = 0;
    for (const ReplayMismatch& mismatch : named.mismatches->first()) {
      if (shown++ == listed) break;
      text += TextOf(mismatch, named.verdict);
    }
    if (named.mismatches->count() > listed) {
      absl::StrAppend(&text, "... and ", named.mismatches->count() - listed,
                      " more: ", std::string(named.verdict), "\n");
    }
  }
  text += report.clean() ? "replayed: nothing differs\n" : "replayed: THE LOG DOES NOT HOLD\n";
  return text;
}

std::string ReplayJson(const ReplayReport& report, size_t listed) {
  const CompletenessVerdict& complete = report.completeness;
  OrderedJson downtimes = OrderedJson::array();
  for (const Downtime& downtime : complete.downtimes) {
    downtimes.push_back({{"index", downtime.index}, {"from", downtime.from}, {"to", downtime.to}});
  }
  OrderedJson mismatches = OrderedJson::array();
  for (const Named& named : AllMismatches(report)) {
    size_t shown = 0;
    for (const ReplayMismatch& mismatch : named.mismatches->first()) {
      if (shown++ == listed) break;
      mismatches.push_back(JsonOf(mismatch, named.verdict));
    }
  }
  OrderedJson json = {{"clean", report.clean()},
                      {"origin", report.checkpoint.origin},
                      {"size", report.checkpoint.size},
                      {"root", base::ToBase64(crypto::Bytes(report.integrity.root))},
                      {"integrity",
                       {{"holds", report.integrity.status.ok()},
                        {"entries", report.integrity.entries},
                        {"entry_bytes", report.integrity.entry_bytes},
                        {"witnesses", report.integrity.witnesses},
                        {"message", std::string(report.integrity.status.message())}}},
                      {"completeness",
                       {{"holds", complete.mismatches.count() == 0},
                        {"searches", complete.searches},
                        {"concluded", complete.concluded},
                        {"open_searches", complete.open_searches},
                        {"erasures", complete.erasures},
                        {"erased", complete.erased},
                        {"open_erasures", complete.open_erasures},
                        {"checkpoints_closed", complete.closings},
                        {"restarts", complete.restarts},
                        {"downtimes", downtimes},
                        {"mismatches", complete.mismatches.count()}}},
                      {"state",
                       {{"holds", report.state.mismatches.count() == 0},
                        {"compared", report.state.compared},
                        {"records", report.state.records},
                        {"mismatches", report.state.mismatches.count()}}},
                      {"decisions",
                       {{"holds", report.decisions.mismatched == 0},
                        {"replayed", report.decisions.replayed},
                        {"erased", report.decisions.erased},
                        {"mismatched", report.decisions.mismatched},
                        {"other_rules", report.decisions.other_rules},
                        {"statements", report.decisions.statements},
                        {"signatures", report.decisions.signatures}}}};
  if (report.details.has_value()) {
    json["details"] = {{"holds", report.details->mismatches.count() == 0},
                       {"opened", report.details->opened},
                       {"erased", report.details->erased},
                       {"not_kept", report.details->not_kept},
                       {"withheld", report.details->withheld},
                       {"mismatches", report.details->mismatches.count()}};
  }
  json["mismatches"] = std::move(mismatches);
  // What is not UTF-8 in a log that lies has no form in JSON.
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace kluis::audit
