// SPDX-License-Identifier: Apache-2.0
// kluis.v1.VaultService.
#ifndef KLUIS_SERVICE_RPC_VAULT_SERVICE_H_
#define KLUIS_SERVICE_RPC_VAULT_SERVICE_H_

#include <chrono>
#include <mutex>

#include "kluis/v1/vault_service.grpc.pb.h"
#include "service/ledger/errors.h"
#include "service/rpc/front_door.h"

namespace kluis::service {

v1::SealStatus SealStatusOf(Vault& vault);
v1::ClockStatus ClockStatusOf(Vault& vault);

class VaultService final : public v1::VaultService::Service {
 public:
  explicit VaultService(Calls& calls) : calls_(calls), started_at_(calls.vault().ledger().Now()) {}

  grpc::Status GetVaultStatus(grpc::ServerContext* context,
                              const v1::GetVaultStatusRequest* request,
                              v1::GetVaultStatusResponse* response) override;
  grpc::Status CheckVault(grpc::ServerContext* context, const v1::CheckVaultRequest* request,
                          v1::CheckVaultResponse* response) override;
  // In vault_service_sealing.cc.
  grpc::Status InitVault(grpc::ServerContext* context, const v1::InitVaultRequest* request,
                         v1::InitVaultResponse* response) override;
  grpc::Status UnsealVault(grpc::ServerContext* context, const v1::UnsealVaultRequest* request,
                           v1::UnsealVaultResponse* response) override;
  grpc::Status SealVault(grpc::ServerContext* context, const v1::SealVaultRequest* request,
                         v1::SealVaultResponse* response) override;
  grpc::Status RekeyVault(grpc::ServerContext* context, const v1::RekeyVaultRequest* request,
                          v1::RekeyVaultResponse* response) override;
  grpc::Status OrderRekey(grpc::ServerContext* context, const v1::OrderRekeyRequest* request,
                          v1::OrderRekeyResponse* response) override;
  grpc::Status CancelRekey(grpc::ServerContext* context, const v1::CancelRekeyRequest* request,
                           v1::CancelRekeyResponse* response) override;
  grpc::Status ProveShare(grpc::ServerContext* context, const v1::ProveShareRequest* request,
                          v1::ProveShareResponse* response) override;

  // In vault_service_clock.cc.
  grpc::Status ConfirmClock(grpc::ServerContext* context, const v1::ConfirmClockRequest* request,
                            v1::ConfirmClockResponse* response) override;
  grpc::Status SetClockBack(grpc::ServerContext* context, const v1::SetClockBackRequest* request,
                            v1::SetClockBackResponse* response) override;
  grpc::Status ApproveSweep(grpc::ServerContext* context, const v1::ApproveSweepRequest* request,
                            v1::ApproveSweepResponse* response) override;

  grpc::Status GetReleaseKey(grpc::ServerContext* context, const v1::GetReleaseKeyRequest* request,
                             v1::GetReleaseKeyResponse* response) override;
  // In vault_service_backups.cc.
  grpc::Status BackUpVault(grpc::ServerContext* context, const v1::BackUpVaultRequest* request,
                           grpc::ServerWriter<v1::BackUpVaultResponse>* writer) override;
  grpc::Status ListBackups(grpc::ServerContext* context, const v1::ListBackupsRequest* request,
                           v1::ListBackupsResponse* response) override;
  grpc::Status RestoreVault(grpc::ServerContext* context, const v1::RestoreVaultRequest* request,
                            grpc::ServerWriter<v1::RestoreVaultResponse>* writer) override;

  grpc::Status ListPolicyRules(grpc::ServerContext* context,
                               const v1::ListPolicyRulesRequest* request,
                               v1::ListPolicyRulesResponse* response) override;

 private:
  // What reads everything: one at a time, as long as its caller waits, and a check of the state for
  // ten minutes at most, as its snapshot keeps what is deleted meanwhile.
  static constexpr std::chrono::minutes kLongestCheck{10};
  static absl::Status OtherCheck() {
    return WithReason(absl::UnavailableError("check: another one runs; call again later"),
                      "UNAVAILABLE");
  }

  Calls& calls_;
  std::mutex checking_;
  const int64_t started_at_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_VAULT_SERVICE_H_
