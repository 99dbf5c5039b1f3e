// SPDX-License-Identifier: Apache-2.0
// Calibrations and evaluations as commands for a PolicyWorld. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_MEASUREMENT_ACTS_H_
#define KLUIS_TESTS_FAKES_MEASUREMENT_ACTS_H_

#include <string>
#include <string_view>

#include "tests/fakes/policy_world.h"

namespace kluis::policy {

inline constexpr std::string_view kEvaluationPurpose = "error-rates";

// By two of the three supervisors.
inline v1::Command Calibrate(PolicyWorld& world, std::string_view purpose = PolicyWorld::kPurpose) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  command.mutable_caller()->set_name("sup-1");
  v1::Calibrate& calibrate = *command.mutable_calibrate();
  *calibrate.mutable_statement() = world.Statement("calibration-order", "key-sup-1");
  calibrate.mutable_statement()->add_signed_by("key-sup-2");
  world.UsableForADay(*calibrate.mutable_statement(), *calibrate.mutable_order());
  const auto record = world.Look<v1::PurposeRecord>(key::Purpose(purpose));
  calibrate.mutable_order()->set_follows(
      PolicyWorld::NameOf(record ? record->calibrated_by() : ""));
  calibrate.mutable_order()->set_purpose(std::string(purpose));
  calibrate.mutable_order()->set_reasons("A thousand people are enrolled.");
  calibrate.set_new_search_id(world.NewId());
  return command;
}

// The intent is in the log; its id.
inline std::string Calibrating(PolicyWorld& world) {
  const v1::Command command = Calibrate(world);
  world.Do(command);
  return command.calibrate().new_search_id();
}

inline v1::Command CalibrationOutcome(const PolicyWorld& world, std::string_view search_id) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  command.mutable_caller()->set_name("sup-1");
  v1::CalibrationOutcome& outcome = *command.mutable_calibration_outcome();
  outcome.set_search_id(std::string(search_id));
  v1::ImpostorDistribution& distribution = *outcome.mutable_distribution();
  distribution.set_measured_at(world.now);
  distribution.set_templates(1'000);
  distribution.set_pairs(499'500);
  distribution.set_mean(0.01);
  distribution.set_sd(0.09);
  distribution.set_tail_start(0.31);
  distribution.set_tail_rate(1e-3);
  distribution.set_tail_scale(0.02);
  distribution.set_tail_shape(-0.1);
  return command;
}

inline v1::Command RegisterEvaluationPurpose(PolicyWorld& world) {
  v1::Command command = world.RegisterPurpose(kEvaluationPurpose);
  v1::PurposeRegistration& p = *command.mutable_register_purpose()->mutable_registration();
  p.clear_operations();
  p.add_operations(v1::OPERATION_EVALUATE);
  return command;
}

// After RegisterEvaluationPurpose.
inline v1::Command Evaluate(PolicyWorld& world, std::string_view purpose = kEvaluationPurpose,
                            uint32_t probes = 200) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  command.mutable_caller()->set_name("sup-1");
  v1::Evaluate& evaluate = *command.mutable_evaluate();
  *evaluate.mutable_statement() = world.Statement("evaluation-order", "key-sup-1");
  evaluate.mutable_order()->set_purpose(std::string(purpose));
  evaluate.mutable_order()->set_reasons("The yearly test.");
  evaluate.mutable_order()->set_probes(probes);
  evaluate.set_new_search_id(world.NewId());
  return command;
}

// The purpose is registered and the intent in the log; its id.
inline std::string Evaluating(PolicyWorld& world) {
  world.Do(RegisterEvaluationPurpose(world));
  const v1::Command command = Evaluate(world);
  world.Do(command);
  return command.evaluate().new_search_id();
}

inline v1::Command EvaluationOutcome(const PolicyWorld&, std::string_view search_id) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  command.mutable_caller()->set_name("sup-1");
  v1::EvaluationOutcome& outcome = *command.mutable_evaluation_outcome();
  outcome.set_search_id(std::string(search_id));
  outcome.set_mated_probes(100);
  outcome.set_non_mated_probes(100);
  outcome.set_gallery_size(1'000);
  outcome.set_false_negatives(2);
  outcome.set_false_positives(1);
  outcome.set_threshold_policy("normal-tail/1 fpir=0.001 n=1000");
  return command;
}

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_MEASUREMENT_ACTS_H_
