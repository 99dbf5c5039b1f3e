// SPDX-License-Identifier: Apache-2.0
// What VaultService does about backups. The streams say how far it is, so that a long one is not
// taken for a dead one.
#include <utility>

#include "service/acts/requests.h"
#include "service/ledger/outcome.h"
#include "service/recovery/backups.h"
#include "service/rpc/page_bytes.h"
#include "service/rpc/page_token.h"
#include "service/rpc/vault_service.h"

namespace kluis::service {

grpc::Status VaultService::BackUpVault(grpc::ServerContext* context,
                                       const v1::BackUpVaultRequest* request,
                                       grpc::ServerWriter<v1::BackUpVaultResponse>* writer) {
  return calls_.Stream<v1::BackUpVaultRequest>(
      context, *request, Validate, [&](const Call& call) -> absl::Status {
        Vault& vault = calls_.vault();
        const auto progress = [&](uint64_t bytes) {
          v1::BackUpVaultResponse message;
          message.set_copied_bytes(bytes);
          WriteTo(call, *writer, message);  // a caller who left does not stop a backup
        };
        absl::StatusOr<v1::Backup> made =
            MakeBackup(vault.database(), vault.backups(), request->keep(), progress);
        if (!made.ok()) return made.status();
        v1::BackUpVaultResponse last;
        // A sealed vault enters it when it is unsealed.
        if (const Gate::Pass pass = vault.gate().Enter(); pass.owns_lock()) {
          Act act = call.NewAct();
          SetBackUp(*made, *act.command.mutable_back_up());
          const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
          if (!committed.ok()) return committed.status();
          *last.mutable_receipt() = ReceiptOf(*committed);
        }
        *last.mutable_backup() = *std::move(made);
        WriteTo(call, *writer, last);
        return absl::OkStatus();
      });
}

grpc::Status VaultService::ListBackups(grpc::ServerContext* context,
                                       const v1::ListBackupsRequest* request,
                                       v1::ListBackupsResponse* response) {
  return calls_.Unary<v1::ListBackupsRequest, v1::ListBackupsResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::ListBackupsResponse& out) -> absl::Status {
        const PageTokens tokens(call.peer);
        const absl::StatusOr<uint64_t> skip = tokens.Read(request->page_token());
        if (!skip.ok()) return skip.status();
        std::unique_lock alone(checking_, std::defer_lock);
        if (request->verify() && !alone.try_lock()) return OtherCheck();
        const std::string& place = calls_.vault().backups();
        const auto backups = request->verify()
                                 ? VerifyBackups(place, [&] { return call.context->IsCancelled(); })
                                 : service::ListBackups(place);
        if (!backups.ok()) return backups.status();
        PageBytes room;
        uint64_t next = *skip;
        for (; next < backups->size() && room.Take((*backups)[next]); ++next) {
          *out.add_backups() = (*backups)[next];
        }
        if (next < backups->size()) out.set_next_page_token(tokens.Make(next));
        return absl::OkStatus();
      });
}

grpc::Status VaultService::RestoreVault(grpc::ServerContext* context,
                                        const v1::RestoreVaultRequest* request,
                                        grpc::ServerWriter<v1::RestoreVaultResponse>* writer) {
  return calls_.Stream<v1::RestoreVaultRequest>(
      context, *request, Validate, [&](const Call& call) -> absl::Status {
        const auto step = [&](std::string_view text) {
          v1::RestoreVaultResponse message;
          message.set_step(std::string(text));
          WriteTo(call, *writer, message);
        };
        const absl::StatusOr<v1::RestoreVaultResponse> finished = calls_.vault().FinishRestore(
            call.caller, request->recovery_order(), request->backup(), step);
        if (!finished.ok()) return finished.status();
        WriteTo(call, *writer, *finished);
        return absl::OkStatus();
      });
}

}  // namespace kluis::service
