// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/errors.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"

namespace kluis::service {
namespace {

constexpr char kInfoType[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kLogIndex[] = "log_index";
constexpr size_t kMaxReason = 63;

google::rpc::ErrorInfo InfoOf(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  const auto payload = status.GetPayload(kInfoType);
  if (payload.has_value()) info.ParseFromString(std::string(*payload));
  return info;
}

absl::Status WithInfo(absl::Status status, const google::rpc::ErrorInfo& info) {
  status.SetPayload(kInfoType, absl::Cord(info.SerializeAsString()));
  return status;
}

std::string_view DefaultReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_REQUEST";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
      return "NOT_PERMITTED";
    case absl::StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case absl::StatusCode::kResourceExhausted:
      return "LIMIT_REACHED";
    case absl::StatusCode::kFailedPrecondition:
      return "NOT_NOW";
    case absl::StatusCode::kAborted:
      return "ABORTED";
    case absl::StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case absl::StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kUnauthenticated:
      return "NOT_AUTHENTICATED";
    case absl::StatusCode::kDataLoss:
      return "DATA_LOSS";
    default:
      return "INTERNAL";
  }
}

// The sentence that leaves in place of the status's message; nullopt: the message itself does.
std::optional<std::string_view> FixedMessage(const absl::Status& status, bool has_reason) {
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return "the vault failed; its operator finds the cause in its own log";
    case absl::StatusCode::kDataLoss:
      return "stored data does not verify; the vault's operator must act";
    case absl::StatusCode::kNotFound:
      return "not permitted";
    case absl::StatusCode::kUnavailable:
      if (has_reason) return std::nullopt;
      return "the vault cannot do this now; try again later";
    default:
      return std::nullopt;
  }
}

}  // namespace

bool IsReason(std::string_view reason) {
  return !reason.empty() && reason.size() <= kMaxReason && reason.front() >= 'A' &&
         reason.front() <= 'Z' && reason.back() != '_' && std::ranges::all_of(reason, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  if (status.ok() || !IsReason(reason)) return status;
  google::rpc::ErrorInfo info = InfoOf(status);
  info.set_reason(std::string(reason));
  return WithInfo(std::move(status), info);
}

absl::Status WithLogIndex(absl::Status status, uint64_t log_index) {
  if (status.ok()) return status;
  google::rpc::ErrorInfo info = InfoOf(status);
  (*info.mutable_metadata())[kLogIndex] = absl::StrCat(log_index);
  return WithInfo(std::move(status), info);
}

std::string ReasonOf(const absl::Status& status) {
  if (status.ok()) return "";
  std::string reason = InfoOf(status).reason();
  return reason.empty() ? std::string(DefaultReason(status.code())) : reason;
}

std::optional<uint64_t> LogIndexOf(const absl::Status& status) {
  const google::rpc::ErrorInfo info = InfoOf(status);
  const auto found = info.metadata().find(kLogIndex);
  uint64_t index = 0;
  if (found == info.metadata().end() || !absl::SimpleAtoi(found->second, &index)) {
    return std::nullopt;
  }
  return index;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::ErrorInfo info = InfoOf(status);
  const std::optional<std::string_view> fixed = FixedMessage(status, !info.reason().empty());
  const bool hidden = status.code() == absl::StatusCode::kNotFound;
  const absl::StatusCode code = hidden ? absl::StatusCode::kPermissionDenied : status.code();
  if (hidden || info.reason().empty()) info.set_reason(std::string(DefaultReason(code)));
  info.set_domain(kErrorDomain);

  google::rpc::Status details;
  details.set_code(static_cast<int>(code));
  details.set_message(std::string(
      fixed.value_or(std::string_view(status.message().data(), status.message().size()))));
  details.add_details()->PackFrom(info);
  return {static_cast<grpc::StatusCode>(code), details.message(), details.SerializeAsString()};
}

}  // namespace kluis::service
