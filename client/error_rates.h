// SPDX-License-Identifier: Apache-2.0
// Error rates out of counts, in the terms of ISO/IEC 19795-1. Pure functions, thread-safe.
#ifndef KLUIS_CLIENT_ERROR_RATES_H_
#define KLUIS_CLIENT_ERROR_RATES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kluis/v1/supervision_service.pb.h"

namespace kluis::client {

// `errors` of `trials`, and between which rates the true one is with a confidence of 95 %.
struct ErrorRate {
  uint64_t errors = 0;
  uint64_t trials = 0;
  double rate = 0;  // 0 without trials, as are the next two but for high, which is 1
  double low = 0;
  double high = 1;
};

// Source of the interval: Wilson, "Probable Inference, the Law of Succession, and Statistical
// Inference", JASA 22 (1927), 209; it holds also for few errors and none, where the usual one does
// not. Trials count as independent: several captures of one person are worth fewer.
ErrorRate RateOf(uint64_t errors, uint64_t trials);

// "0.0200 (0.0110 to 0.0361)".
std::string RateText(const ErrorRate& rate);

// Both rates at one cut.
struct CutRates {
  ErrorRate fpir;
  ErrorRate fnir;
};

CutRates RatesOf(const v1::EvaluationReport& report, const v1::ErrorCounts& counts);

// FNIR at a quoted FPIR: at the loosest cut that has no more false positives than the target
// allows.
struct TargetRates {
  double target = 0;
  CutRates rates;
};

// For 0.001, 0.003, 0.01, 0.03 and 0.1, as far as the non-mated probes carry them: a target stands
// for ten false positives at least.
std::vector<TargetRates> RatesAtTargets(const v1::EvaluationReport& report);

// For people: what was measured, and a table of the rates at the policy's cut and at the targets.
std::string RatesTable(const v1::EvaluationReport& report);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_ERROR_RATES_H_
