// SPDX-License-Identifier: Apache-2.0
// The decision: a pure function of the state, the command and the time. The log keeps the command
// and the time, so a replay that folds the entries before it comes to the same decision.
// Stateless and thread-safe.
#ifndef KLUIS_POLICY_DECIDE_H_
#define KLUIS_POLICY_DECIDE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/facts.h"
#include "policy/grant.h"
#include "policy/rules.h"

namespace kluis::policy {

struct Ruling {
  v1::Decision decision;                  // for the log
  std::string public_reason;              // for the caller; empty when allowed
  std::string sentence;                   // of the broken rule, when the caller may know it
  std::vector<v1::RecordChange> changes;  // empty when refused
  std::optional<Grant> grant;             // for an allowed search, renewal or measurement
};

// Rules on `command` at `now`. The first broken rule of the command's list refuses it.
// Any error of `state` is returned, and nothing may then happen: a store that is down denies.
// kInvalidArgument: `now` is before 1970 or after the year 9999.
absl::StatusOr<Ruling> Decide(const StateView& state, const v1::Command& command, Time now);

// Decide with other rules than the command's own: what a vault without one of them would have
// written, which a replay must find.
absl::StatusOr<Ruling> DecideBy(RuleList rules, const StateView& state, const v1::Command& command,
                                Time now);

// The permission to load the gallery of an active case's purpose, which opens its templates and
// searches nothing: candidate_cap is 0. nullopt outside of the warrant's window, and while the
// purpose is stopped, rotates or does not identify. Any error of `state`.
absl::StatusOr<std::optional<Grant>> GrantToLoad(const StateView& state, const v1::CaseRecord& kase,
                                                 Time now);

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_DECIDE_H_
