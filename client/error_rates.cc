// SPDX-License-Identifier: Apache-2.0
#include "client/error_rates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "client/output.h"

namespace kluis::client {
namespace {

constexpr double kTargets[] = {0.001, 0.003, 0.01, 0.03, 0.1};
constexpr double kFewest = 10;  // false positives that a target stands for

}  // namespace

ErrorRate RateOf(uint64_t errors, uint64_t trials) {
  if (trials == 0) return {};
  constexpr double kZ = 1.959963984540054;  // the normal quantile of 97.5 %
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(errors) / n;
  const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {.errors = errors,
          .trials = trials,
          .rate = p,
          .low = errors == 0 ? 0 : std::max(0.0, centre - half),
          .high = errors == trials ? 1 : std::min(1.0, centre + half)};
}

std::string RateText(const ErrorRate& rate) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.4f (%.4f to %.4f)", rate.rate, rate.low, rate.high);
  return text.data();
}

CutRates RatesOf(const v1::EvaluationReport& report, const v1::ErrorCounts& counts) {
  return {.fpir = RateOf(counts.false_positives(), report.non_mated_probes()),
          .fnir = RateOf(counts.false_negatives(), report.mated_probes())};
}

std::vector<TargetRates> RatesAtTargets(const v1::EvaluationReport& report) {
  std::vector<TargetRates> rates;
  for (const double target : kTargets) {
    // A tenth of 100 probes is ten, also in binary.
    const double allowed = target * report.non_mated_probes() + 1e-9;
    if (allowed < kFewest) continue;
    const v1::ErrorCounts* best = nullptr;
    for (const v1::ErrorCounts& point : report.trade_off()) {
      if (point.false_positives() <= allowed) best = &point;
    }
    if (best != nullptr) rates.push_back({target, RatesOf(report, *best)});
  }
  return rates;
}

std::string RatesTable(const v1::EvaluationReport& report) {
  std::string text = absl::StrCat(
      report.purpose(), ", ", report.algorithm(), ", ", report.gallery_size(), " templates\n",
      report.mated_probes(), " mated and ", report.non_mated_probes(), " non-mated probes; ",
      report.left_out(), " left out, of subjects without a template here\n",
      "rates with 95 % intervals (Wilson); found is who is first (FNIR with rank 1)\n\n");
  std::vector<std::vector<std::string>> rows = {{"CUT", "FPIR", "FNIR"}};
  const CutRates cut = RatesOf(report, report.at_policy_cut());
  rows.push_back({absl::StrCat("policy: ", report.threshold_policy()), RateText(cut.fpir),
                  RateText(cut.fnir)});
  for (const TargetRates& at : RatesAtTargets(report)) {
    rows.push_back({absl::StrCat("FPIR at most ", at.target), RateText(at.rates.fpir),
                    RateText(at.rates.fnir)});
  }
  return text + AlignedTable(rows) + "\n";
}

}  // namespace kluis::client
