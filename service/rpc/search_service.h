// SPDX-License-Identifier: Apache-2.0
// kluis.v1.SearchService.
#ifndef KLUIS_SERVICE_RPC_SEARCH_SERVICE_H_
#define KLUIS_SERVICE_RPC_SEARCH_SERVICE_H_

#include "kluis/v1/search_service.grpc.pb.h"
#include "service/rpc/front_door.h"

namespace kluis::service {

class SearchService final : public v1::SearchService::Service {
 public:
  explicit SearchService(Calls& calls) : calls_(calls) {}

  grpc::Status Identify(grpc::ServerContext* context, const v1::IdentifyRequest* request,
                        v1::IdentifyResponse* response) override;
  grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                      v1::VerifyResponse* response) override;
  grpc::Status AdjudicateCandidate(grpc::ServerContext* context,
                                   const v1::AdjudicateCandidateRequest* request,
                                   v1::AdjudicateCandidateResponse* response) override;
  grpc::Status DiscloseCandidate(grpc::ServerContext* context,
                                 const v1::DiscloseCandidateRequest* request,
                                 v1::DiscloseCandidateResponse* response) override;

 private:
  Calls& calls_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_SEARCH_SERVICE_H_
