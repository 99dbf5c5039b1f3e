// SPDX-License-Identifier: Apache-2.0
// What VaultService does about decision time. The orders work while the vault is sealed.
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/merkle.h"
#include "base/codec.h"
#include "service/acts/requests.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "service/rpc/vault_service.h"

namespace kluis::service {
namespace {

absl::Status UnfitOrder(std::string why) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat("order: ", why)),
                    "CLOCK_ORDER_UNFIT");
}

// An order is for the log as it was when the time was last known, or a later head of it: one that
// was signed for an earlier fault is over. Whether its time fits is for the rules.
template <class Order>
absl::Status CheckOrderedHead(Vault& vault, const Order& order) {
  const uint64_t known = vault.ledger().known_size();
  if (order.size() < known || order.size() > vault.ledger().size()) {
    return UnfitOrder(absl::StrCat("names a log of ", order.size(), " entries, and it had ", known,
                                   " when the time was last known; see `kluis clock show`"));
  }
  const absl::StatusOr<crypto::Hash> root =
      audit::RangeRoot(0, order.size(), vault.ledger().Nodes());
  if (!root.ok()) return root.status();
  if (base::ToHex(crypto::Bytes(*root)) == order.root()) return absl::OkStatus();
  return UnfitOrder("names another root than the log had then; see `kluis clock show`");
}

// The machine's clock must show what the order says, but for what the order took on its way: time
// goes on from there, and both clocks agree.
template <class Order>
absl::Status CheckOrderedTime(const DecisionClock::Reading& clock, const Order& order) {
  constexpr int64_t kSkew = 300;
  constexpr int64_t kOnItsWay = 3600;
  const int64_t machine = clock.time + clock.ahead;
  const int64_t late = machine - order.time().seconds();
  if (late >= -kSkew && late <= kOnItsWay) return absl::OkStatus();
  return UnfitOrder(absl::StrCat("the machine's clock is ", Lasting(std::abs(late)),
                                 late > 0 ? " ahead of" : " behind",
                                 " the time that it names: set that clock, or sign a new order"));
}

// Reads the order into `command`, checks it against log and machine, and commits it.
template <class Command, class Response>
absl::Status CommitOrder(Vault& vault, const Call& call, const v1::Envelope& envelope,
                         Command* (v1::Command::*act_of)(), Response& out) {
  Act act = call.NewAct();
  Command& command = *(act.command.*act_of)();
  absl::StatusOr<v1::StatementFacts> facts =
      TakeStatement(vault.state(), envelope, *command.mutable_order());
  if (!facts.ok()) return facts.status();
  *command.mutable_statement() = *std::move(facts);
  const DecisionClock::Reading clock = vault.ledger().ReadClock();
  absl::Status fits = CheckOrderedHead(vault, command.order());
  if (fits.ok()) fits = CheckOrderedTime(clock, command.order());
  if (!fits.ok()) return fits;
  const policy::Time time = clock.time + clock.ahead;
  command.set_time(time);
  act.envelopes.push_back(envelope);
  const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
  if (!committed.ok()) return committed.status();
  *out.mutable_receipt() = ReceiptOf(*committed);
  out.mutable_time()->set_seconds(time);
  return absl::OkStatus();
}

}  // namespace

v1::ClockStatus ClockStatusOf(Vault& vault) {
  const DecisionClock::Reading clock = vault.ledger().ReadClock();
  v1::ClockStatus status;
  status.mutable_decision_time()->set_seconds(clock.time);
  status.mutable_machine_time()->set_seconds(clock.time + clock.ahead);
  status.set_ahead_seconds(clock.ahead);
  status.set_trusted(clock.trusted());
  status.set_fault(InWords(clock));
  status.set_head_size(vault.ledger().known_size());
  const auto root = audit::RangeRoot(0, status.head_size(), vault.ledger().Nodes());
  if (root.ok()) status.set_head_root(base::ToHex(crypto::Bytes(*root)));
  const Gate::Pass pass = vault.gate().Enter();
  if (pass.owns_lock()) status.set_sweep_waits_for(vault.sweeper().waits_for());
  return status;
}

grpc::Status VaultService::ConfirmClock(grpc::ServerContext* context,
                                        const v1::ConfirmClockRequest* request,
                                        v1::ConfirmClockResponse* response) {
  return calls_.Unary<v1::ConfirmClockRequest, v1::ConfirmClockResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::ConfirmClockResponse& out) -> absl::Status {
        if (calls_.vault().ledger().ReadClock().trusted()) {
          return UnfitOrder("the vault knows the time; nothing needs to be confirmed");
        }
        return CommitOrder(calls_.vault(), call, request->order(),
                           &v1::Command::mutable_confirm_clock, out);
      });
}

grpc::Status VaultService::SetClockBack(grpc::ServerContext* context,
                                        const v1::SetClockBackRequest* request,
                                        v1::SetClockBackResponse* response) {
  return calls_.Unary<v1::SetClockBackRequest, v1::SetClockBackResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::SetClockBackResponse& out) {
        return CommitOrder(calls_.vault(), call, request->order(),
                           &v1::Command::mutable_set_clock_back, out);
      });
}

grpc::Status VaultService::ApproveSweep(grpc::ServerContext* context,
                                        const v1::ApproveSweepRequest* request,
                                        v1::ApproveSweepResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::ApproveSweepRequest, v1::ApproveSweepResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::ApproveSweepResponse& out) -> absl::Status {
        Act act = call.NewAct();
        v1::ApproveSweep& command = *act.command.mutable_approve_sweep();
        absl::StatusOr<v1::StatementFacts> facts =
            TakeStatement(vault.state(), request->approval(), *command.mutable_approval());
        if (!facts.ok()) return facts.status();
        *command.mutable_statement() = *std::move(facts);
        if (vault.sweeper().waits_for() == 0) {
          return absl::FailedPreconditionError("approval: no sweep waits; see `kluis clock show`");
        }
        if (command.approval().people() < vault.sweeper().waits_for()) {
          return WithReason(
              absl::FailedPreconditionError(absl::StrCat(
                  "approval: is for ", command.approval().people(), " people, and the sweep ends ",
                  vault.sweeper().waits_for(), "; see `kluis clock show`")),
              "APPROVAL_TOO_SMALL");
        }
        act.envelopes.push_back(request->approval());
        const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
        if (!committed.ok()) return committed.status();
        vault.sweeper().Approve(committed->command.approve_sweep().approval().people());
        *out.mutable_receipt() = ReceiptOf(*committed);
        return absl::OkStatus();
      });
}

}  // namespace kluis::service
