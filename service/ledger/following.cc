// SPDX-License-Identifier: Apache-2.0
// The part of Ledger that tells its followers, and what waits for them before it answers.
#include <algorithm>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "crypto/secret_floats.h"
#include "service/ledger/followers.h"
#include "service/ledger/ledger.h"

namespace kluis::service {

void Ledger::SetFollowers(StateFollower* state, ErasureFollower* erasures) {
  const std::lock_guard lock(mutex_);
  state_follower_ = state;
  erasure_follower_ = erasures;
}

void Ledger::Follow(const Act& act, const Committed& committed) {
  if (state_follower_ == nullptr || !committed.ruling.decision.allowed()) return;
  std::span<const float> enrolled;
  if (act.enrolled != nullptr) {
    const auto values = AsFloats(*act.enrolled);
    if (values.ok()) enrolled = *values;
  }
  for (const v1::RecordChange& change : committed.ruling.changes) {
    state_follower_->Follow(change, enrolled);
  }
}

// An erasure is started by who is inside the vault, so that it is not sealed meanwhile.
absl::StatusOr<std::string> Ledger::Erase(std::span<const Committed> entries) {
  const bool any = std::ranges::any_of(entries, [](const Committed& entry) {
    return std::ranges::any_of(entry.ruling.changes, [](const v1::RecordChange& change) {
      return change.has_pending_erasure();
    });
  });
  if (!any) return std::string();
  ErasureFollower* follower = nullptr;
  {
    const std::lock_guard lock(mutex_);
    follower = erasure_follower_;
  }
  return follower == nullptr ? std::string() : follower->Follow(entries);
}

absl::Status Ledger::Sync(const Appended& appended) {
  const absl::Status synced = database_.Sync(appended.ticket);
  return synced.ok() ? Erase(appended.acts).status() : synced;
}

absl::StatusOr<Committed> Ledger::Commit(Act act) {
  absl::StatusOr<Committed> committed = group_.Commit(std::move(act));
  if (!committed.ok()) return committed;
  absl::StatusOr<std::string> commitment = Erase({&*committed, 1});
  if (!commitment.ok()) return commitment.status();
  committed->keyring_commitment = *std::move(commitment);
  return committed;
}

}  // namespace kluis::service
