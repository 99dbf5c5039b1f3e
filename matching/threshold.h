// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_THRESHOLD_H_
#define KLUIS_MATCHING_THRESHOLD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "matching/algorithm.h"

namespace kluis::matching {

// Where the line between "match" and "no match" lies. It follows from a target, never from a guess:
// in a larger gallery the best stranger is more alike, so the cut must be stricter. Pure functions.

// The target of one purpose. target_fpir: the chance, 0 < fpir < 1, that a search for somebody who
// is not in the gallery returns anybody (false positive identification rate, ISO/IEC 19795-1).
struct ThresholdPolicy {
  const Algorithm* algorithm = nullptr;
  double target_fpir = 0;
};

// How alike two different people of one gallery are, measured there (calibration.h). Alike is the
// score of a cosine algorithm, and minus the distance of a Euclidean one, so that more is more. Of
// all pairs a share of tail_rate is beyond tail_start; how far beyond follows a generalised Pareto
// distribution, P(excess > x) = (1 + shape x / scale)^(-1 / shape), as all tails do that are far
// enough out (Pickands, "Statistical Inference Using Extreme Order Statistics", Annals of
// Statistics 3 (1975), 119).
struct ImpostorModel {
  std::int64_t measured_at = 0;  // Unix seconds
  std::uint64_t templates = 0;
  std::uint64_t pairs = 0;
  double mean = 0;
  double sd = 0;  // over 0
  double tail_start = 0;
  double tail_rate = 0;   // 0 < rate < 1
  double tail_scale = 0;  // over 0
  double tail_shape = 0;  // -0.5 to 0.5; below 0 the tail has an end
};

// The x with P(X < x) = p for a standard normal X; 0 < p < 1, else NaN. Relative accuracy about
// 1e-15 down to p = 1e-300. Source: Wichura, algorithm AS 241 (PPND16), Applied Statistics 37
// (1988), 477.
double NormalQuantile(double p);

// The chance of one false match that gives `target_fpir` over `gallery_size` independent
// comparisons: 1 - (1 - fpir)^(1 / N), without cancellation.
double FalseMatchRate(double target_fpir, std::size_t gallery_size);

// The cut on the score of `algorithm` (cosine similarity or Euclidean distance) at which the
// registered normal impostor model gives FalseMatchRate. For verification (1:1) gallery_size is 1
// and the target is the false match rate itself. A gallery of 0 counts as 1. A target outside (0,
// 1), or NaN, gives a cut that nothing passes.
double CutFor(const Algorithm& algorithm, double target_fpir, std::size_t gallery_size);

// CutFor of the policy; a policy without algorithm gives NaN, which nothing passes.
double CutFor(const ThresholdPolicy& policy, std::size_t gallery_size);

// The same, by what was measured where there is a measurement. A rate that tail_rate covers gives
// the quantile of the Pareto tail; a larger one that of the normal distribution of mean and sd, or
// tail_start where that is looser. A tail with an end is believed only as far as pairs were
// counted, to the rate that ten of them have: from there on the cut goes on as an exponential tail
// of the scale it has there, which is stricter and has no end, so that the cut still moves with N
// and no guess at where strangers end decides. A model that is none gives a cut that nothing
// passes.
double CutFor(const Algorithm& algorithm, const std::optional<ImpostorModel>& measured,
              double target_fpir, std::size_t gallery_size);

// Whether `score` is on the matching side of `cut`; equal is a match, NaN never is.
bool IsMatch(const Algorithm& algorithm, double score, double cut);

// The name of the rule by which cuts are taken: "normal-tail/1" of the registered model,
// "gallery-tail/1" of a measurement. A change of the rule changes the name.
std::string_view CutRule(const std::optional<ImpostorModel>& measured);

// What the log says of a cut: "normal-tail/1 fpir=0.003 n=1000", or with a measurement
// "gallery-tail/1 at=1800000000 fpir=0.003 n=1000". The text never holds a score or a cut.
std::string PolicyText(const std::optional<ImpostorModel>& measured, double target_fpir,
                       std::size_t gallery_size);
std::string PolicyText(double target_fpir, std::size_t gallery_size);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_THRESHOLD_H_
