// SPDX-License-Identifier: Apache-2.0
// For every rule of policy::AllRules() a command that breaks it and, as far as it can be, no other:
// what an attacker would send to a vault that does not have the rule. tests/property/
// audit_planted_rule_test.cc fails when a rule has no row.
#ifndef KLUIS_TESTS_FAKES_RULE_BREAKERS_H_
#define KLUIS_TESTS_FAKES_RULE_BREAKERS_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fakes/policy_world.h"

namespace kluis::policy {

struct RuleBreak {
  v1::Command command;
  // What a vault without the rule would write, where its other code could not go on: the changes of
  // the act as if it were allowed. Absent: what DecideBy without the rule gives.
  std::optional<std::vector<v1::RecordChange>> changes = std::nullopt;
};

// Prepares `world`, which is Ready() but for the rules of the founding, and returns the command.
using RuleBreaker = std::function<RuleBreak(PolicyWorld& world)>;

// By rule id. The founding's own rules are tried on a world without a history.
std::map<std::string_view, RuleBreaker> RuleBreakers();

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_RULE_BREAKERS_H_
