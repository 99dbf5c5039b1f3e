// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/report.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace kluis::bench {
namespace {

std::string Number(double value) { return absl::StrFormat("%.*f", value < 100 ? 3 : 0, value); }

bool Reached(const Figure& figure, double median) {
  return figure.or_more ? median >= figure.target : median <= figure.target;
}

}  // namespace

double Quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(part * static_cast<double>(values.size()));
  return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

std::string Machine() {
  std::ifstream info("/proc/cpuinfo");
  std::string model = "unknown processor";
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) model = line.substr(line.find(':') + 2);
  }
  return absl::StrCat(model, ", ", std::thread::hardware_concurrency(), " cores");
}

void Report::Add(const Figure& figure, const std::vector<double>& samples,
                 const std::vector<double>& latencies) {
  if (!Wants(figure)) return;
  rows_.push_back({figure, Quantile(samples, 0.5), Quantile(samples, 0), Quantile(samples, 1),
                   Quantile(latencies.empty() ? samples : latencies, 0.99)});
}

void Report::Progress(std::string_view text) const {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
}

std::string Report::Table() const {
  std::string table = absl::StrFormat("%-24s %10s  %-22s %-6s %12s  %s\n", "FIGURE", "MEDIAN",
                                      "SPREAD", "UNIT", "TARGET", "REACHED");
  for (const Row& row : rows_) {
    absl::StrAppendFormat(&table, "%-24s %10s  %-22s %-6s %12s  %s\n", std::string(row.figure.name),
                          Number(row.median), absl::StrCat(Number(row.low), "..", Number(row.high)),
                          std::string(row.figure.unit),
                          absl::StrCat(row.figure.or_more ? ">= " : "<= ", row.figure.target),
                          Reached(row.figure, row.median) ? "yes" : "no");
  }
  for (const std::string& note : notes_) absl::StrAppend(&table, note, "\n");
  return absl::StrCat(table, Machine(), "\n");
}

absl::Status Report::WriteJson(const std::string& path) const {
  const char* const commit = std::getenv("KLUIS_COMMIT");
  nlohmann::ordered_json json = {{"machine", Machine()},
                                 {"commit", commit == nullptr ? "" : commit}};
  json["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : rows_) {
    json["rows"].push_back({{"name", row.figure.name},
                            {"median", row.median},
                            {"p99", row.p99},
                            {"unit", row.figure.unit},
                            {"target", row.figure.target}});
  }
  std::ofstream file(path);
  file << json.dump(2) << "\n";
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("--json: cannot write ", path));
  return absl::OkStatus();
}

}  // namespace kluis::bench
