// SPDX-License-Identifier: Apache-2.0
#include "service/acts/call.h"

#include <utility>

#include "policy/rules.h"
#include "service/callers/call_watch.h"
#include "service/ledger/errors.h"
#include "service/ledger/ledger.h"

namespace kluis::service {

Act Call::NewAct() const {
  Act act;
  act.kind = kind;
  *act.command.mutable_caller() = caller;
  act.command.set_method(method);
  return act;
}

void Call::Touch() const {
  CallWatch::Get().SetDeadline(context, CallWatch::Clock::now() + step + kToAnswer);
}

void Call::Compute() const {
  CallWatch::Get().SetDeadline(context, CallWatch::Clock::time_point::max());
}

absl::Status LogRejection(Vault& vault, const Call& call, absl::Status status) {
  if (LogIndexOf(status).has_value()) return status;
  const bool rejected = absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status);
  std::string reason = ReasonOf(status);
  const bool open_to_all = call.kind == v1::LOG_KIND_PUBLIC && reason != kRoleNotAllowed;
  // A sealed vault says nothing before it says that it started, nor after it said that it is
  // sealed.
  Gate::Pass pass;
  if (!call.pass.owns_lock()) pass = vault.gate().Enter();
  const bool serving = call.pass.owns_lock() || pass.owns_lock();
  if (!rejected || open_to_all || !serving) return status;
  if (!policy::IsRejectReason(reason)) {
    reason = "MALFORMED_REQUEST";
    status = WithReason(std::move(status), reason);
  }
  Act act = call.NewAct();
  act.command.mutable_reject()->set_reason(reason);
  const absl::StatusOr<Committed> committed = vault.ledger().Commit(std::move(act));
  if (!committed.ok()) return committed.status();
  return WithLogIndex(std::move(status), committed->index);
}

}  // namespace kluis::service
