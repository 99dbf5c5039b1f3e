// SPDX-License-Identifier: Apache-2.0
// What VaultService does about the seal. No share enters a message, a log line or the request
// cache.
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/record_key.h"
#include "service/acts/requests.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "service/rpc/vault_service.h"

namespace kluis::service {
namespace {

// A wrong share is refused by name, not with the vault's general words.
absl::Status OfShare(absl::Status status) {
  if (absl::IsPermissionDenied(status)) return WithReason(std::move(status), "SHARE_REFUSED");
  if (absl::IsInvalidArgument(status)) return WithReason(std::move(status), "SHARE_MALFORMED");
  return status;
}

// An operator must read what it is: files, tokens and places are theirs to mend.
absl::Status ForOperator(absl::Status status) {
  if (absl::IsUnavailable(status)) return WithReason(std::move(status), "UNSEAL_FAILED");
  if (absl::IsNotFound(status) || absl::IsDataLoss(status) || absl::IsInternal(status)) {
    return absl::FailedPreconditionError(status.message());
  }
  return status;
}

// The texts leave in a response; here they are wiped.
template <class Response>
absl::Status HandOut(absl::StatusOr<std::vector<crypto::SecretBytes>> shares, Response& out) {
  if (!shares.ok()) return shares.status();
  for (const crypto::SecretBytes& share : *shares) {
    const auto bytes = share.Expose();
    out.add_shares(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  return absl::OkStatus();
}

constexpr int64_t kHour = 3600;

// One share against the order of new shares that stands.
absl::Status GiveAgainstOrder(Vault& vault, const std::string& share,
                              v1::CancelRekeyResponse& out) {
  const auto order = policy::Find<v1::PendingRekey>(vault.state(), policy::key::PendingRekey());
  if (!order.ok()) return order.status();
  if (!order->has_value()) {
    return absl::FailedPreconditionError("shares: no order of new ones stands");
  }
  const absl::StatusOr<crypto::ShareProgress> given =
      vault.unsealer().AddCancelling((*order)->order(), share);
  if (!given.ok()) return given.status();
  out.set_have(static_cast<uint32_t>(given->have));
  out.set_need(static_cast<uint32_t>(given->need));
  return absl::OkStatus();
}

Act UpkeepAct(const Call& call) {
  Act act = call.NewAct();
  act.kind = v1::LOG_KIND_UPKEEP;
  return act;
}

}  // namespace

grpc::Status VaultService::InitVault(grpc::ServerContext* context,
                                     const v1::InitVaultRequest* request,
                                     v1::InitVaultResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::InitVaultRequest, v1::InitVaultResponse>(
      context, *request, *response, Validate,
      [&](const Call&, v1::InitVaultResponse& out) -> absl::Status {
        if (vault.gate().is_open() || vault.unsealer().Status().generation() > 0) {
          return absl::FailedPreconditionError(
              "vault: has its keyring already; new shares are made by `kluis vault rekey`");
        }
        return HandOut(vault.unsealer().BeginShares(request->needed(), request->holders()), out);
      });
}

grpc::Status VaultService::RekeyVault(grpc::ServerContext* context,
                                      const v1::RekeyVaultRequest* request,
                                      v1::RekeyVaultResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::RekeyVaultRequest, v1::RekeyVaultResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::RekeyVaultResponse& out) -> absl::Status {
        if (!vault.gate().is_open()) return Sealed();
        Act act = call.NewAct();
        if (request->cancel()) {
          act.command.mutable_void_rekey();
          const absl::StatusOr<Committed> ended = vault.EndRekey(std::move(act));
          if (!ended.ok()) return ended.status();
          *out.mutable_receipt() = ReceiptOf(*ended);
          return absl::OkStatus();
        }
        Committed begun;
        const absl::Status made = HandOut(
            vault.BeginRekey(std::move(act), request->needed(), request->holders(), begun), out);
        if (made.ok()) *out.mutable_receipt() = ReceiptOf(begun);
        return made;
      });
}

grpc::Status VaultService::OrderRekey(grpc::ServerContext* context,
                                      const v1::OrderRekeyRequest* request,
                                      v1::OrderRekeyResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::OrderRekeyRequest, v1::OrderRekeyResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::OrderRekeyResponse& out) -> absl::Status {
        if (!vault.gate().is_open()) return Sealed();
        if (vault.unsealer().kind() != v1::UNSEAL_KIND_SHARES) {
          return WithReason(
              absl::FailedPreconditionError("shares: keys.unseal of this vault is not \"shares\""),
              "NOT_BY_SHARES");
        }
        Act act = call.NewAct();
        v1::OrderRekey& command = *act.command.mutable_order_rekey();
        absl::StatusOr<v1::StatementFacts> facts =
            TakeStatement(vault.state(), request->order(), *command.mutable_order());
        if (!facts.ok()) return facts.status();
        *command.mutable_statement() = *std::move(facts);
        act.envelopes.push_back(request->order());
        const absl::StatusOr<Committed> ordered = CommitAct(vault.ledger(), std::move(act));
        if (!ordered.ok()) return ordered.status();
        *out.mutable_receipt() = ReceiptOf(*ordered);
        const auto record = policy::Find<v1::VaultRecord>(vault.state(), policy::key::Vault());
        if (!record.ok()) return record.status();
        const int64_t delay = (*record)->founding().legal_profile().rekey_delay_hours() * kHour;
        out.mutable_due_at()->set_seconds(ordered->decided_at + delay);
        return absl::OkStatus();
      });
}

