// SPDX-License-Identifier: Apache-2.0
// kluis.v1.SubjectService.
#ifndef KLUIS_SERVICE_RPC_SUBJECT_SERVICE_H_
#define KLUIS_SERVICE_RPC_SUBJECT_SERVICE_H_

#include "kluis/v1/subject_service.grpc.pb.h"
#include "service/callers/access_challenge.h"
#include "service/rpc/front_door.h"

namespace kluis::service {

class SubjectService final : public v1::SubjectService::Service {
 public:
  explicit SubjectService(Calls& calls) : calls_(calls), challenges_(calls.vault().clock()) {}

  grpc::Status GetAccessChallenge(grpc::ServerContext* context,
                                  const v1::GetAccessChallengeRequest* request,
                                  v1::GetAccessChallengeResponse* response) override;

  grpc::Status GetHoldings(grpc::ServerContext* context, const v1::GetHoldingsRequest* request,
                           v1::GetHoldingsResponse* response) override;
  grpc::Status WithdrawConsent(grpc::ServerContext* context,
                               const v1::WithdrawConsentRequest* request,
                               v1::WithdrawConsentResponse* response) override;
  grpc::Status RestrictProcessing(grpc::ServerContext* context,
                                  const v1::RestrictProcessingRequest* request,
                                  v1::RestrictProcessingResponse* response) override;
  grpc::Status LiftRestriction(grpc::ServerContext* context,
                               const v1::LiftRestrictionRequest* request,
                               v1::LiftRestrictionResponse* response) override;

 private:
  Calls& calls_;
  const AccessChallenges challenges_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_SUBJECT_SERVICE_H_
