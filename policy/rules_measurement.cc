// SPDX-License-Identifier: Apache-2.0
// Measurements: the cuts of a purpose calibrated on its gallery, and its error rates.
#include <algorithm>
#include <cmath>
#include <limits>

#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

// Fewer people tell little about the tail of strangers; the pairs are those of so many.
constexpr uint64_t kMinCalibrationTemplates = 1'000;
constexpr uint64_t kMinCalibrationPairs = 100'000;

// A rate over few probes is the result of each of them.
constexpr uint32_t kMinProbesOfAKind = 100;

const Rule kEvaluateAllowed = {"purpose.evaluate",
                               "GDPR 5(1)(b)",
                               "The purpose is one for measuring error rates.",
                               "OPERATION_NOT_ALLOWED",
                               "OPERATION_NOT_ALLOWED",
                               [](const Facts& f) {
                                 const auto& operations = f.purpose->operations();
                                 return std::find(operations.begin(), operations.end(),
                                                  v1::OPERATION_EVALUATE) != operations.end();
                               }};

const Rule kProbesOrdered = {
    "evaluation.probes-ordered",
    "GDPR 25, AI Act 15",
    "The order of an evaluation says how many probes will come: 200 to the profile's bound.",
    "PROBES_NOT_ORDERED",
    "PROBES_NOT_ORDERED",
    [](const Facts& f) {
      const uint32_t probes = f.command->evaluate().order().probes();
      return probes >= 2 * kMinProbesOfAKind &&
             probes <= f.founding->legal_profile().evaluation_max_probes();
    }};

const Rule kEvaluationLarge = {
    "evaluation.many-probes",
    "GDPR 25, AI Act 15",
    "Error rates are of 100 mated and 100 non-mated probes at least, and of no more than were "
    "ordered: they tell of nobody alone.",
    "TOO_FEW_PROBES",
    "TOO_FEW_PROBES",
    [](const Facts& f) {
      const v1::EvaluationOutcome& outcome = f.command->evaluation_outcome();
      const uint64_t probes = uint64_t{outcome.mated_probes()} + outcome.non_mated_probes();
      return outcome.mated_probes() >= kMinProbesOfAKind &&
             outcome.non_mated_probes() >= kMinProbesOfAKind && probes <= f.search->probes() &&
             outcome.false_negatives() <= outcome.mated_probes() &&
             outcome.false_positives() <= outcome.non_mated_probes();
    }};

const Rule kCalibrationLarge = {
    "calibration.many-people",
    "AI Act 15, GDPR 5(1)(d)",
    "A calibration is of 1,000 templates and 100,000 pairs of different people at least.",
    "TOO_FEW_TEMPLATES",
    "TOO_FEW_TEMPLATES",
    [](const Facts& f) {
      const v1::ImpostorDistribution& d = f.command->calibration_outcome().distribution();
      return d.templates() >= kMinCalibrationTemplates && d.pairs() >= kMinCalibrationPairs;
    }};

// What a cut can be taken from: beyond a shape of one half the moments that the fit rests on do not
// exist (Hosking and Wallis 1987).
const Rule kCalibrationSound = {
    "calibration.sound",
    "AI Act 15, GDPR 5(1)(d)",
    "A calibrated distribution is one: finite, with a spread, and with a tail of a twentieth at "
    "most and a shape between minus and plus one half.",
    "DISTRIBUTION_INVALID",
    "DISTRIBUTION_INVALID",
    [](const Facts& f) {
      const v1::ImpostorDistribution& d = f.command->calibration_outcome().distribution();
      constexpr double kLargest = std::numeric_limits<double>::max();
      return std::abs(d.mean()) <= kLargest && d.sd() > 0 && d.sd() <= kLargest &&
             std::abs(d.tail_start()) <= kLargest && d.tail_rate() > 0 && d.tail_rate() <= 0.05 &&
             d.tail_scale() > 0 && d.tail_scale() <= kLargest && std::abs(d.tail_shape()) < 0.5 &&
             d.measured_at() > 0 && d.measured_at() <= f.now;
    }};

// A stop does not refuse it: a wrong cut is a reason for one, and what remedies it returns nothing
// about anybody. Whoever loosens a cut accuses more people, so it needs what a lift needs.
constexpr const Rule* kCalibrate[] = {&kCallerRole,
                                      &kSupervisorOfFounding,
                                      &kStatementForThisVault,
                                      &kSupervisorSigned,
                                      &kStatementOwnEnd,
                                      &kStatementFresh,
                                      &kStatementOnce,
                                      &kPurposeRegistered,
                                      &kPurposeLawful,
                                      &kPurposeNotRotating,
                                      &kVaultOpensTemplates,
                                      &kOrderReasoned,
                                      &kSupervisorsQuorum,
                                      &kIdUnused,
                                      &kCalibrationFollows};
constexpr const Rule* kCalibrationOutcome[] = {&kOutcomeOfSearch, &kCalibrationLarge,
                                               &kCalibrationSound};
constexpr const Rule* kEvaluate[] = {
    &kCallerRole,     &kSupervisorOfFounding, &kStatementForThisVault, &kSupervisorSigned,
    &kStatementFresh, &kStatementOnce,        &kPurposeRegistered,     &kEvaluateAllowed,
    &kPurposeLawful,  &kPurposeNotStopped,    &kPurposeNotRotating,    &kOrderReasoned,
    &kIdUnused,       &kProbesOrdered};
constexpr const Rule* kEvaluationOutcome[] = {&kOutcomeOfSearch, &kOutcomeNotStopped,
                                              &kEvaluationLarge};

}  // namespace

RuleList MeasurementRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kCalibrate:
      return kCalibrate;
    case v1::Command::kCalibrationOutcome:
      return kCalibrationOutcome;
    case v1::Command::kEvaluate:
      return kEvaluate;
    case v1::Command::kEvaluationOutcome:
      return kEvaluationOutcome;
    default:
      return {};
  }
}

}  // namespace kluis::policy