// Also of a sealed vault: nothing of it needs the keyring.
grpc::Status VaultService::CancelRekey(grpc::ServerContext* context,
                                       const v1::CancelRekeyRequest* request,
                                       v1::CancelRekeyResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::CancelRekeyRequest, v1::CancelRekeyResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::CancelRekeyResponse& out) -> absl::Status {
        Act act = call.NewAct();
        if (request->has_cancellation()) {
          v1::CancelRekey& command = *act.command.mutable_cancel_rekey();
          absl::StatusOr<v1::StatementFacts> facts = TakeStatement(
              vault.state(), request->cancellation(), *command.mutable_cancellation());
          if (!facts.ok()) return facts.status();
          *command.mutable_statement() = *std::move(facts);
          act.envelopes.push_back(request->cancellation());
        } else {
          const absl::Status enough = GiveAgainstOrder(vault, request->share(), out);
          if (!enough.ok() || out.have() < out.need()) return OfShare(enough);
          for (const uint32_t number : vault.unsealer().Cancelling()) {
            act.command.mutable_void_rekey()->add_old_shares(number);
          }
        }
        const absl::StatusOr<Committed> ended = vault.EndRekey(std::move(act));
        if (!ended.ok()) return ended.status();
        *out.mutable_receipt() = ReceiptOf(*ended);
        return absl::OkStatus();
      });
}

grpc::Status VaultService::ProveShare(grpc::ServerContext* context,
                                      const v1::ProveShareRequest* request,
                                      v1::ProveShareResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::ProveShareRequest, v1::ProveShareResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::ProveShareResponse& out) -> absl::Status {
        bool last = vault.HasUnloggedRekey();
        if (!last) {
          const absl::StatusOr<bool> proven = vault.unsealer().ProveShare(request->share());
          if (!proven.ok()) return OfShare(proven.status());
          last = *proven;
        }
        if (last) {
          const absl::StatusOr<Committed> finished = vault.FinishShares(UpkeepAct(call));
          // Proven, and not in force: old holders must agree, or an order must be due.
          const bool waits = ReasonOf(finished.status()) == "REKEY_NOT_DUE";
          if (!finished.ok() && !waits) return ForOperator(finished.status());
          if (finished.ok()) *out.mutable_receipt() = ReceiptOf(*finished);
        }
        *out.mutable_seal() = SealStatusOf(vault);
        return absl::OkStatus();
      });
}

grpc::Status VaultService::UnsealVault(grpc::ServerContext* context,
                                       const v1::UnsealVaultRequest* request,
                                       v1::UnsealVaultResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::UnsealVaultRequest, v1::UnsealVaultResponse>(
      context, *request, *response, Validate,
      [&](const Call&, v1::UnsealVaultResponse& out) -> absl::Status {
        if (vault.gate().is_open()) {
          return absl::FailedPreconditionError("vault: is not sealed");
        }
        if (request->forget()) {
          vault.unsealer().ForgetShares();
          *out.mutable_seal() = SealStatusOf(vault);
          return absl::OkStatus();
        }
        if (vault.unsealer().kind() == v1::UNSEAL_KIND_SHARES || !request->share().empty()) {
          const absl::Status added = vault.unsealer().AddShare(request->share());
          // A share that was enough before may be given again after a disk that failed.
          if (!added.ok() && !vault.unsealer().HasEnough()) return OfShare(added);
          if (!vault.unsealer().HasEnough()) {
            const v1::SealStatus progress = SealStatusOf(vault);
            *out.mutable_seal() = progress;
            return absl::OkStatus();
          }
        }
        const absl::StatusOr<std::optional<Committed>> started = vault.Unseal();
        if (!started.ok()) return ForOperator(started.status());
        if (started->has_value()) *out.mutable_receipt() = ReceiptOf(**started);
        *out.mutable_seal() = SealStatusOf(vault);
        return absl::OkStatus();
      });
}

grpc::Status VaultService::SealVault(grpc::ServerContext* context,
                                     const v1::SealVaultRequest* request,
                                     v1::SealVaultResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::SealVaultRequest, v1::SealVaultResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::SealVaultResponse& out) -> absl::Status {
        if (!vault.gate().is_open()) return Sealed();
        const absl::StatusOr<Committed> sealed =
            vault.Seal(UpkeepAct(call), [&] { calls_.CancelStreams(); });
        if (!sealed.ok()) return sealed.status();
        *out.mutable_receipt() = ReceiptOf(*sealed);
        calls_.ForgetAnswers();
        return absl::OkStatus();
      });
}

}  // namespace kluis::service
