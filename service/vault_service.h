// kluis.v1.VaultService.
#ifndef KLUIS_SERVICE_VAULT_SERVICE_H_
#define KLUIS_SERVICE_VAULT_SERVICE_H_

#include "kluis/v1/vault_service.grpc.pb.h"
#include "service/call.h"

namespace kluis::service {

class VaultService final : public v1::VaultService::Service {
 public:
  explicit VaultService(Calls& calls)
      : calls_(calls), started_at_(calls.vault().clock().NowUnix()) {}

  grpc::Status GetVaultStatus(grpc::ServerContext* context,
                              const v1::GetVaultStatusRequest* request,
                              v1::GetVaultStatusResponse* response) override;
  grpc::Status CheckVault(grpc::ServerContext* context, const v1::CheckVaultRequest* request,
                          v1::CheckVaultResponse* response) override;
  grpc::Status ListPolicyRules(grpc::ServerContext* context,
                               const v1::ListPolicyRulesRequest* request,
                               v1::ListPolicyRulesResponse* response) override;

 private:
  Calls& calls_;
  const int64_t started_at_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_VAULT_SERVICE_H_
