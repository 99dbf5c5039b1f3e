// What VaultService does about backups. The streams say how far it is, so that a long one is not
// taken for a dead one.
#include <utility>

#include "service/backups.h"
#include "service/requests.h"
#include "service/vault_service.h"

namespace kluis::service {

grpc::Status VaultService::BackUpVault(grpc::ServerContext* context,
                                       const v1::BackUpVaultRequest* request,
                                       grpc::ServerWriter<v1::BackUpVaultResponse>* writer) {
  return calls_.Stream<v1::BackUpVaultRequest>(
      context, "kluis.v1.VaultService.BackUpVault", *request, Validate,
      [&](const Call& call) -> absl::Status {
        Vault& vault = calls_.vault();
        const auto progress = [&](uint64_t bytes) {
          v1::BackUpVaultResponse message;
          message.set_copied_bytes(bytes);
          writer->Write(message);  // a caller who left does not stop a backup
        };
        absl::StatusOr<v1::Backup> made =
            MakeBackup(vault.database(), vault.backups(), request->keep(), progress);
        if (!made.ok()) return made.status();
        v1::BackUpVaultResponse last;
        // A sealed vault enters it when it is unsealed.
        if (const Gate::Pass pass = vault.gate().Enter(); pass.owns_lock()) {
          Act act = call.NewAct();
          SetBackUp(*made, *act.command.mutable_back_up());
          const absl::StatusOr<Committed> committed = CommitAct(vault, std::move(act));
          if (!committed.ok()) return committed.status();
          *last.mutable_receipt() = ReceiptOf(*committed);
        }
        *last.mutable_backup() = *std::move(made);
        writer->Write(last);
        return absl::OkStatus();
      });
}

grpc::Status VaultService::ListBackups(grpc::ServerContext* context,
                                       const v1::ListBackupsRequest* request,
                                       v1::ListBackupsResponse* response) {
  return calls_.Unary<v1::ListBackupsRequest, v1::ListBackupsResponse>(
      context, "kluis.v1.VaultService.ListBackups", *request, *response, Validate,
      [&](const Call&, v1::ListBackupsResponse& out) -> absl::Status {
        const absl::StatusOr<std::vector<v1::Backup>> backups =
            service::ListBackups(calls_.vault().backups(), request->verify());
        if (!backups.ok()) return backups.status();
        out.mutable_backups()->Assign(backups->begin(), backups->end());
        return absl::OkStatus();
      });
}

grpc::Status VaultService::RestoreVault(grpc::ServerContext* context,
                                        const v1::RestoreVaultRequest* request,
                                        grpc::ServerWriter<v1::RestoreVaultResponse>* writer) {
  return calls_.Stream<v1::RestoreVaultRequest>(
      context, "kluis.v1.VaultService.RestoreVault", *request, Validate,
      [&](const Call& call) -> absl::Status {
        const auto step = [&](std::string_view text) {
          v1::RestoreVaultResponse message;
          message.set_step(std::string(text));
          writer->Write(message);
        };
        const absl::StatusOr<v1::RestoreVaultResponse> finished = calls_.vault().FinishRestore(
            call.caller, request->recovery_order(), request->backup(), step);
        if (!finished.ok()) return finished.status();
        writer->Write(*finished);
        return absl::OkStatus();
      });
}

}  // namespace kluis::service
