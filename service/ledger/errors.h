// SPDX-License-Identifier: Apache-2.0
// The one place where errors become gRPC's: codes, reasons and what of a message may leave.
// Pure functions, thread-safe. Source: AIP-193 (google.rpc.Status with one ErrorInfo).
//
// On the wire: ErrorInfo{domain "kluis", reason UPPER_SNAKE, metadata {"log_index": decimal}}.
#ifndef KLUIS_SERVICE_LEDGER_ERRORS_H_
#define KLUIS_SERVICE_LEDGER_ERRORS_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace kluis::service {

inline constexpr char kErrorDomain[] = "kluis";

// 1 to 63 characters: A-Z first, then A-Z, 0-9 and _, not ending in _ (AIP-193).
bool IsReason(std::string_view reason);

// `status` with the reason that the caller of the RPC gets; a later reason replaces an earlier one.
// An OK status, and a reason that is not IsReason, change nothing.
absl::Status WithReason(absl::Status status, std::string_view reason);

// `status` with the index of the log entry that holds this refusal. OK stays OK.
absl::Status WithLogIndex(absl::Status status, uint64_t log_index);

// The reason set by WithReason, else the code's default; empty for OK.
std::string ReasonOf(const absl::Status& status);

// The index set by WithLogIndex.
std::optional<uint64_t> LogIndexOf(const absl::Status& status);

// What the caller of an RPC sees. Codes stay as they are but for kNotFound, which is for use inside
// only and leaves as PERMISSION_DENIED, so that nothing is learnt by asking. The message stays
// where it is ours to show; a fixed sentence replaces it for kInternal, kDataLoss, kUnknown and
// kNotFound (and drops kNotFound's reason), and for kUnavailable without a reason of WithReason:
// texts of dependencies and paths of this machine do not leave.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_ERRORS_H_
