// SPDX-License-Identifier: Apache-2.0
// Calibrations in a real vault: what supervisors order, which cuts come of it, and what is refused.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/measurements.h"
#include "tests/fakes/replayed.h"

namespace kluis::calibration_test {
namespace {

TEST(Calibration, GivesThePurposeItsOwnCutsWhichEachDecisionNames) {
  TestVault vault;
  const Enrolled enrolled = EnrolMany(vault, 1'000, TestWorld::kPurpose);
  EXPECT_EQ(PurposeOf(vault).cuts().rule(), "normal-tail/1");
  const std::string name = vault.ActiveCase();
  const v1::Template probe = vault.Face(enrolled.people[0], 1);
  const auto before = Must(vault.Identify(name, probe), "identify");
  EXPECT_EQ(
      vault.EntryAt(before.receipt().log_index()).command().search_outcome().threshold_policy(),
      "normal-tail/1 fpir=0.001 n=1000");

  const auto calibrated = Must(Calibrate(vault), "calibrate");
  const v1::CutSource& cuts = calibrated.purpose().cuts();
  EXPECT_EQ(cuts.rule(), "gallery-tail/1");
  EXPECT_EQ(cuts.templates(), 1'000u);
  EXPECT_EQ(cuts.pairs(), 1'000u * 999 / 2);
  EXPECT_EQ(cuts.measured_at().seconds(), vault.now());
  const v1::Entry intent = vault.EntryAt(calibrated.intent().log_index());
  EXPECT_TRUE(intent.command().has_calibrate());
  EXPECT_EQ(intent.kind(), v1::LOG_KIND_COMBINATION);
  EXPECT_EQ(intent.envelopes_size(), 1);
  const v1::Entry outcome = vault.EntryAt(calibrated.receipt().log_index());
  const auto& distribution = outcome.command().calibration_outcome().distribution();
  EXPECT_NEAR(distribution.mean(), 0.01, 0.03);
  EXPECT_NEAR(distribution.sd(), 0.1, 0.02);

  const auto after = Must(vault.Identify(name, probe), "identify");
  EXPECT_EQ(after.result(), v1::SEARCH_RESULT_MATCH);
  const std::string policy =
      "gallery-tail/1 at=" + std::to_string(vault.now()) + " fpir=0.001 n=1000";
  EXPECT_EQ(
      vault.EntryAt(after.receipt().log_index()).command().search_outcome().threshold_policy(),
      policy);
  const auto verified = Must(vault.Verify(enrolled.subjects[0], probe), "verify");
  EXPECT_TRUE(vault.EntryAt(verified.receipt().log_index())
                  .command()
                  .search_outcome()
                  .threshold_policy()
                  .starts_with("gallery-tail/1 at="));

  vault.Restart();
  EXPECT_EQ(PurposeOf(vault).cuts().rule(), "gallery-tail/1");
  const auto later = Must(vault.Identify(name, probe), "identify");
  EXPECT_EQ(
      vault.EntryAt(later.receipt().log_index()).command().search_outcome().threshold_policy(),
      policy);
  EXPECT_EQ(Pending(vault), 0u);
  EXPECT_EQ(CleanlyReplayed(vault).completeness.open_searches, 0u);
}

TEST(Calibration, IsRefusedBelowAThousandTemplatesAndLeavesTheCutsAsTheyWere) {
  TestVault vault;
  EnrolMany(vault, 120, TestWorld::kPurpose);
  const auto refused = Calibrate(vault);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refused.reason, "TOO_FEW_TEMPLATES");
  EXPECT_EQ(PurposeOf(vault).cuts().rule(), "normal-tail/1");
  EXPECT_EQ(LastResult(vault), v1::SEARCH_RESULT_ABORTED);
  EXPECT_EQ(Pending(vault), 0u);
  EXPECT_EQ(CleanlyReplayed(vault).completeness.open_searches, 0u);
}

// Their pairs are in the tail of the strangers, and would put every cut out of reach.
TEST(Calibration, IsRefusedWherePeopleAreEnrolledTwice) {
  TestVault vault;
  const Enrolled enrolled = EnrolMany(vault, 975, TestWorld::kPurpose);
  TestWorld::Terms again;
  again.capture = 1;
  for (size_t i = 0; i < 30; ++i) {
    Person twin = vault.NewPerson();
    twin.number = enrolled.people[i].number;
    Must(vault.Enroll(twin, again), "enrol again");
  }
  const auto refused = Calibrate(vault);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(refused.reason, "IMPLAUSIBLE_STRANGERS");
  EXPECT_EQ(vault.EntryAt(*refused.log_index).command().search_outcome().result(),
            v1::SEARCH_RESULT_ABORTED);
  EXPECT_EQ(Pending(vault), 0u);
}

TEST(Calibration, NeedsTwoSupervisors) {
  TestVault vault;
  const auto refused = Calibrate(vault, TestWorld::kPurpose, {"supervisor/one"});
  EXPECT_EQ(refused.reason, "TOO_FEW_SIGNATURES");
  EXPECT_EQ(Calibrate(vault, TestWorld::kPurpose, {"officer/one"}).reason, "SIGNATURE_INVALID");
  EXPECT_EQ(Calibrate(vault, "other").reason, "PURPOSE_UNKNOWN");
}

}  // namespace
}  // namespace kluis::calibration_test
