// SPDX-License-Identifier: Apache-2.0
// Inside policy/ only: what an allowed command changes. Each function appends to `ruling.changes`;
// it relies on the command's rules, which all held.
#ifndef KLUIS_POLICY_CHANGES_H_
#define KLUIS_POLICY_CHANGES_H_

#include "policy/decide.h"

namespace kluis::policy {

// Each is true when the act is one of its own.
bool ChangeEnrollment(const Facts& facts, Ruling& ruling);
bool ChangeCases(const Facts& facts, Ruling& ruling);
bool ChangeGovernance(const Facts& facts, Ruling& ruling);
bool ChangeSearches(const Facts& facts, Ruling& ruling);
bool ChangeUpkeep(const Facts& facts, Ruling& ruling);

// Shared (decide.cc).

// The next `count` slots, of which the first is returned; the counter moves on.
uint32_t TakeSlots(const Facts& facts, uint32_t count, Ruling& ruling);

// Ends `facts.record`: unsearchable from this entry on, erased right after it.
void EndRecord(const Facts& facts, v1::EndReason reason, Ruling& ruling);

// EndRecord, and the subject has one live template less.
void EndTemplate(const Facts& facts, v1::EndReason reason, Ruling& ruling);

// The year that the case which ends was opened in has one live case less.
void CountEndedCase(const Facts& facts, Ruling& ruling);

// Starts the erasure of what `slot` seals.
void StartErasure(v1::ErasureTarget target, const std::string& id, uint32_t slot, Ruling& ruling);

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_CHANGES_H_
