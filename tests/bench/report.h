// SPDX-License-Identifier: Apache-2.0
// What a bench run found: one row per figure, as a table for people and as JSON for machines.
// Not thread-safe.
#ifndef KLUIS_TESTS_BENCH_REPORT_H_
#define KLUIS_TESTS_BENCH_REPORT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace kluis::bench {

// A figure and what it must reach: `target` or more, else `target` or less.
struct Figure {
  std::string_view name;
  std::string_view unit;
  double target;
  bool or_more;
};

// How long and how often everything is measured.
struct Plan {
  std::string filter;  // rows whose name contains it; empty: all
  double seconds = 2;  // of one sample
  int samples = 5;
};

class Report {
 public:
  explicit Report(Plan plan) : plan_(std::move(plan)) {}

  const Plan& plan() const { return plan_; }
  bool Wants(const Figure& figure) const {
    return figure.name.find(plan_.filter) != std::string_view::npos;
  }

  // Takes a figure's samples. p99 is that of `latencies` when there are any, else of the samples.
  void Add(const Figure& figure, const std::vector<double>& samples,
           const std::vector<double>& latencies = {});

  // Says what is going on, when stderr is a terminal. The line is replaced by the next.
  void Progress(std::string_view text) const;

  // Says something about how the figures came about, which goes below the table.
  void Note(std::string text) { notes_.push_back(std::move(text)); }

  bool empty() const { return rows_.empty(); }
  std::string Table() const;

  // {"machine", "commit", "rows": [{"name", "median", "p99", "unit", "target"}]}. The commit is
  // that of KLUIS_COMMIT in the environment. kUnavailable: the file cannot be written.
  absl::Status WriteJson(const std::string& path) const;

 private:
  struct Row {
    Figure figure;
    double median;
    double low;
    double high;
    double p99;
  };

  Plan plan_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
};

// The value that `part` (0 to 1) of `values` do not exceed, by nearest rank. `values` is not empty.
double Quantile(std::vector<double> values, double part);

// Processor and number of cores.
std::string Machine();

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_REPORT_H_
