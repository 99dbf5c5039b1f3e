// SPDX-License-Identifier: Apache-2.0
// kluis.v1.CaseService.
#ifndef KLUIS_SERVICE_RPC_CASE_SERVICE_H_
#define KLUIS_SERVICE_RPC_CASE_SERVICE_H_

#include "kluis/v1/case_service.grpc.pb.h"
#include "service/rpc/front_door.h"

namespace kluis::service {

class CaseService final : public v1::CaseService::Service {
 public:
  explicit CaseService(Calls& calls) : calls_(calls) {}

  grpc::Status OpenCase(grpc::ServerContext* context, const v1::OpenCaseRequest* request,
                        v1::OpenCaseResponse* response) override;
  grpc::Status IssueWarrant(grpc::ServerContext* context, const v1::IssueWarrantRequest* request,
                            v1::IssueWarrantResponse* response) override;
  grpc::Status RefuseWarrant(grpc::ServerContext* context, const v1::RefuseWarrantRequest* request,
                             v1::RefuseWarrantResponse* response) override;
  grpc::Status ApproveCase(grpc::ServerContext* context, const v1::ApproveCaseRequest* request,
                           v1::ApproveCaseResponse* response) override;
  grpc::Status CloseCase(grpc::ServerContext* context, const v1::CloseCaseRequest* request,
                         v1::CloseCaseResponse* response) override;
  grpc::Status GetCase(grpc::ServerContext* context, const v1::GetCaseRequest* request,
                       v1::GetCaseResponse* response) override;
  grpc::Status ListCases(grpc::ServerContext* context, const v1::ListCasesRequest* request,
                         v1::ListCasesResponse* response) override;

 private:
  Calls& calls_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_CASE_SERVICE_H_
