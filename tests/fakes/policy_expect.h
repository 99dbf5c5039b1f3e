// SPDX-License-Identifier: Apache-2.0
// What tests of rules ask of a ruling. RefusedBy and HiddenBy name the rule by its literal id as
// their first argument: tests/unit/policy_rules_test.cc reads the ids from the sources of the tests
// and fails when a rule has none.
#ifndef KLUIS_TESTS_FAKES_POLICY_EXPECT_H_
#define KLUIS_TESTS_FAKES_POLICY_EXPECT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "policy/rules.h"
#include "tests/fakes/policy_world.h"

namespace kluis::policy {

inline testing::AssertionResult Allowed(const PolicyWorld& world, const v1::Command& command) {
  const Ruling ruling = world.Decided(command);
  if (!ruling.decision.allowed()) {
    return testing::AssertionFailure() << "refused by " << ruling.decision.rule();
  }
  if (!ruling.decision.reason().empty() || !ruling.public_reason.empty() ||
      !ruling.sentence.empty()) {
    return testing::AssertionFailure() << "allowed, with a reason against it";
  }
  if (ruling.decision.rule() != RulesFor(command.act_case()).back()->id) {
    return testing::AssertionFailure() << "allowed by " << ruling.decision.rule();
  }
  const bool opens = command.has_identify() || command.has_verify() || command.has_calibrate() ||
                     command.has_evaluate() || command.has_renew_template();
  if (ruling.grant.has_value() != opens) {
    return testing::AssertionFailure() << "what opens a template, and nothing else, gets a grant";
  }
  return testing::AssertionSuccess();
}

inline testing::AssertionResult Refused(std::string_view rule, std::string_view reason,
                                        std::string_view public_reason, const PolicyWorld& world,
                                        const v1::Command& command) {
  const Ruling ruling = world.Decided(command);
  if (ruling.decision.allowed()) return testing::AssertionFailure() << "allowed";
  if (ruling.decision.rule() != rule || ruling.decision.reason() != reason ||
      ruling.public_reason != public_reason) {
    return testing::AssertionFailure()
           << "refused by " << ruling.decision.rule() << " with " << ruling.decision.reason()
           << " and, to the caller, " << ruling.public_reason;
  }
  if (!ruling.changes.empty()) return testing::AssertionFailure() << "refused, with changes";
  if (ruling.grant.has_value()) return testing::AssertionFailure() << "refused, with a grant";
  const RuleList rules = RulesFor(command.act_case());
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](const Rule* r) { return r->id == rule; });
  if (found == rules.end()) return testing::AssertionFailure() << "no rule of this command";
  const std::string_view sentence =
      public_reason == kNotPermitted ? std::string_view() : (*found)->sentence;
  if (ruling.sentence != sentence) return testing::AssertionFailure() << "the wrong sentence";
  return testing::AssertionSuccess();
}

// The rule refuses, and the caller is told why.
inline testing::AssertionResult RefusedBy(std::string_view rule, std::string_view reason,
                                          const PolicyWorld& world, const v1::Command& command) {
  return Refused(rule, reason, reason, world, command);
}

// The rule refuses, and the caller learns nothing but that.
inline testing::AssertionResult HiddenBy(std::string_view rule, std::string_view reason,
                                         const PolicyWorld& world, const v1::Command& command) {
  return Refused(rule, reason, kNotPermitted, world, command);
}

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_POLICY_EXPECT_H_
