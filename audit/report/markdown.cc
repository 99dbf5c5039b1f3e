// SPDX-License-Identifier: Apache-2.0
// The yearly report as Markdown (CommonMark with tables).
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "audit/report/report.h"
#include "audit/report/text.h"

namespace kluis::audit {
namespace {

// Text of the log in one line, without a character that Markdown or HTML would obey.
std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += ' ';
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      if (std::string_view("\\`*_[]|#!~").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string Row(const std::vector<std::string>& cells) {
  std::vector<std::string> escaped;
  for (const std::string& cell : cells) escaped.push_back(Escaped(cell));
  return absl::StrCat("| ", absl::StrJoin(escaped, " | "), " |\n");
}

std::string MarkdownTable(const ReportTable& table) {
  std::string out = absl::StrCat("\n## ", table.heading, "\n\n");
  if (table.rows.empty()) {
    absl::StrAppend(&out, table.when_empty, "\n");
  } else {
    absl::StrAppend(&out, Row(table.titles), "|");
    for (size_t i = 0; i < table.titles.size(); ++i) absl::StrAppend(&out, "---|");
    absl::StrAppend(&out, "\n");
    for (const std::vector<std::string>& row : table.rows) absl::StrAppend(&out, Row(row));
  }
  if (!table.note.empty()) absl::StrAppend(&out, "\n", Escaped(table.note), "\n");
  return out;
}

}  // namespace

std::string YearReportMarkdown(const YearReport& report) {
  std::string out = absl::StrCat(
      "# Use of the vault in ", report.year,
      "\n\nCounted from the transparency log alone, after its signature, its root and every entry "
      "were\nverified. AI Act article 26(10); Directive (EU) 2016/680 articles 24 and 25. Times "
      "are UTC.\n\n");
  for (const auto& [name, value] : ReportSource(report)) {
    absl::StrAppend(&out, "- ", name, ": ", Escaped(value), "\n");
  }
  for (const ReportTable& table : ReportTables(report)) absl::StrAppend(&out, MarkdownTable(table));
  return out;
}

}  // namespace kluis::audit
