// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/enrollment_service.h"

#include "service/acts/batch_enroll.h"
#include "service/acts/enroll.h"
#include "service/acts/requests.h"
#include "service/ledger/outcome.h"

namespace kluis::service {

grpc::Status EnrollmentService::Enroll(grpc::ServerContext* context,
                                       const v1::EnrollRequest* request,
                                       v1::EnrollResponse* response) {
  return calls_.Unary<v1::EnrollRequest, v1::EnrollResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::EnrollResponse& out) {
        absl::StatusOr<Act> act = EnrollAct(calls_.vault(), call, *request);
        if (!act.ok()) return act.status();
        const absl::StatusOr<Committed> committed =
            CommitAct(calls_.vault().ledger(), *std::move(act));
        if (!committed.ok()) return committed.status();
        out = EnrollResponseOf(*committed);
        return absl::OkStatus();
      });
}

grpc::Status EnrollmentService::BatchEnroll(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::BatchEnrollResponse, v1::BatchEnrollRequest>* stream) {
  const absl::StatusOr<Call> call = calls_.Enter<v1::BatchEnrollRequest>(context);
  if (!call.ok()) return ToGrpc(call.status());
  const Calls::StreamGuard guard(calls_, context);
  call->Touch();
  v1::BatchEnrollRequest first;
  if (!stream->Read(&first) || !first.has_options()) {
    return ToGrpc(
        LogRejection(calls_.vault(), *call,
                     absl::InvalidArgumentError("batch: the first message must be options")));
  }
  BatchEnroller batch(calls_.vault(), *call, *stream);
  const v1::BatchEnrollRequest::Options& options = first.options();
  return ToGrpc(options.atomic() ? batch.RunAtomic(options.rows()) : batch.RunEach());
}

}  // namespace kluis::service
