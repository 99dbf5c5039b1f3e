// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "google/rpc/status.pb.h"
#include "service/ledger/errors.h"

namespace kluis::service::errors_test {
namespace {

google::rpc::ErrorInfo InfoOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  EXPECT_EQ(details.details_size(), 1);
  for (const auto& detail : details.details()) EXPECT_TRUE(detail.UnpackTo(&info));
  return info;
}

TEST(ToGrpc, KeepsOkWithoutDetails) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(ToGrpc(WithLogIndex(WithReason(absl::OkStatus(), "X"), 1)).ok());
  EXPECT_EQ(ToGrpc(absl::OkStatus()).error_details(), "");
}

TEST(ToGrpc, CarriesReasonDomainAndLogIndex) {
  const absl::Status refused = WithLogIndex(
      WithReason(absl::PermissionDeniedError("warrant: expired"), "WARRANT_EXPIRED"), 42);
  const grpc::Status status = ToGrpc(refused);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "warrant: expired");
  const google::rpc::ErrorInfo info = InfoOf(status);
  EXPECT_EQ(info.domain(), "kluis");
  EXPECT_EQ(info.reason(), "WARRANT_EXPIRED");
  ASSERT_EQ(info.metadata().size(), 1U);
  EXPECT_EQ(info.metadata().at("log_index"), "42");
  EXPECT_EQ(LogIndexOf(refused), 42U);
}

TEST(ToGrpc, KeepsEveryCodeButNotFound) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "text");
    const grpc::Status sent = ToGrpc(status);
    const int expected =
        code == static_cast<int>(absl::StatusCode::kNotFound) ? grpc::PERMISSION_DENIED : code;
    EXPECT_EQ(sent.error_code(), expected);
    EXPECT_TRUE(IsReason(InfoOf(sent).reason())) << code;
    EXPECT_TRUE(InfoOf(sent).metadata().empty());
  }
}

TEST(ToGrpc, ReplacesTextsOfInternalFailures) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kInternal, absl::StatusCode::kDataLoss, absl::StatusCode::kUnknown,
        absl::StatusCode::kUnavailable, absl::StatusCode::kNotFound}) {
    const grpc::Status sent = ToGrpc(absl::Status(code, "canary /var/lib/kluis/000012.sst"));
    EXPECT_EQ(sent.error_message().find("canary"), std::string::npos);
    EXPECT_EQ(sent.error_details().find("canary"), std::string::npos);
    EXPECT_FALSE(sent.error_message().empty());
  }
  for (const absl::StatusCode code : {absl::StatusCode::kInternal, absl::StatusCode::kDataLoss}) {
    const grpc::Status sent = ToGrpc(WithReason(absl::Status(code, "canary"), "BROKEN"));
    EXPECT_EQ(sent.error_details().find("canary"), std::string::npos);
    EXPECT_EQ(InfoOf(sent).reason(), "BROKEN");
  }
}

TEST(ToGrpc, ShowsAnUnavailabilityThatHasAReason) {
  const grpc::Status sent = ToGrpc(WithReason(absl::UnavailableError("vault: stops"), "STOPPING"));
  EXPECT_EQ(sent.error_message(), "vault: stops");
}

TEST(ToGrpc, MakesNotFoundLookLikeAnyRefusal) {
  const grpc::Status hidden = ToGrpc(WithReason(absl::NotFoundError("no subject"), "NO_SUBJECT"));
  const grpc::Status refused = ToGrpc(absl::PermissionDeniedError("not permitted"));
  EXPECT_EQ(hidden.error_code(), refused.error_code());
  EXPECT_EQ(hidden.error_message(), refused.error_message());
  EXPECT_EQ(hidden.error_details(), refused.error_details());
}

TEST(WithReason, ReplacesAReasonAndKeepsTheRest) {
  absl::Status status = WithLogIndex(absl::AbortedError("text"), 7);
  status = WithReason(WithReason(status, "FIRST"), "SECOND_2");
  EXPECT_EQ(ReasonOf(status), "SECOND_2");
  EXPECT_EQ(LogIndexOf(status), 7U);
  EXPECT_EQ(status.message(), "text");
}

TEST(WithReason, IgnoresWhatIsNoReason) {
  for (const char* reason : {"", "lower", "_X", "X_", "9X", "A B", "A-B"}) {
    EXPECT_FALSE(IsReason(reason));
    EXPECT_EQ(ReasonOf(WithReason(absl::InvalidArgumentError("x"), reason)), "INVALID_REQUEST");
  }
  EXPECT_TRUE(IsReason(std::string(63, 'A')));
  EXPECT_FALSE(IsReason(std::string(64, 'A')));
}

TEST(ReasonOf, HasADefaultForEveryCode) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  for (int code = 1; code <= 16; ++code) {
    EXPECT_TRUE(IsReason(ReasonOf(absl::Status(static_cast<absl::StatusCode>(code), "x"))));
  }
}

TEST(LogIndexOf, IsAbsentUntilSet) {
  EXPECT_FALSE(LogIndexOf(absl::InternalError("x")).has_value());
  EXPECT_EQ(LogIndexOf(WithLogIndex(absl::InternalError("x"), ~uint64_t{0})), ~uint64_t{0});
  EXPECT_EQ(LogIndexOf(WithLogIndex(absl::InternalError("x"), 0)), 0U);
}

}  // namespace
}  // namespace kluis::service::errors_test
