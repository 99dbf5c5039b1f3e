// SPDX-License-Identifier: Apache-2.0
// kluis.v1.SupervisionService.
#ifndef KLUIS_SERVICE_RPC_SUPERVISION_SERVICE_H_
#define KLUIS_SERVICE_RPC_SUPERVISION_SERVICE_H_

#include <mutex>

#include "kluis/v1/supervision_service.grpc.pb.h"
#include "service/rpc/front_door.h"

namespace kluis::service {

class SupervisionService final : public v1::SupervisionService::Service {
 public:
  explicit SupervisionService(Calls& calls) : calls_(calls) {}

  grpc::Status AccreditAuthority(grpc::ServerContext* context,
                                 const v1::AccreditAuthorityRequest* request,
                                 v1::AccreditAuthorityResponse* response) override;
  grpc::Status RegisterMember(grpc::ServerContext* context,
                              const v1::RegisterMemberRequest* request,
                              v1::RegisterMemberResponse* response) override;
  grpc::Status SetMemberTerm(grpc::ServerContext* context, const v1::SetMemberTermRequest* request,
                             v1::SetMemberTermResponse* response) override;
  grpc::Status RegisterPurpose(grpc::ServerContext* context,
                               const v1::RegisterPurposeRequest* request,
                               v1::RegisterPurposeResponse* response) override;
  grpc::Status OrderStop(grpc::ServerContext* context, const v1::OrderStopRequest* request,
                         v1::OrderStopResponse* response) override;
  grpc::Status LiftStop(grpc::ServerContext* context, const v1::LiftStopRequest* request,
                        v1::LiftStopResponse* response) override;
  grpc::Status RotateTransform(grpc::ServerContext* context,
                               const v1::RotateTransformRequest* request,
                               v1::RotateTransformResponse* response) override;
  grpc::Status InspectEntries(grpc::ServerContext* context,
                              const v1::InspectEntriesRequest* request,
                              grpc::ServerWriter<v1::InspectEntriesResponse>* writer) override;
  grpc::Status CalibratePurpose(grpc::ServerContext* context,
                                const v1::CalibratePurposeRequest* request,
                                grpc::ServerWriter<v1::CalibratePurposeResponse>* writer) override;
  grpc::Status EvaluatePurpose(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::EvaluatePurposeResponse, v1::EvaluatePurposeRequest>* stream)
      override;
  grpc::Status ListPurposes(grpc::ServerContext* context, const v1::ListPurposesRequest* request,
                            v1::ListPurposesResponse* response) override;

 private:
  Calls& calls_;
  std::mutex measuring_;  // one calibration or evaluation at a time
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_SUPERVISION_SERVICE_H_
