// SPDX-License-Identifier: Apache-2.0
// New shares of a vault: how they are begun, put in force and ended.
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/decide.h"
#include "service/ledger/errors.h"
#include "service/ledger/outcome.h"
#include "service/vault.h"

namespace kluis::service {
namespace {

absl::Status NotSo(std::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("vault: ", std::string(what)));
}

}  // namespace

absl::StatusOr<Committed> Vault::FinishShares(Act act) {
  const std::lock_guard lock(seal_mutex_);
  if (restored_.has_value()) return NotSo("is being recovered; unseal it with the shares it has");
  if (!gate_.is_open()) {
    const absl::StatusOr<bool> is_new = IsNew();
    if (!is_new.ok()) return is_new.status();
    if (!*is_new) return NotSo("is sealed, and has its shares; unseal it first");
    absl::StatusOr<OpenKeyring> open = unsealer_->FinishInit();
    if (!open.ok()) {
      StayClosed(open.status());
      return open.status();
    }
    const absl::Status used = UseKeyring(*std::move(open));
    if (!used.ok()) return used;
    return Serve();
  }
  if (!unlogged_.has_value()) {
    const absl::Status allowed = MayRekey(act);
    if (!allowed.ok()) return allowed;
    const absl::StatusOr<v1::Rekey> rekey = unsealer_->FinishRekey(open_);
    if (!rekey.ok()) return rekey.status();
    unlogged_ = *rekey;
  }
  *act.command.mutable_rekey() = *unlogged_;
  absl::StatusOr<Committed> committed = CommitAct(ledger(), std::move(act));
  if (committed.ok()) unlogged_.reset();
  return committed;
}

// Before anything is changed: an entry that came too late would be refused, and the shares in
// force. Under seal_mutex_, so that no cancellation comes between.
absl::Status Vault::MayRekey(const Act& act) {
  const absl::StatusOr<v1::Rekey> proposed = unsealer_->Proposed();
  if (!proposed.ok()) return proposed.status();
  v1::Command command = act.command;
  *command.mutable_rekey() = *proposed;
  return Foresee(command);
}

absl::Status Vault::Foresee(const v1::Command& command) const {
  const absl::StatusOr<policy::Ruling> ruling = ledger_->Judge(command);
  if (!ruling.ok()) return ruling.status();
  if (ruling->decision.allowed()) return absl::OkStatus();
  return WithReason(absl::PermissionDeniedError(absl::StrCat("the rule is: ", ruling->sentence)),
                    ruling->public_reason);
}

// The shares in force are in no entry yet.
absl::Status Vault::CheckLogged() const {
  if (!unlogged_.has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "shares: the new ones are in force and not in the log; prove one of them again");
}

absl::StatusOr<std::vector<crypto::SecretBytes>> Vault::BeginRekey(Act act, uint32_t needed,
                                                                   uint32_t holders,
                                                                   Committed& committed) {
  const std::lock_guard lock(seal_mutex_);
  if (!gate_.is_open()) return Sealed();
  // Shares of a rekey that is under way are dropped only for one that may begin.
  absl::Status may_begin = CheckLogged();
  if (may_begin.ok()) {
    v1::Command command = act.command;
    command.mutable_begin_rekey()->set_generation(1);  // which one it is, its shares say
    command.mutable_begin_rekey()->set_needed(needed);
    command.mutable_begin_rekey()->set_holders(holders);
    may_begin = Foresee(command);
  }
  if (!may_begin.ok()) return may_begin;
  auto made = unsealer_->BeginShares(needed, holders);
  if (!made.ok()) return made;
  const absl::StatusOr<v1::Rekey> proposed = unsealer_->Proposed();
  absl::Status status = proposed.status();
  if (status.ok()) {
    v1::BeginRekey& begun = *act.command.mutable_begin_rekey();
    begun.set_generation(proposed->generation());
    begun.set_needed(proposed->needed());
    begun.set_holders(proposed->holders());
    absl::StatusOr<Committed> entered = CommitAct(ledger(), std::move(act));
    status = entered.status();
    if (status.ok()) committed = *std::move(entered);
  }
  if (!status.ok()) {
    unsealer_->CancelShares();
    return status;
  }
  return made;
}

absl::StatusOr<Committed> Vault::EndRekey(Act act) {
  const std::lock_guard lock(seal_mutex_);
  const absl::Status logged = CheckLogged();
  if (!logged.ok()) return logged;
  absl::StatusOr<Committed> committed = CommitAct(ledger(), std::move(act));
  if (committed.ok()) unsealer_->CancelShares();
  return committed;
}

bool Vault::HasUnloggedRekey() const {
  const std::lock_guard lock(seal_mutex_);
  return unlogged_.has_value();
}

}  // namespace kluis::service
