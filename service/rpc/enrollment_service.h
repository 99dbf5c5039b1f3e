// SPDX-License-Identifier: Apache-2.0
// kluis.v1.EnrollmentService.
#ifndef KLUIS_SERVICE_RPC_ENROLLMENT_SERVICE_H_
#define KLUIS_SERVICE_RPC_ENROLLMENT_SERVICE_H_

#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "service/rpc/front_door.h"

namespace kluis::service {

class EnrollmentService final : public v1::EnrollmentService::Service {
 public:
  explicit EnrollmentService(Calls& calls) : calls_(calls) {}

  grpc::Status Enroll(grpc::ServerContext* context, const v1::EnrollRequest* request,
                      v1::EnrollResponse* response) override;
  grpc::Status BatchEnroll(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::BatchEnrollResponse, v1::BatchEnrollRequest>* stream) override;

 private:
  Calls& calls_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_ENROLLMENT_SERVICE_H_
