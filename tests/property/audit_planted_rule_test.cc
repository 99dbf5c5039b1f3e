// SPDX-License-Identifier: Apache-2.0
// A vault that skips one rule writes a decision that no other vault would have written. For every
// rule that there is, a replay finds it: at its index, and by the rule's name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "audit/replay/replay.h"
#include "audit/tiles.h"
#include "policy/rules.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/rule_breakers.h"

namespace kluis::audit::planted_rule_test {
namespace {

using policy::PolicyWorld;
using policy::Rule;
using policy::RuleBreak;

bool OfFounding(std::string_view rule) { return rule.starts_with("vault."); }

std::vector<const Rule*> Without(v1::Command::ActCase act, std::string_view rule) {
  std::vector<const Rule*> rules;
  for (const Rule* each : policy::RulesFor(act)) {
    if (each->id != rule) rules.push_back(each);
  }
  return rules;
}

// Writes what the vault without `rule` writes. Returns the entry's index.
uint64_t Plant(std::string_view rule, const RuleBreak& broken, LogBuilder& log) {
  const BuiltAct act = log.Real(broken.command);
  const v1::Command::ActCase kind = act.command.act_case();
  const std::vector<const Rule*> rules = Without(kind, rule);
  EXPECT_LT(rules.size(), policy::RulesFor(kind).size()) << "not a rule of this command";
  const uint64_t index = log.size();
  if (!broken.changes.has_value()) {
    log.AppendBy(rules, act);
    return index;
  }
  v1::Decision allowed;
  allowed.set_allowed(true);
  allowed.set_rule(std::string(policy::RulesFor(kind).back()->id));
  // A statement is marked as used under the id that it was really given.
  log.AppendEntry(log.EntryOf(act, allowed, *broken.changes));
  return index;
}

class PlantedRule : public testing::TestWithParam<const Rule*> {};

TEST_P(PlantedRule, IsFoundByItsNameAtTheIndexOfItsEntry) {
  const std::string_view rule = GetParam()->id;
  const auto breakers = policy::RuleBreakers();
  ASSERT_TRUE(breakers.contains(rule)) << "no row in tests/fakes/rule_breakers.cc";
  PolicyWorld world = OfFounding(rule) ? PolicyWorld() : PolicyWorld::Ready();
  const RuleBreak broken = breakers.at(rule)(world);

  LogBuilder log;
  log.Import(world.log);
  log.SetTime(world.now);
  std::set<uint64_t> forced;  // what the state could not be without
  for (uint64_t i = 0; i < log.size(); ++i) {
    if (EntryAt(log, i).command().act_case() == v1::Command::ACT_NOT_SET) forced.insert(i);
  }
  const uint64_t planted = Plant(rule, broken, log);
  if (planted == 0) log.Start();
  log.Close();

  const ReplayReport report = ReplayOf(log);
  EXPECT_TRUE(report.integrity.status.ok());
  EXPECT_EQ(report.state.mismatches.count(), 0u) << "the liar folds its own lie";
  EXPECT_EQ(report.decisions.mismatched, forced.size() + 1);
  EXPECT_FALSE(report.clean());
  bool found = false;
  for (const ReplayMismatch& mismatch : report.decisions.mismatches.first()) {
    if (forced.contains(mismatch.index)) continue;
    EXPECT_EQ(mismatch.index, planted);
    EXPECT_EQ(mismatch.expected, rule) << mismatch.reason;
    EXPECT_NE(mismatch.recorded, rule);
    EXPECT_THAT(mismatch.reason, testing::HasSubstr(std::string(GetParam()->reason)));
    found = true;
  }
  EXPECT_TRUE(found) << ReplayText(report, 20);
}

TEST_P(PlantedRule, IsNoMismatchWhenTheVaultHasIt) {
  const std::string_view rule = GetParam()->id;
  const auto breakers = policy::RuleBreakers();
  ASSERT_TRUE(breakers.contains(rule));
  PolicyWorld world = OfFounding(rule) ? PolicyWorld() : PolicyWorld::Ready();
  const RuleBreak broken = breakers.at(rule)(world);
  LogBuilder log;
  log.Import(world.log);
  log.SetTime(world.now);
  const policy::Ruling ruling = log.Append(broken.command);
  EXPECT_FALSE(ruling.decision.allowed());
  EXPECT_EQ(ruling.decision.rule(), rule);
  EXPECT_EQ(ReplayOf(log).decisions.mismatched, rule == "purpose.identify" ? 1u : 0u);
}

std::string NameOf(const testing::TestParamInfo<const Rule*>& info) {
  std::string name(info.param->id);
  for (char& c : name) {
    if (c == '.' || c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(EveryRule, PlantedRule, testing::ValuesIn(policy::AllRules()), NameOf);

TEST(PlantedRules, HaveARowForEveryRuleAndNoneForAnyOther) {
  std::set<std::string_view> rules, rows;
  for (const Rule* rule : policy::AllRules()) rules.insert(rule->id);
  for (const auto& [rule, breaker] : policy::RuleBreakers()) rows.insert(rule);
  EXPECT_EQ(rows, rules);
}

}  // namespace
}  // namespace kluis::audit::planted_rule_test
