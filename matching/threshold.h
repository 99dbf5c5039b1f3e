#ifndef KLUIS_MATCHING_THRESHOLD_H_
#define KLUIS_MATCHING_THRESHOLD_H_

#include <cstddef>
#include <string>

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

// Whether `score` is on the matching side of `cut`; equal is a match, NaN never is.
bool IsMatch(const Algorithm& algorithm, double score, double cut);

// What the log says of a cut: "normal-tail/1 fpir=0.003 n=1000". "normal-tail/1" names the rule
// above; a change of the rule changes the name. The text never holds a score or a cut.
std::string PolicyText(double target_fpir, std::size_t gallery_size);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_THRESHOLD_H_
