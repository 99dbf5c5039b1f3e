// SPDX-License-Identifier: Apache-2.0
// Calibrations and evaluations: who orders them, and what may come of them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/fakes/measurement_acts.h"
#include "tests/fakes/policy_expect.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::policy::measurement_test {
namespace {

using W = PolicyWorld;

TEST(Calibrate, IsPendingUntilItsOutcomeWhichThePurposeThenHas) {
  W world = W::Ready();
  const std::string id = Calibrating(world);
  const auto pending = world.Get<v1::PendingSearch>(key::PendingSearch(id));
  EXPECT_EQ(pending.purpose(), W::kPurpose);
  EXPECT_EQ(pending.measurement(), v1::MEASUREMENT_CALIBRATION);
  EXPECT_TRUE(pending.case_id().empty());
  EXPECT_FALSE(PurposeOf(world).has_calibration());
  const v1::Command outcome = CalibrationOutcome(world, id);
  world.Do(outcome);
  EXPECT_EQ(PurposeOf(world).calibration().SerializeAsString(),
            outcome.calibration_outcome().distribution().SerializeAsString());
  EXPECT_EQ(PurposeOf(world).slot(),
            W::Ready().Get<v1::PurposeRecord>(key::Purpose(W::kPurpose)).slot());
  EXPECT_TRUE(RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world, outcome)) << "once";
}

TEST(Calibrate, GrantsTheTemplatesOfItsPurposeAndNoCandidate) {
  W world = W::Ready();
  const Ruling ruling = world.Decided(Calibrate(world));
  ASSERT_TRUE(ruling.grant.has_value());
  EXPECT_EQ(ruling.grant->purpose(), W::kPurpose);
  EXPECT_EQ(ruling.grant->only_template(), nullptr);
  EXPECT_EQ(ruling.grant->candidate_cap(), 0u);
  EXPECT_TRUE(ruling.grant->case_id().empty());
}

TEST(Calibrate, NeedsAsManySupervisorsAsALift) {
  W world = W::Ready();
  v1::Command command = Calibrate(world);
  command.mutable_calibrate()->mutable_statement()->mutable_signed_by()->RemoveLast();
  EXPECT_TRUE(RefusedBy("supervisors.quorum", "TOO_FEW_SIGNATURES", world, command));
  command.mutable_calibrate()->mutable_statement()->set_signed_by(0, "key-anna");
  EXPECT_TRUE(RefusedBy("supervisor.signed", "SIGNATURE_INVALID", world, command));
  command = Calibrate(world);
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  EXPECT_TRUE(RefusedBy("caller.role", "ROLE_NOT_ALLOWED", world, command));
}

TEST(Calibrate, NeedsAPurposeThatTheVaultOpensAndReasons) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, Calibrate(world, "other")));
  world.Do(world.RegisterHeldPurpose());
  EXPECT_TRUE(
      RefusedBy("purpose.rotatable", "SUBJECT_HELD", world, Calibrate(world, W::kHeldPurpose)));
  v1::Command command = Calibrate(world);
  command.mutable_calibrate()->mutable_order()->clear_reasons();
  EXPECT_TRUE(RefusedBy("order.reasoned", "REASONS_MISSING", world, command));
}

TEST(Calibrate, IsAllowedWhileThePurposeIsStopped) {
  W world = W::Ready();
  world.Do(world.Stop());
  const std::string id = Calibrating(world);
  EXPECT_TRUE(Allowed(world, CalibrationOutcome(world, id)));
}

TEST(CalibrationOutcome, IsThatOfACalibrationOnly) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world,
                        CalibrationOutcome(world, world.NewId())));
  const std::string search = world.Searched(world.Active());
  EXPECT_TRUE(
      RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world, CalibrationOutcome(world, search)));
  EXPECT_TRUE(RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world,
                        CalibrationOutcome(world, Evaluating(world))));
  EXPECT_TRUE(
      RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world, world.Outcome(Calibrating(world), 0)))
      << "nor is a search's that of a calibration";
}

TEST(CalibrationOutcome, IsOfAThousandPeople) {
  W world = W::Ready();
  v1::Command command = CalibrationOutcome(world, Calibrating(world));
  EXPECT_TRUE(Allowed(world, command));
  command.mutable_calibration_outcome()->mutable_distribution()->set_templates(999);
  EXPECT_TRUE(RefusedBy("calibration.many-people", "TOO_FEW_TEMPLATES", world, command));
  command = CalibrationOutcome(world, Calibrating(world));
  command.mutable_calibration_outcome()->mutable_distribution()->set_pairs(99'999);
  EXPECT_TRUE(RefusedBy("calibration.many-people", "TOO_FEW_TEMPLATES", world, command));
}

TEST(CalibrationOutcome, IsADistribution) {
  W world = W::Ready();
  const v1::Command sound = CalibrationOutcome(world, Calibrating(world));
  using Distribution = v1::ImpostorDistribution;
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  const auto refused = [&](const auto& break_it) {
    v1::Command command = sound;
    break_it(*command.mutable_calibration_outcome()->mutable_distribution());
    return RefusedBy("calibration.sound", "DISTRIBUTION_INVALID", world, command);
  };
  EXPECT_TRUE(refused([&](Distribution& d) { d.set_mean(nan); }));
  EXPECT_TRUE(refused([&](Distribution& d) { d.set_mean(infinity); }));
  for (const double sd : {0.0, -1.0, infinity, nan}) {
    EXPECT_TRUE(refused([&](Distribution& d) { d.set_sd(sd); })) << sd;
    EXPECT_TRUE(refused([&](Distribution& d) { d.set_tail_scale(sd); })) << sd;
  }
  EXPECT_TRUE(refused([&](Distribution& d) { d.set_tail_start(-infinity); }));
  for (const double rate : {0.0, -0.1, 0.051, nan}) {
    EXPECT_TRUE(refused([&](Distribution& d) { d.set_tail_rate(rate); })) << rate;
  }
  for (const double shape : {-0.5, 0.5, nan}) {
    EXPECT_TRUE(refused([&](Distribution& d) { d.set_tail_shape(shape); })) << shape;
  }
  EXPECT_TRUE(refused([&](Distribution& d) { d.set_measured_at(world.now + 1); }));
  EXPECT_TRUE(refused([&](Distribution& d) { d.set_measured_at(0); }));
}

TEST(Measurement, EndsWhenItIsAbortedWithoutAnyEffect) {
  W world = W::Ready();
  for (const std::string& id : {Calibrating(world), Evaluating(world)}) {
    v1::Command abort = world.Outcome(id, 0);
    abort.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_ABORTED);
    world.Do(abort);
    EXPECT_TRUE(RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world, abort));
  }
  EXPECT_FALSE(PurposeOf(world).has_calibration());
}

