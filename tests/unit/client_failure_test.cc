// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "client/failure.h"
#include "google/rpc/status.pb.h"

namespace kluis::client::failure_test {
namespace {

constexpr char kServer[] = "127.0.0.1:7443";

grpc::Status Refusal(grpc::StatusCode code, const std::string& message) {
  google::rpc::ErrorInfo info;
  info.set_reason("NO_WARRANT");
  (*info.mutable_metadata())["log_index"] = "17";
  google::rpc::Status details;
  details.set_code(code);
  details.add_details()->PackFrom(info);
  return {code, message, details.SerializeAsString()};
}

TEST(FailureText, SaysReasonAndLogIndexOfARefusal) {
  const absl::Status failure =
      FromServer(Refusal(grpc::StatusCode::PERMISSION_DENIED, "the case has no warrant"));
  const std::string text = FailureText(failure, kServer);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "kluis: refused: the case has no warrant [NO_WARRANT] log index 17");
  EXPECT_NE(text.find("kluis: hint: "), std::string::npos);
}

TEST(FailureText, TellsHowToCheckAConnection) {
  const absl::Status failure = FromServer({grpc::StatusCode::UNAVAILABLE, "connection refused"});
  const std::string text = FailureText(failure, kServer);
  EXPECT_TRUE(text.starts_with("kluis: unavailable: connection refused\n")) << text;
  EXPECT_NE(text.find("is kluisd running on 127.0.0.1:7443?"), std::string::npos);
}

TEST(FailureText, EscapesWhatTheServerSays) {
  const absl::Status failure =
      FromServer({grpc::StatusCode::INVALID_ARGUMENT, "bad\nkluis: done\x1b[0m"});
  EXPECT_EQ(FailureText(failure, kServer), "kluis: invalid: bad\\u{A}kluis: done\\u{1B}[0m\n");
}

TEST(FailureText, SurvivesDetailsThatDoNotParse) {
  const absl::Status failure =
      FromServer({grpc::StatusCode::INVALID_ARGUMENT, "bad", "\xff\xff\xff"});
  EXPECT_EQ(FailureText(failure, kServer), "kluis: invalid: bad\n");
}

TEST(ExitCodeOf, FollowsTheServersCode) {
  const std::pair<grpc::StatusCode, ExitCode> cases[] = {
      {grpc::StatusCode::PERMISSION_DENIED, ExitCode::kRefused},
      {grpc::StatusCode::UNAUTHENTICATED, ExitCode::kRefused},
      {grpc::StatusCode::INVALID_ARGUMENT, ExitCode::kInvalid},
      {grpc::StatusCode::NOT_FOUND, ExitCode::kInvalid},
      {grpc::StatusCode::UNAVAILABLE, ExitCode::kUnavailable},
      {grpc::StatusCode::DEADLINE_EXCEEDED, ExitCode::kUnavailable},
      {grpc::StatusCode::FAILED_PRECONDITION, ExitCode::kNotNow},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, ExitCode::kNotNow},
      {grpc::StatusCode::INTERNAL, ExitCode::kOther},
      {grpc::StatusCode::UNIMPLEMENTED, ExitCode::kOther},
      {grpc::StatusCode::UNKNOWN, ExitCode::kOther}};
  for (const auto& [code, expected] : cases) {
    EXPECT_EQ(ExitCodeOf(FromServer({code, "x"})), expected) << code;
  }
}

TEST(ExitCodeOf, CallsALocalFileInvalidWhateverItsCode) {
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("a.key")), ExitCode::kInvalid);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("a.key: chmod 600")), ExitCode::kInvalid);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("a.npy")), ExitCode::kInvalid);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("proof")), ExitCode::kOther);
  EXPECT_EQ(ExitCodeOf(UsageError("--key is required")), ExitCode::kUsage);
}

TEST(FromServer, KeepsOk) { EXPECT_TRUE(FromServer(grpc::Status::OK).ok()); }

}  // namespace
}  // namespace kluis::client::failure_test
