// SPDX-License-Identifier: Apache-2.0
#include "client/failure.h"

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client/output.h"
#include "google/rpc/status.pb.h"

namespace kluis::client {
namespace {

constexpr char kServerInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kUsage[] = "kluis/usage";

// Absent: a local failure.
std::optional<google::rpc::ErrorInfo> ServerInfo(const absl::Status& failure) {
  const auto payload = failure.GetPayload(kServerInfo);
  if (!payload.has_value()) return std::nullopt;
  google::rpc::ErrorInfo info;
  info.ParseFromString(std::string(*payload));  // we wrote it ourselves
  return info;
}

ExitCode OfServerCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kRefused;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
      return ExitCode::kInvalid;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kUnavailable;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return ExitCode::kNotNow;
    default:
      return ExitCode::kOther;
  }
}

std::string_view WordOf(ExitCode code) {
  switch (code) {
    case ExitCode::kUsage:
      return "usage";
    case ExitCode::kRefused:
      return "refused";
    case ExitCode::kInvalid:
      return "invalid";
    case ExitCode::kUnavailable:
      return "unavailable";
    case ExitCode::kNotNow:
      return "not now";
    default:
      return "error";
  }
}

std::string HintFor(const absl::Status& failure, bool from_server, std::string_view server) {
  switch (failure.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::StrCat(
          "is kluisd running on ", std::string(server),
          "? Check --server, and that --ca, --cert and --cert-key (or --home and --as) belong to "
          "this vault: openssl s_client -connect ",
          std::string(server), " -CAfile CA -cert CERT -key KEY");
    case absl::StatusCode::kDeadlineExceeded:
      return "no answer in time; give a longer --timeout. Whether it was done is in the log";
    case absl::StatusCode::kUnauthenticated:
      return "the vault does not know this certificate; see --as, --cert and --cert-key";
    case absl::StatusCode::kPermissionDenied:
      if (ServerReason(failure) == "PREDECESSOR_DIFFERS") {
        return "it was signed on another state than the vault has by now; look at it again (`kluis "
               "purpose show`, `kluis case show`, `kluis consent sign --again`) and sign anew";
      }
      return from_server ? "`kluis policy list` explains each rule and its reason" : "";
    case absl::StatusCode::kResourceExhausted:
      return "a limit of the warrant or of the vault is used up; it is not raised by trying again";
    case absl::StatusCode::kFailedPrecondition:
      return from_server ? "the vault or the case is not in the state for this; `kluis case show`, "
                           "`kluis purpose list` and `kluis vault status` tell"
                         : "";
    case absl::StatusCode::kUnimplemented:
      return "this vault does not have that call; compare `kluis --version` with the vault's";
    default:
      return "";
  }
}

}  // namespace

std::string ServerReason(const absl::Status& failure) {
  const auto info = ServerInfo(failure);
  return info.has_value() ? info->reason() : "";
}

std::string_view ExitCodeHelp() {
  return "Exit codes:\n"
         "  0  done\n"
         "  1  the search ran and found no match\n"
         "  2  wrong usage\n"
         "  3  refused by a rule of the vault\n"
         "  4  invalid input: a value, a statement or a file\n"
         "  5  the server cannot be reached or did not answer in time\n"
         "  6  not now: the state does not allow it, or a limit is used up\n"
         "  7  anything else, also an answer that does not verify\n";
}

absl::Status FromServer(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::ErrorInfo info;
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : details.details()) {
      if (detail.Is<google::rpc::ErrorInfo>() && detail.UnpackTo(&info)) break;
    }
  }
  absl::Status failure(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  failure.SetPayload(kServerInfo, absl::Cord(info.SerializeAsString()));
  return failure;
}

absl::Status UsageError(std::string_view message) {
  absl::Status failure = absl::InvalidArgumentError(std::string(message));
  failure.SetPayload(kUsage, absl::Cord());
  return failure;
}

ExitCode ExitCodeOf(const absl::Status& failure) {
  if (failure.GetPayload(kUsage).has_value()) return ExitCode::kUsage;
  if (ServerInfo(failure).has_value()) return OfServerCode(failure.code());
  switch (failure.code()) {
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return ExitCode::kOther;
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kUnavailable;
    default:
      return ExitCode::kInvalid;
  }
}

std::string FailureText(const absl::Status& failure, std::string_view server) {
  const std::optional<google::rpc::ErrorInfo> info = ServerInfo(failure);
  const ExitCode code = ExitCodeOf(failure);
  std::string text = absl::StrCat("kluis: ", std::string(WordOf(code)), ": ",
                                  Printable(std::string(failure.message())));
  if (info.has_value()) {
    if (!info->reason().empty()) absl::StrAppend(&text, " [", Printable(info->reason()), "]");
    const auto index = info->metadata().find("log_index");
    if (index != info->metadata().end()) {
      absl::StrAppend(&text, " log index ", Printable(index->second));
    }
  }
  absl::StrAppend(&text, "\n");
  const bool about_server = info.has_value() || code == ExitCode::kUnavailable;
  const std::string hint = about_server ? HintFor(failure, info.has_value(), server) : "";
  if (!hint.empty()) absl::StrAppend(&text, "kluis: hint: ", hint, "\n");
  return text;
}

}  // namespace kluis::client
