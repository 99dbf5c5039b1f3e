// SPDX-License-Identifier: Apache-2.0
// Error rates of a purpose that is for nothing else, over a labelled probe set, on a supervisor's
// order. Used by one call, on its thread.
#ifndef KLUIS_SERVICE_ACTS_EVALUATION_H_
#define KLUIS_SERVICE_ACTS_EVALUATION_H_

#include "absl/status/status.h"
#include "grpcpp/support/sync_stream.h"
#include "kluis/v1/supervision_service.grpc.pb.h"
#include "service/acts/call.h"

namespace kluis::service {

using EvaluationStream =
    grpc::ServerReaderWriter<v1::EvaluatePurposeResponse, v1::EvaluatePurposeRequest>;

// Commits the order, the `first` message, as an intent; then reads exactly as many probes as it
// says, into locked memory; compares them with every template of the purpose, opened a thousand at
// a time; commits the counts at the policy's cut, and writes the report. What goes wrong after the
// intent commits an aborted outcome, and nothing of the counts is said. kInvalidArgument: a
// malformed message, a probe of another algorithm, more or fewer probes than ordered.
// kPermissionDenied: a rule refused; with TOO_FEW_PROBES below 100 mated or 100 non-mated ones.
// kCancelled: the call ended. kDataLoss: a template does not open. kUnavailable: the disk failed,
// or a rotation began.
absl::Status Evaluate(Vault& vault, const Call& call, const v1::EvaluatePurposeRequest& first,
                      EvaluationStream& stream);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_EVALUATION_H_
