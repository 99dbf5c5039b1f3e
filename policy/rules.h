// SPDX-License-Identifier: Apache-2.0
// The rules. Each is an id, the law it serves, one sentence, what the log and what the caller are
// told when it is broken, and a pure function of the facts. A command is allowed when every rule of
// its list holds: forbid overrides permit, and a command without a list has no permission.
#ifndef KLUIS_POLICY_RULES_H_
#define KLUIS_POLICY_RULES_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/facts.h"

namespace kluis::policy {

struct Rule {
  std::string_view id;
  std::string_view law;
  std::string_view sentence;
  std::string_view reason;         // UPPER_SNAKE, in the log
  std::string_view public_reason;  // to the caller: the same where the difference tells nothing
  bool (*holds)(const Facts&);
};

using RuleList = std::span<const Rule* const>;

// The reason that hides whether a person is known, consented or withdrew.
inline constexpr std::string_view kNotPermitted = "NOT_PERMITTED";

// The rules of one kind of command, in the order they are tried; empty: never allowed.
RuleList RulesFor(v1::Command::ActCase act);

// Every rule once, in the order of their files, for `kluis policy list`.
std::vector<const Rule*> AllRules();

// One line per rule and per command's list. Its SHA-256 is the policy digest in each entry.
std::string RulesText();

// Whether this goes on while nobody knows the time: it takes something away, reads, concludes what
// began, is the vault's own word about itself, or brings a vault back that is lost (a recovery).
bool WorksOnAnyTime(const v1::Command& command);

// When the log goes on after an entry: at its own time, or at the one that it says it is.
Time TimeAfter(const v1::Command& command, bool allowed, Time decided_at);

// The reasons for which a request is rejected before its own rules, such as MALFORMED_REQUEST.
bool IsRejectReason(std::string_view reason);

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_RULES_H_
