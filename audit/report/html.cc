// SPDX-License-Identifier: Apache-2.0
// The yearly report as one HTML page: no script, no font, no picture and no style from elsewhere.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/report/report.h"
#include "audit/report/svg_plot.h"
#include "audit/report/text.h"

namespace kluis::audit {
namespace {

constexpr size_t kPlottedReasons = 12;

constexpr char kStyle[] = R"(
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --quiet: #57606a;
  --rule: #d8dee4; --band: #f6f8fa; --s0: #2f6690; --s1: #c8691c; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e9ec; --quiet: #9aa4ae;
  --rule: #343a41; --band: #1c2126; --s0: #7fb4dc; --s1: #f0a35a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.8rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
p.note { color: var(--quiet); font-size: .9rem; margin: .5rem 0; }
figcaption { font-weight: 600; margin: 0 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; min-width: 50%; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
thead th { color: var(--quiet); font-weight: 600; font-size: .9rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody tr:nth-child(even) { background: var(--band); }
figure { margin: 2.5rem 0; } .plot { width: 100%; height: auto; display: block; }
.plot text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.plot .label { fill: var(--quiet); } .plot .value { font-size: 11px; }
.plot .grid { stroke: var(--rule); } .plot .axis { stroke: var(--quiet); }
.plot .s0 { fill: var(--s0); } .plot .s1 { fill: var(--s1); }
@media print { body { max-width: none; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
)";

bool IsNumber(const std::string& cell) {
  return !cell.empty() &&
         std::all_of(cell.begin(), cell.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A column is one of numbers when all its cells are.
std::vector<bool> NumberColumns(const ReportTable& table) {
  std::vector<bool> numbers(table.titles.size(), true);
  for (const std::vector<std::string>& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) numbers[i] = numbers[i] && IsNumber(row[i]);
  }
  return numbers;
}

std::string HtmlTable(const ReportTable& table) {
  std::string html = absl::StrCat("<h2>", HtmlEscaped(table.heading), "</h2>\n");
  if (table.rows.empty()) {
    absl::StrAppend(&html, "<p>", HtmlEscaped(table.when_empty), "</p>\n");
  } else {
    const std::vector<bool> numbers = NumberColumns(table);
    absl::StrAppend(&html, "<div class=\"wide\"><table>\n<thead><tr>");
    for (size_t i = 0; i < table.titles.size(); ++i) {
      absl::StrAppend(&html, "<th scope=\"col\"", numbers[i] ? " class=\"n\">" : ">",
                      HtmlEscaped(table.titles[i]), "</th>");
    }
    absl::StrAppend(&html, "</tr></thead>\n<tbody>\n");
    for (const std::vector<std::string>& row : table.rows) {
      absl::StrAppend(&html, "<tr>");
      for (size_t i = 0; i < row.size(); ++i) {
        absl::StrAppend(&html, numbers[i] ? "<td class=\"n\">" : "<td>", HtmlEscaped(row[i]),
                        "</td>");
      }
      absl::StrAppend(&html, "</tr>\n");
    }
    absl::StrAppend(&html, "</tbody></table></div>\n");
  }
  if (!table.note.empty()) {
    absl::StrAppend(&html, "<p class=\"note\">", HtmlEscaped(table.note), "</p>\n");
  }
  return html;
}

std::string Figure(const std::string& svg, const std::string& caption) {
  return absl::StrCat("<figure>\n<figcaption>", HtmlEscaped(caption), "</figcaption>\n", svg,
                      "</figure>\n");
}

std::string MonthPlot(const YearReport& report) {
  std::vector<std::string> labels;
  PlotSeries searches{"searches", {}};
  PlotSeries hits{"hits", {}};
  for (size_t i = 0; i < report.months.size(); ++i) {
    labels.push_back(std::string(kMonthNames[i]).substr(0, 3));
    searches.values.push_back(report.months[i].cases.searches);
    hits.values.push_back(report.months[i].cases.hits);
  }
  const std::string title = absl::StrCat("Searches and hits per month, ", report.year);
  return Figure(
      SvgColumns({"months", title,
                  absl::StrCat("Columns for each month. In the whole year ", report.total.searches,
                               " searches, of which ", report.total.hits, " had a hit.")},
                 labels, {searches, hits}),
      title + ". A hit is a search that showed at least one candidate.");
}

std::string RefusalPlot(const YearReport& report) {
  std::map<std::string, uint64_t> by_reason;
  for (const auto& [why, count] : report.refusals) by_reason[why.first] += count;
  std::vector<std::pair<uint64_t, std::string>> ordered;
  for (const auto& [reason, count] : by_reason) ordered.emplace_back(count, reason);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> labels;
  std::vector<uint64_t> values;
  uint64_t others = 0;
  for (const auto& [count, reason] : ordered) {
    if (labels.size() == kPlottedReasons) {
      others += count;
      continue;
    }
    labels.push_back(reason);
    values.push_back(count);
  }
  if (others > 0) {
    labels.push_back("all others");
    values.push_back(others);
  }
  const std::string title = absl::StrCat("Refused requests by reason, ", report.year);
  return Figure(SvgBars({"refusals", title,
                         absl::StrCat("One bar for each reason, the most frequent first. In all ",
                                      report.refused_requests, " requests were refused.")},
                        labels, values),
                title + ".");
}

std::string StatePlot(const YearReport& report) {
  std::vector<std::string> labels;
  std::vector<uint64_t> values;
  for (const auto& [state, count] : report.cases_by_state) {
    labels.push_back(state);
    values.push_back(count);
  }
  const std::string title = absl::StrCat("Cases by state, ", report.year);
  return Figure(SvgBars({"states", title, "One bar for each state of a case."}, labels, values),
                title +
                    ". Waiting and active: at the end. Closed, refused, expired and lapsed: in "
                    "the year.");
}

}  // namespace

std::string YearReportHtml(const YearReport& report) {
  const std::string title = absl::StrCat("Use of the vault in ", report.year);
  std::string html = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      title, ": ", HtmlEscaped(report.checkpoint.origin), "</title>\n<style>", kStyle,
      "</style>\n</head>\n<body>\n<main>\n<h1>", title,
      "</h1>\n<p>Counted from the transparency log alone, after its signature, its root and every "
      "entry were verified. AI Act article 26(10); Directive (EU) 2016/680 articles 24 and 25. "
      "Times are UTC.</p>\n<dl>\n");
  for (const auto& [name, value] : ReportSource(report)) {
    absl::StrAppend(&html, "<dt>", HtmlEscaped(name), "</dt><dd>", HtmlEscaped(value), "</dd>\n");
  }
  absl::StrAppend(&html, "</dl>\n", MonthPlot(report), StatePlot(report), RefusalPlot(report));
  for (const ReportTable& table : ReportTables(report)) absl::StrAppend(&html, HtmlTable(table));
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace kluis::audit
