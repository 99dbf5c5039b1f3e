// SPDX-License-Identifier: Apache-2.0
// The rules as a whole: well formed, in every command's list, and each with a test that breaks it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "policy/rules.h"

namespace kluis::policy::rules_test {
namespace {

using testing::ElementsAreArray;

// The ids that the unit tests of policy/ name in RefusedBy("...") and HiddenBy("...").
std::set<std::string> BrokenInTests() {
  std::set<std::string> ids;
  const std::regex broken(R"re((?:RefusedBy|HiddenBy)\(\s*"([^"]+)")re");
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(KLUIS_TESTS_DIR) / "unit")) {
    const std::string name = file.path().filename();
    if (!name.starts_with("policy_") || name == "policy_rules_test.cc") continue;
    std::ifstream stream(file.path());
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    for (std::sregex_iterator at(text.begin(), text.end(), broken), end; at != end; ++at) {
      ids.insert((*at)[1]);
    }
  }
  return ids;
}

TEST(Rules, AreEachBrokenByATestAndTheTestsNameNoOther) {
  std::set<std::string> ids;
  for (const Rule* rule : AllRules()) ids.insert(std::string(rule->id));
  EXPECT_THAT(BrokenInTests(), ElementsAreArray(ids));
}

TEST(Rules, HaveAnIdOfTheirOwnALawASentenceAndReasons) {
  const std::regex id("[a-z]+\\.[a-z]+(-[a-z]+)*");
  const std::regex reason("[A-Z]+(_[A-Z]+)*");
  std::set<std::string_view> ids;
  std::set<std::string_view> sentences;
  for (const Rule* rule : AllRules()) {
    EXPECT_TRUE(std::regex_match(std::string(rule->id), id)) << rule->id;
    EXPECT_TRUE(ids.insert(rule->id).second) << rule->id;
    EXPECT_FALSE(rule->law.empty()) << rule->id;
    EXPECT_TRUE(rule->sentence.ends_with(".")) << rule->id;
    EXPECT_TRUE(sentences.insert(rule->sentence).second) << rule->id;
    EXPECT_TRUE(std::regex_match(std::string(rule->reason), reason)) << rule->id;
    EXPECT_TRUE(rule->public_reason == rule->reason || rule->public_reason == kNotPermitted)
        << rule->id;
    EXPECT_NE(rule->holds, nullptr) << rule->id;
  }
  EXPECT_GT(ids.size(), 60u);
}

TEST(Rules, CoverEveryActButReject) {
  const auto* acts = v1::Command::descriptor()->FindOneofByName("act");
  for (int i = 0; i < acts->field_count(); ++i) {
    const auto act = static_cast<v1::Command::ActCase>(acts->field(i)->number());
    EXPECT_EQ(RulesFor(act).empty(), act == v1::Command::kReject) << acts->field(i)->name();
  }
  EXPECT_TRUE(RulesFor(v1::Command::ACT_NOT_SET).empty());
}

TEST(Rules, AreInNoListTwice) {
  const auto* acts = v1::Command::descriptor()->FindOneofByName("act");
  for (int i = 0; i < acts->field_count(); ++i) {
    const RuleList rules = RulesFor(static_cast<v1::Command::ActCase>(acts->field(i)->number()));
    EXPECT_EQ(std::set<const Rule*>(rules.begin(), rules.end()).size(), rules.size())
        << acts->field(i)->name();
  }
}

// A statement is the authority for what it asks: whoever carries one must be checked for all of it.
TEST(Rules, OfEveryCommandWithAStatementCheckVaultAgeReuseAndSignature) {
  const auto* acts = v1::Command::descriptor()->FindOneofByName("act");
  for (int i = 0; i < acts->field_count(); ++i) {
    const auto* fields = acts->field(i)->message_type();
    if (fields->FindFieldByName("statement") == nullptr) continue;
    if (acts->field(i)->name() == "found") continue;  // there is no vault before it
    std::set<std::string_view> ids;
    for (const Rule* rule : RulesFor(static_cast<v1::Command::ActCase>(acts->field(i)->number()))) {
      ids.insert(rule->id);
    }
    const std::string& name = acts->field(i)->name();
    for (const char* id : {"statement.this-vault", "statement.once"}) {
      EXPECT_TRUE(ids.contains(id)) << name << " " << id;
    }
    // An order about the clock is judged by the time and the head that it names, not by its age.
    const bool about_clock = ids.contains("clock.named") || ids.contains("clock.set-back");
    EXPECT_NE(ids.contains("statement.fresh"), about_clock) << name;
    EXPECT_TRUE(ids.contains("member.signed") || ids.contains("supervisor.signed") ||
                ids.contains("subject.known") || ids.contains("recovery.two-operators") ||
                ids.contains("rekey.two-operators") || ids.contains("clock.two-operators") ||
                ids.contains("sweep.operator"))
        << name;
  }
}

TEST(RulesText, HasALinePerRuleAndPerAct) {
  const std::string text = RulesText();
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  const auto* acts = v1::Command::descriptor()->FindOneofByName("act");
  EXPECT_EQ(lines, AllRules().size() + static_cast<size_t>(acts->field_count()));
  EXPECT_EQ(text, RulesText());
  EXPECT_NE(text.find("verify: caller.role member.registered authority.accredited"),
            std::string::npos);
  EXPECT_NE(text.find("reject:\n"), std::string::npos);
}

TEST(RejectReason, IsOneOfTheRegisteredOnes) {
  EXPECT_TRUE(IsRejectReason("ROLE_NOT_ALLOWED"));
  EXPECT_TRUE(IsRejectReason("MALFORMED_REQUEST"));
  EXPECT_FALSE(IsRejectReason(""));
  EXPECT_FALSE(IsRejectReason("ROLE"));
  EXPECT_FALSE(IsRejectReason("NOT_PERMITTED"));
}

}  // namespace
}  // namespace kluis::policy::rules_test
