// SPDX-License-Identifier: Apache-2.0
// kluis.v1.AuditService.
#ifndef KLUIS_SERVICE_RPC_AUDIT_SERVICE_H_
#define KLUIS_SERVICE_RPC_AUDIT_SERVICE_H_

#include "kluis/v1/audit_service.grpc.pb.h"
#include "service/rpc/front_door.h"

namespace kluis::service {

class AuditService final : public v1::AuditService::Service {
 public:
  explicit AuditService(Calls& calls) : calls_(calls) {}

  grpc::Status GetCheckpoint(grpc::ServerContext* context, const v1::GetCheckpointRequest* request,
                             v1::GetCheckpointResponse* response) override;
  grpc::Status ReadEntries(grpc::ServerContext* context, const v1::ReadEntriesRequest* request,
                           grpc::ServerWriter<v1::ReadEntriesResponse>* writer) override;
  grpc::Status GetInclusionProof(grpc::ServerContext* context,
                                 const v1::GetInclusionProofRequest* request,
                                 v1::GetInclusionProofResponse* response) override;
  grpc::Status GetConsistencyProof(grpc::ServerContext* context,
                                   const v1::GetConsistencyProofRequest* request,
                                   v1::GetConsistencyProofResponse* response) override;

 private:
  Calls& calls_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_AUDIT_SERVICE_H_
