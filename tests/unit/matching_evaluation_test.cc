// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "matching/evaluation.h"

namespace kluis::matching::evaluation_test {
namespace {

const Algorithm& Cosine() { return *FindAlgorithm("arcface-512/1"); }

Id IdOf(size_t n) {
  Id id{};
  id[0] = static_cast<uint8_t>(n);
  id[1] = static_cast<uint8_t>(n >> 8);
  return id;
}

// A direction of which person `n` has cosine `alike` to their own template, which is an axis, and
// to nobody else's.
std::vector<float> Probe(size_t n, double alike) {
  std::vector<float> values(512);
  values[n] = static_cast<float>(alike);
  values[511] = static_cast<float>(std::sqrt(1 - alike * alike));
  return values;
}

// People 0 to `people` - 1, in blocks of 7.
void CompareAll(Evaluation& evaluation, size_t people) {
  TemplateSample block(Cosine(), 7);
  std::vector<Id> subjects;
  for (size_t n = 0; n < people; ++n) {
    ASSERT_TRUE(block.Add(Probe(n, 1)).ok());
    subjects.push_back(IdOf(n));
    if (block.size() == 7 || n + 1 == people) {
      evaluation.Compare(block, subjects);
      block.Clear();
      subjects.clear();
    }
  }
}

// 200 mated probes: 150 at 0.8, 40 at 0.5, 10 at 0.2. 200 strangers: 2 at 0.6, 18 at 0.4, the rest
// at 0.1.
class PlantedEvaluation : public testing::Test {
 protected:
  void SetUp() override {
    for (size_t n = 0; n < 200; ++n) {
      const double alike = n < 150 ? 0.8 : n < 190 ? 0.5 : 0.2;
      ASSERT_TRUE(evaluation_.AddProbe(Probe(n, alike), IdOf(n)).ok());
    }
    for (size_t n = 0; n < 200; ++n) {
      const double alike = n < 2 ? 0.6 : n < 20 ? 0.4 : 0.1;
      ASSERT_TRUE(evaluation_.AddProbe(Probe(n, alike), std::nullopt).ok());
    }
    CompareAll(evaluation_, 210);
  }
  ErrorCounts At(uint32_t false_positives) const {
    for (const ErrorCounts& errors : evaluation_.Count(0.3).trade_off) {
      if (errors.false_positives == false_positives) return errors;
    }
    ADD_FAILURE() << "no point with " << false_positives;
    return {};
  }

  Evaluation evaluation_{Cosine(), 400, 2};
};

TEST_F(PlantedEvaluation, CountsErrorsAtTheCut) {
  const EvaluationCounts counts = evaluation_.Count(0.45);
  EXPECT_EQ(counts.mated, 200u);
  EXPECT_EQ(counts.non_mated, 200u);
  EXPECT_EQ(counts.left_out, 0u);
  EXPECT_EQ(counts.gallery_size, 210u);
  EXPECT_EQ(counts.at_cut, (ErrorCounts{.false_positives = 2, .false_negatives = 10}));
  EXPECT_EQ(evaluation_.Count(0.65).at_cut, (ErrorCounts{0, 50}));
  EXPECT_EQ(evaluation_.Count(0.05).at_cut, (ErrorCounts{200, 0}));
}

TEST_F(PlantedEvaluation, TradesErrorsOffInCountsOnly) {
  EXPECT_EQ(At(0).false_negatives, 50u) << "beyond the best stranger, at 0.6";
  EXPECT_EQ(At(2).false_negatives, 10u) << "beyond the 18 at 0.4";
  EXPECT_EQ(At(20).false_negatives, 0u) << "beyond those at 0.1";
  const std::vector<ErrorCounts> trade_off = evaluation_.Count(0.3).trade_off;
  EXPECT_LE(trade_off.size(), Evaluation::kMaxTradeOff);
  for (size_t i = 1; i < trade_off.size(); ++i) {
    EXPECT_GT(trade_off[i].false_positives, trade_off[i - 1].false_positives);
    EXPECT_LE(trade_off[i].false_negatives, trade_off[i - 1].false_negatives);
  }
}

TEST(Evaluation, CountsAMateWhoIsNotTheFirstAsMissed) {
  Evaluation evaluation(Cosine(), 2, 1);
  std::vector<float> between(512);
  between[3] = 0.6F;
  between[4] = 0.8F;
  ASSERT_TRUE(evaluation.AddProbe(between, IdOf(3)).ok());
  ASSERT_TRUE(evaluation.AddProbe(between, IdOf(4)).ok());
  CompareAll(evaluation, 10);
  EXPECT_EQ(evaluation.Count(0.5).at_cut.false_negatives, 1u);
}

TEST(Evaluation, LeavesOutMatedProbesWhoseMateIsNotThere) {
  Evaluation evaluation(Cosine(), 2, 1);
  ASSERT_TRUE(evaluation.AddProbe(Probe(3, 0.9), IdOf(3)).ok());
  ASSERT_TRUE(evaluation.AddProbe(Probe(3, 0.9), IdOf(200)).ok());
  CompareAll(evaluation, 10);
  const EvaluationCounts counts = evaluation.Count(0.5);
  EXPECT_EQ(counts.mated, 1u);
  EXPECT_EQ(counts.left_out, 1u);
  EXPECT_EQ(counts.at_cut, ErrorCounts{});
  EXPECT_TRUE(counts.trade_off.empty()) << "no non-mated probe";
}

TEST(Evaluation, GivesAtMostAHundredPointsAndTheQuotedRatesAmongThem) {
  Evaluation evaluation(Cosine(), 2000, 2);
  for (size_t n = 0; n < 1000; ++n) {
    const double alike = static_cast<double>(n) / 1001;
    ASSERT_TRUE(evaluation.AddProbe(Probe(n % 500, alike), IdOf(n % 500)).ok());
    ASSERT_TRUE(evaluation.AddProbe(Probe(n % 500, alike), std::nullopt).ok());
  }
  CompareAll(evaluation, 500);
  const EvaluationCounts counts = evaluation.Count(0.5);
  EXPECT_LE(counts.trade_off.size(), Evaluation::kMaxTradeOff);
  // A byte a value leaves some of these scores equal, and equal ones stand or fall together.
  constexpr uint32_t kEqual = 8;
  for (const uint32_t quoted : {10u, 30u, 100u, 300u}) {
    EXPECT_TRUE(std::any_of(counts.trade_off.begin(), counts.trade_off.end(),
                            [&](const ErrorCounts& e) {
                              return e.false_positives <= quoted &&
                                     e.false_positives + kEqual > quoted;
                            }))
        << quoted;
  }
}

}  // namespace
}  // namespace kluis::matching::evaluation_test
