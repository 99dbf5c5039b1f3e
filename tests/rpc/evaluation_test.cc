// SPDX-License-Identifier: Apache-2.0
// Evaluations in a real vault: what is counted, what the log says of it, what is refused; and what
// holds of every measurement.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "client/draft.h"
#include "gtest/gtest.h"
#include "service/ledger/statements.h"
#include "tests/fakes/measurements.h"
#include "tests/fakes/replayed.h"

namespace kluis::evaluation_test {
namespace {

using Stub = v1::SupervisionService::Stub;

TEST(Measurement, NeedsADeadlineWithinTheHour) {
  TestVault vault;
  RegisterErrorRates(vault);
  Stub stub(vault.ChannelOf("supervisor/one"));
  for (const bool far : {false, true}) {
    grpc::ClientContext evaluating;
    grpc::ClientContext calibrating;
    if (far) {
      const auto later = std::chrono::system_clock::now() + std::chrono::hours(2);
      evaluating.set_deadline(later);
      calibrating.set_deadline(later);
    }
    EXPECT_EQ(stub.EvaluatePurpose(&evaluating)->Finish().error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
    v1::CalibratePurposeRequest request;
    request.set_request_id(client::NewRequestId());
    v1::CalibrationOrder order;
    *request.mutable_order() = vault.Sign(order, {&vault.KeyOf("supervisor/one")});
    EXPECT_EQ(stub.CalibratePurpose(&calibrating, request)->Finish().error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST(Evaluation, TakesAtMostTenProbesOfOneSubject) {
  TestVault vault;
  RegisterErrorRates(vault);
  const Enrolled enrolled = EnrolMany(vault, 1, kErrorRates);
  const std::vector<Probe> probes(11, {vault.Face(enrolled.people[0], 1), enrolled.subjects[0]});
  const auto refused = Evaluate(vault, probes, 200);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.status.error_message(), "labelled: at most 10 probes of one subject");
}

// 300 people of whom 150 are probed. Of the mated probes 15 are somebody else's, of the non-mated
// 12 are of people who are enrolled: so many errors there are.
TEST(Evaluation, CountsTheErrorsThatWerePlanted) {
  TestVault vault;
  RegisterErrorRates(vault);
  const Enrolled enrolled = EnrolMany(vault, 300, kErrorRates);
  std::vector<Probe> probes;
  for (size_t i = 0; i < 150; ++i) {
    const v1::Template mated =
        i < 15 ? vault.Face(vault.NewPerson(), 0) : vault.Face(enrolled.people[i], 0);
    probes.push_back({mated, enrolled.subjects[i]});
    const v1::Template non_mated =
        i < 12 ? vault.Face(enrolled.people[200 + i], 0) : vault.Face(vault.NewPerson(), 0);
    probes.push_back({non_mated, ""});
  }
  probes.push_back({vault.Face(0), "subjects/" + std::string(32, '0')});
  const auto answer = Must(Evaluate(vault, probes, 301), "evaluate");
  const v1::EvaluationReport& report = answer.report();
  EXPECT_EQ(report.purpose(), "purposes/error-rates");
  EXPECT_EQ(report.gallery_size(), 300u);
  EXPECT_EQ(report.mated_probes(), 150u);
  EXPECT_EQ(report.non_mated_probes(), 150u);
  EXPECT_EQ(report.left_out(), 1u) << "of a subject who is not there";
  EXPECT_EQ(report.threshold_policy(), "normal-tail/1 fpir=0.001 n=300");
  EXPECT_EQ(report.at_policy_cut().false_negatives(), 15u);
  EXPECT_EQ(report.at_policy_cut().false_positives(), 12u);
  ASSERT_GT(report.trade_off_size(), 2);
  EXPECT_LE(report.trade_off_size(), 100);
  for (const v1::ErrorCounts& point : report.trade_off()) {
    EXPECT_GE(point.false_negatives(), point.false_positives() < 12 ? 15u : 1u);
  }

  const v1::Entry intent = vault.EntryAt(answer.intent().log_index());
  EXPECT_EQ(intent.command().evaluate().order().probes(), 301u);
  const v1::Entry outcome = vault.EntryAt(answer.receipt().log_index());
  EXPECT_EQ(outcome.command().evaluation_outcome().false_negatives(), 15u);
  EXPECT_EQ(outcome.command().evaluation_outcome().false_positives(), 12u);
  EXPECT_EQ(Pending(vault), 0u);
  EXPECT_EQ(CleanlyReplayed(vault).completeness.open_searches, 0u);
}

TEST(Evaluation, SaysNothingOfFewProbesOrOtherThanWereOrdered) {
  TestVault vault;
  RegisterErrorRates(vault);
  const Enrolled enrolled = EnrolMany(vault, 120, kErrorRates);
  std::vector<Probe> probes;
  for (size_t i = 0; i < 99; ++i) {
    probes.push_back({vault.Face(enrolled.people[i], 1), enrolled.subjects[i]});
  }
  while (probes.size() < 200) probes.push_back({vault.Face(vault.NewPerson()), ""});
  const auto few = Evaluate(vault, probes, 200);
  EXPECT_EQ(few.reason, "TOO_FEW_PROBES");
  EXPECT_FALSE(few.value.has_report());
  EXPECT_EQ(LastResult(vault), v1::SEARCH_RESULT_ABORTED);
  for (const uint32_t ordered : {199u + 2, 201u + 50}) {  // fewer came than that
    EXPECT_EQ(Evaluate(vault, probes, ordered).reason, "MALFORMED_REQUEST") << ordered;
  }
  probes.push_back(probes.back());
  EXPECT_EQ(Evaluate(vault, probes, 200).reason, "MALFORMED_REQUEST") << "one more came";
  EXPECT_EQ(Evaluate(vault, probes, 199).reason, "PROBES_NOT_ORDERED");
  EXPECT_EQ(Evaluate(vault, probes, 201, TestWorld::kPurpose).reason, "OPERATION_NOT_ALLOWED");
  EXPECT_EQ(Pending(vault), 0u);
  EXPECT_EQ(CleanlyReplayed(vault).completeness.open_searches, 0u);
}

TEST(Evaluation, RefusesProbesThatAreNone) {
  TestVault vault;
  RegisterErrorRates(vault);
  Probe probe{vault.Face(1), "subjects/7"};
  EXPECT_EQ(Evaluate(vault, {probe}, 200).reason, "UNKNOWN_NAME");
  probe = {vault.Face(1), ""};
  probe.face.set_algorithm("dlib-128/1");
  probe.face.mutable_values()->Truncate(128);
  EXPECT_EQ(Evaluate(vault, {probe}, 200).reason, "WRONG_ALGORITHM");
  probe.face.mutable_values()->Truncate(7);
  EXPECT_EQ(Evaluate(vault, {probe}, 200).reason, "MALFORMED_TEMPLATE");
  EXPECT_EQ(Pending(vault), 0u);
}

// The clock of consent decides, not the sweep that erases.
TEST(Evaluation, ComparesWithNobodyWhoseConsentIsOver) {
  TestVault vault;
  RegisterErrorRates(vault);
  const Enrolled enrolled = EnrolMany(vault, 110, kErrorRates);
  vault.Advance(101 * kDay);
  std::vector<Probe> probes;
  for (size_t i = 0; i < 110; ++i) {
    probes.push_back({vault.Face(enrolled.people[i], 1), enrolled.subjects[i]});
    probes.push_back({vault.Face(vault.NewPerson()), ""});
  }
  EXPECT_EQ(Evaluate(vault, probes, 220).reason, "TOO_FEW_PROBES") << "all are left out";
}

TEST(Evaluation, RunsAloneAndIsAbortedWhenItsCallerGoes) {
  TestVault vault;
  RegisterErrorRates(vault);
  v1::EvaluationOrder order;
  order.set_purpose(kErrorRates);
  order.set_reasons("the yearly test");
  order.set_probes(200);
  Stub stub(vault.ChannelOf("supervisor/one"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.EvaluatePurpose(&context);
  v1::EvaluatePurposeRequest message;
  message.set_request_id(client::NewRequestId());
  *message.mutable_order() = vault.Sign(order, {&vault.KeyOf("supervisor/one")});
  ASSERT_TRUE(stream->Write(message));
  while (Pending(vault) == 0) std::this_thread::yield();
  EXPECT_EQ(Evaluate(vault, {}, 200).reason, "MEASUREMENT_RUNS");
  EXPECT_EQ(Calibrate(vault).reason, "MEASUREMENT_RUNS");
  context.TryCancel();
  EXPECT_FALSE(stream->Finish().ok());
  while (Pending(vault) > 0) std::this_thread::yield();
  EXPECT_EQ(LastResult(vault), v1::SEARCH_RESULT_ABORTED);
}

// Whoever withdrew or restricted is compared with nothing.
TEST(Evaluation, ComparesWithWhoConsentsNowOnlyAndEndsAfterAStop) {
  TestVault vault;
  RegisterErrorRates(vault);
  const Enrolled enrolled = EnrolMany(vault, 130, kErrorRates);
  for (size_t i = 0; i < 10; ++i) Must(vault.Withdraw(enrolled.people[i], kErrorRates), "withdraw");
  for (size_t i = 10; i < 15; ++i) {
    Must(vault.Restrict(enrolled.people[i], kErrorRates), "restrict");
  }
  std::vector<Probe> probes;
  for (size_t i = 0; i < 130; ++i) {
    probes.push_back({vault.Face(enrolled.people[i], 1), enrolled.subjects[i]});
    probes.push_back({vault.Face(vault.NewPerson()), ""});
  }
  const auto answer = Must(Evaluate(vault, probes, 260), "evaluate");
  EXPECT_EQ(answer.report().gallery_size(), 115u);
  EXPECT_EQ(answer.report().left_out(), 15u);
  Must(vault.Stop(kErrorRates), "stop");
  EXPECT_EQ(Evaluate(vault, probes, 260).reason, "PURPOSE_STOPPED");
}

// What a crash cut off between intent and outcome is aborted at the next start.
TEST(Measurement, ThatACrashCutOffIsConcludedAtTheNextStart) {
  TestVault vault;
  v1::CalibrationOrder order;
  order.set_purpose(TestWorld::kPurpose);
  order.set_reasons("many people are enrolled");
  order.set_follows("none");
  const v1::Envelope envelope =
      vault.Sign(order, {&vault.KeyOf("supervisor/one"), &vault.KeyOf("supervisor/two")});
  service::Act act;
  act.kind = v1::LOG_KIND_COMBINATION;
  act.envelopes.push_back(envelope);
  act.command.set_method("CalibratePurpose");
  act.command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  act.command.mutable_caller()->set_name("one");
  v1::Calibrate& calibrate = *act.command.mutable_calibrate();
  auto facts = service::TakeStatement(vault.vault().state(), envelope, *calibrate.mutable_order());
  ASSERT_TRUE(facts.ok());
  *calibrate.mutable_statement() = *std::move(facts);
  calibrate.set_new_search_id(std::string(16, 'c'));
  ASSERT_TRUE(vault.vault().ledger().Commit(std::move(act))->ruling.decision.allowed());
  EXPECT_EQ(Pending(vault), 1u);
  vault.Restart();
  EXPECT_EQ(Pending(vault), 0u);
  EXPECT_EQ(PurposeOf(vault).cuts().rule(), "normal-tail/1");
  EXPECT_EQ(CleanlyReplayed(vault).completeness.open_searches, 0u);
}

}  // namespace
}  // namespace kluis::evaluation_test