TEST(PurposeOfEvaluation, IsForNothingElse) {
  W world = W::Ready();
  v1::Command command = RegisterEvaluationPurpose(world);
  EXPECT_TRUE(Allowed(world, command));
  v1::PurposeRegistration& p = *command.mutable_register_purpose()->mutable_registration();
  p.add_operations(v1::OPERATION_IDENTIFY);
  EXPECT_TRUE(RefusedBy("purpose.evaluation-alone", "OPERATION_NOT_ALONE", world, command));
  p.set_operations(1, v1::OPERATION_EVALUATE);
  EXPECT_TRUE(RefusedBy("purpose.evaluation-alone", "OPERATION_NOT_ALONE", world, command));
  p.mutable_operations()->RemoveLast();
  p.set_custody(v1::CUSTODY_SUBJECT_HELD);
  EXPECT_TRUE(RefusedBy("purpose.custody-operations", "OPERATION_NOT_IN_CUSTODY", world, command));
}

TEST(Evaluate, IsForAPurposeOfEvaluationOnly) {
  W world = W::Ready();
  EXPECT_TRUE(
      RefusedBy("purpose.evaluate", "OPERATION_NOT_ALLOWED", world, Evaluate(world, W::kPurpose)));
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, Evaluate(world)));
  world.Do(RegisterEvaluationPurpose(world));
  EXPECT_TRUE(Allowed(world, Evaluate(world)));
  v1::Command command = Evaluate(world);
  command.mutable_evaluate()->mutable_statement()->set_signed_by(0, "key-anna");
  EXPECT_TRUE(RefusedBy("supervisor.signed", "SIGNATURE_INVALID", world, command));
  world.Do(world.Stop(kEvaluationPurpose));
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", world, Evaluate(world)));
}

TEST(Evaluate, SaysHowManyProbesWillCome) {
  W world = W::Ready();
  world.Do(RegisterEvaluationPurpose(world));
  for (const uint32_t probes : {0u, 199u, 10'001u}) {
    EXPECT_TRUE(RefusedBy("evaluation.probes-ordered", "PROBES_NOT_ORDERED", world,
                          Evaluate(world, kEvaluationPurpose, probes)))
        << probes;
  }
  const v1::Command command = Evaluate(world, kEvaluationPurpose, 10'000);
  world.Do(command);
  const auto pending =
      world.Get<v1::PendingSearch>(key::PendingSearch(command.evaluate().new_search_id()));
  EXPECT_EQ(pending.measurement(), v1::MEASUREMENT_EVALUATION);
  EXPECT_EQ(pending.probes(), 10'000u);
}

TEST(EvaluationOutcome, IsOverManyProbesOfEachKindAndNoMoreThanWereOrdered) {
  W world = W::Ready();
  const v1::Command enough = EvaluationOutcome(world, Evaluating(world));
  EXPECT_TRUE(Allowed(world, enough));
  const auto refused = [&](const auto& break_it) {
    v1::Command command = enough;
    break_it(*command.mutable_evaluation_outcome());
    return RefusedBy("evaluation.many-probes", "TOO_FEW_PROBES", world, command);
  };
  EXPECT_TRUE(refused([](v1::EvaluationOutcome& o) { o.set_mated_probes(99); }));
  EXPECT_TRUE(refused([](v1::EvaluationOutcome& o) { o.set_non_mated_probes(99); }));
  EXPECT_TRUE(refused([](v1::EvaluationOutcome& o) { o.set_non_mated_probes(101); }));
  EXPECT_TRUE(refused([](v1::EvaluationOutcome& o) { o.set_non_mated_probes(0xFFFFFFFF); }));
  EXPECT_TRUE(refused([](v1::EvaluationOutcome& o) { o.set_false_negatives(101); }));
  EXPECT_TRUE(refused([](v1::EvaluationOutcome& o) { o.set_false_positives(101); }));
}

TEST(EvaluationOutcome, IsNotGivenAfterAStop) {
  W world = W::Ready();
  const v1::Command outcome = EvaluationOutcome(world, Evaluating(world));
  world.Do(world.Stop(kEvaluationPurpose));
  EXPECT_TRUE(RefusedBy("outcome.not-stopped", "PURPOSE_STOPPED", world, outcome));
}

}  // namespace
}  // namespace kluis::policy::measurement_test
