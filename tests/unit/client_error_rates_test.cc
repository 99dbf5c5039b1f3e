// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "client/error_rates.h"

namespace kluis::client::error_rates_test {
namespace {

v1::EvaluationReport Report() {
  v1::EvaluationReport report;
  report.set_purpose("purposes/error-rates");
  report.set_algorithm("arcface-512/1");
  report.set_gallery_size(1000);
  report.set_mated_probes(200);
  report.set_non_mated_probes(1000);
  report.set_threshold_policy("normal-tail/1 fpir=0.003 n=1000");
  report.mutable_at_policy_cut()->set_false_positives(4);
  report.mutable_at_policy_cut()->set_false_negatives(10);
  for (const auto& [positives, negatives] :
       {std::pair{0u, 30u}, {4u, 10u}, {9u, 8u}, {28u, 5u}, {100u, 1u}, {500u, 0u}}) {
    report.add_trade_off()->set_false_positives(positives);
    report.mutable_trade_off()->rbegin()->set_false_negatives(negatives);
  }
  return report;
}

// Newcombe, "Two-Sided Confidence Intervals for the Single Proportion", Statistics in Medicine 17
// (1998), 857, table I, method 3.
TEST(RateOf, GivesThePublishedIntervals) {
  const ErrorRate many = RateOf(81, 263);
  EXPECT_NEAR(many.low, 0.2553, 5e-5);
  EXPECT_NEAR(many.high, 0.3662, 5e-5);
  const ErrorRate some = RateOf(15, 148);
  EXPECT_NEAR(some.low, 0.0624, 5e-5);
  EXPECT_NEAR(some.high, 0.1605, 5e-5);
  const ErrorRate none = RateOf(0, 20);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.1611, 5e-5);
  const ErrorRate one = RateOf(1, 29);
  EXPECT_NEAR(one.low, 0.0061, 5e-5);
  EXPECT_NEAR(one.high, 0.1718, 5e-5);
  EXPECT_DOUBLE_EQ(one.rate, 1.0 / 29);
}

TEST(RateOf, StaysARateAtTheEnds) {
  EXPECT_EQ(RateOf(0, 0).rate, 0);
  EXPECT_EQ(RateOf(0, 0).high, 1);
  EXPECT_EQ(RateOf(20, 20).high, 1);
  EXPECT_NEAR(RateOf(20, 20).low, 1 - 0.1611, 5e-5);
  EXPECT_EQ(RateText(RateOf(1, 100)), "0.0100 (0.0018 to 0.0545)");
}

TEST(RatesAtTargets, TakeTheCutThatAllowsTheTargetAndNoTargetOfFewerThanTenErrors) {
  const std::vector<TargetRates> rates = RatesAtTargets(Report());
  ASSERT_EQ(rates.size(), 3u) << "0.01, 0.03 and 0.1 of a thousand";
  EXPECT_EQ(rates[0].target, 0.01);
  EXPECT_EQ(rates[0].rates.fpir.errors, 9u);
  EXPECT_EQ(rates[0].rates.fnir.errors, 8u);
  EXPECT_EQ(rates[1].rates.fpir.errors, 28u);
  EXPECT_EQ(rates[2].rates.fpir.errors, 100u);
  EXPECT_EQ(rates[2].rates.fnir.errors, 1u);
  EXPECT_EQ(rates[2].rates.fnir.trials, 200u);
  v1::EvaluationReport small = Report();
  small.set_non_mated_probes(99);
  EXPECT_TRUE(RatesAtTargets(small).empty());
}

TEST(RatesTable, SaysWhatWasMeasuredAndEachRateWithItsInterval) {
  const std::string table = RatesTable(Report());
  EXPECT_NE(table.find("purposes/error-rates, arcface-512/1, 1000 templates\n"), std::string::npos);
  EXPECT_NE(table.find("policy: normal-tail/1 fpir=0.003 n=1000  0.0040 (0.0016 to 0.0102)  "
                       "0.0500 (0.0274 to 0.0896)"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("FPIR at most 0.1 "), std::string::npos);
}

}  // namespace
}  // namespace kluis::client::error_rates_test
