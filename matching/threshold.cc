// SPDX-License-Identifier: Apache-2.0
#include "matching/threshold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace kluis::matching {
namespace {

using Coefficients = std::array<double, 8>;  // of x^0 to x^7

double Polynomial(const Coefficients& coefficients, double x) {
  double value = 0;
  for (auto it = coefficients.rbegin(); it != coefficients.rend(); ++it) value = value * x + *it;
  return value;
}

// AS 241, PPND16: |p - 0.5| <= 0.425; then r = sqrt(-log(tail)) up to 5; then beyond.
constexpr Coefficients kCentreTop = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                     1.9715909503065514427e3, 1.3731693765509461125e4,
                                     4.5921953931549871457e4, 6.7265770927008700853e4,
                                     3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr Coefficients kCentreBottom = {1.0,
                                        4.2313330701600911252e1,
                                        6.8718700749205790830e2,
                                        5.3941960214247511077e3,
                                        2.1213794301586595867e4,
                                        3.9307895800092710610e4,
                                        2.8729085735721942674e4,
                                        5.2264952788528545610e3};
constexpr Coefficients kNearTop = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                   5.76949722146069140550e0,  3.64784832476320460504e0,
                                   1.27045825245236838258e0,  2.41780725177450611770e-1,
                                   2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr Coefficients kNearBottom = {1.0,
                                      2.05319162663775882187e0,
                                      1.67638483018380384940e0,
                                      6.89767334985100004550e-1,
                                      1.48103976427480074590e-1,
                                      1.51986665636164571966e-2,
                                      5.47593808499534494600e-4,
                                      1.05075007164441684324e-9};
constexpr Coefficients kFarTop = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                  1.78482653991729133580e0,  2.96560571828504891230e-1,
                                  2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                  2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr Coefficients kFarBottom = {1.0,
                                     5.99832206555887937690e-1,
                                     1.36929880922735805310e-1,
                                     1.48753612908506148525e-2,
                                     7.86869131145613259100e-4,
                                     1.84631831751005468180e-5,
                                     1.42151175831644588870e-7,
                                     2.04426310338993978564e-15};

bool IsProbability(double p) { return p > 0 && p < 1; }

// Of the pairs beyond the last rate at which a bounded tail is believed.
constexpr double kCounted = 10;

// The excess over tail_start that a share `ratio` of the tail has, 0 < ratio <= 1.
double Excess(const ImpostorModel& model, double ratio) {
  const double log_ratio = std::log(ratio);
  constexpr double kFlat = 1e-9;  // the limit of the next line
  if (std::abs(model.tail_shape) < kFlat) return -model.tail_scale * log_ratio;
  return model.tail_scale / model.tail_shape * std::expm1(-model.tail_shape * log_ratio);
}

// How alike strangers are with a chance of `rate`.
double AlikeAt(const ImpostorModel& model, double rate) {
  if (rate >= model.tail_rate) {
    return std::min(model.mean - model.sd * NormalQuantile(rate), model.tail_start);
  }
  const double ratio = rate / model.tail_rate;
  const double counted =
      std::min(1.0, kCounted / (model.tail_rate * static_cast<double>(model.pairs)));
  if (model.tail_shape >= 0 || ratio >= counted) return model.tail_start + Excess(model, ratio);
  const double last = Excess(model, counted);
  const double scale_there = model.tail_scale + model.tail_shape * last;
  return model.tail_start + last - scale_there * std::log(ratio / counted);
}

bool IsModel(const ImpostorModel& model) {
  return std::isfinite(model.mean) && model.sd > 0 && std::isfinite(model.sd) &&
         std::isfinite(model.tail_start) && IsProbability(model.tail_rate) &&
         model.tail_scale > 0 && std::isfinite(model.tail_scale) &&
         std::abs(model.tail_shape) <= 0.5 && model.pairs > 0;
}

// A cut that nothing passes.
double NoMatch(const Algorithm& algorithm) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return algorithm.metric == Metric::kCosine ? kInfinity : -kInfinity;
}

}  // namespace

double NormalQuantile(double p) {
  if (!IsProbability(p)) return std::numeric_limits<double>::quiet_NaN();
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * Polynomial(kCentreTop, r) / Polynomial(kCentreBottom, r);
  }
  const double r = std::sqrt(-std::log(std::min(p, 1 - p)));
  const double size = r <= 5 ? Polynomial(kNearTop, r - 1.6) / Polynomial(kNearBottom, r - 1.6)
                             : Polynomial(kFarTop, r - 5) / Polynomial(kFarBottom, r - 5);
  return q < 0 ? -size : size;
}

double FalseMatchRate(double target_fpir, std::size_t gallery_size) {
  const double n = static_cast<double>(std::max<std::size_t>(gallery_size, 1));
  return -std::expm1(std::log1p(-target_fpir) / n);
}

double CutFor(const Algorithm& algorithm, double target_fpir, std::size_t gallery_size) {
  const bool larger_is_alike = algorithm.metric == Metric::kCosine;
  const double rate =
      IsProbability(target_fpir) ? FalseMatchRate(target_fpir, gallery_size) : target_fpir;
  if (!IsProbability(rate)) return NoMatch(algorithm);
  const double tail = NormalQuantile(rate);  // lower; the upper one is its mirror image
  return algorithm.impostor_mean + algorithm.impostor_sd * (larger_is_alike ? -tail : tail);
}

double CutFor(const ThresholdPolicy& policy, std::size_t gallery_size) {
  if (policy.algorithm == nullptr) return std::numeric_limits<double>::quiet_NaN();
  return CutFor(*policy.algorithm, policy.target_fpir, gallery_size);
}

double CutFor(const Algorithm& algorithm, const std::optional<ImpostorModel>& measured,
              double target_fpir, std::size_t gallery_size) {
  if (!measured.has_value()) return CutFor(algorithm, target_fpir, gallery_size);
  if (!IsProbability(target_fpir) || !IsModel(*measured)) return NoMatch(algorithm);
  const double rate = FalseMatchRate(target_fpir, gallery_size);
  if (!IsProbability(rate)) return NoMatch(algorithm);
  const double alike = AlikeAt(*measured, rate);
  return algorithm.metric == Metric::kCosine ? alike : -alike;
}

bool IsMatch(const Algorithm& algorithm, double score, double cut) {
  return algorithm.metric == Metric::kCosine ? score >= cut : score <= cut;
}

std::string_view CutRule(const std::optional<ImpostorModel>& measured) {
  return measured.has_value() ? "gallery-tail/1" : "normal-tail/1";
}

std::string PolicyText(const std::optional<ImpostorModel>& measured, double target_fpir,
                       std::size_t gallery_size) {
  const std::string at =
      measured.has_value() ? absl::StrCat(" at=", measured->measured_at) : std::string();
  return absl::StrCat(std::string(CutRule(measured)), at, " fpir=", target_fpir,
                      " n=", gallery_size);
}

std::string PolicyText(double target_fpir, std::size_t gallery_size) {
  return PolicyText(std::nullopt, target_fpir, gallery_size);
}

}  // namespace kluis::matching
