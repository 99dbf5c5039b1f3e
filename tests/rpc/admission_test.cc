// SPDX-License-Identifier: Apache-2.0
// Nothing of a call is read or held before the vault knows who calls.
#include <grpcpp/grpcpp.h>

#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::admission_test {
namespace {

using grpc::StatusCode;

// The caller opens a stream and says nothing. What the vault answers to that.
Reply<v1::BatchEnrollResponse> OpenBatch(const TestWorld& vault, const std::string& who) {
  v1::EnrollmentService::Stub stub(vault.ChannelOf(who));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.BatchEnroll(&context);
  Reply<v1::BatchEnrollResponse> reply;
  reply.status = stream->Finish();  // without WritesDone: it must not wait for one
  TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
  return reply;
}

TEST(Admission, EndsTheStreamOfAStrangerBeforeAnythingOfItIsRead) {
  const TestVault vault;
  const auto refused = OpenBatch(vault, "registrar/stranger");
  EXPECT_EQ(refused.status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refused.reason, "MEMBER_NOT_REGISTERED");
  ASSERT_TRUE(refused.log_index.has_value());
  const v1::Entry entry = vault.EntryAt(*refused.log_index);
  EXPECT_TRUE(entry.command().has_admit());
  EXPECT_EQ(entry.command().method(), "BatchEnroll");
  EXPECT_EQ(entry.command().caller().name(), "stranger");
  EXPECT_EQ(entry.decision().rule(), "admission.member");
}

TEST(Admission, EndsTheStreamOfARegistrarWhoseRegistrationIsOver) {
  TestVault vault;
  vault.Advance(10'000 * kDay);
  EXPECT_EQ(OpenBatch(vault, "registrar/desk").reason, "MEMBER_NOT_REGISTERED");
}

TEST(Admission, EndsTheStreamOfASupervisorWhomTheFoundingDoesNotName) {
  const TestVault vault;
  v1::SupervisionService::Stub stub(vault.ChannelOf("supervisor/stranger"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.EvaluatePurpose(&context);
  Reply<v1::EvaluatePurposeResponse> reply;
  reply.status = stream->Finish();
  TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
  EXPECT_EQ(reply.status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(reply.reason, "MEMBER_NOT_REGISTERED");
}

TEST(Admission, OfReadersOfTheLogIsAskedToo) {
  const TestVault vault;
  v1::AuditService::Stub stub(vault.ChannelOf("supervisor/stranger"));
  grpc::ClientContext context;
  const auto stream = stub.ReadEntries(&context, v1::ReadEntriesRequest());
  v1::ReadEntriesResponse message;
  EXPECT_FALSE(stream->Read(&message));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::PERMISSION_DENIED);
}

// The text of the request is refused by its form when it is read; here nobody looks at it.
TEST(Admission, ComesBeforeTheFormOfARequest) {
  const TestVault vault;
  v1::EnrollRequest request;
  request.set_request_id("not a request id");
  const auto refused =
      vault.Call("registrar/stranger", &v1::EnrollmentService::Stub::Enroll, request);
  EXPECT_EQ(refused.reason, "MEMBER_NOT_REGISTERED");
}

TEST(Admission, ASearchThatIsNotAllowedTakesNoSeatOfItsPurpose) {
  TestVault vault([](service::Config& config) { config.gallery.queue = 1; });
  const std::string name = vault.ActiveCase();
  auto seat = vault.vault().search_queue().Take(TestWorld::kPurpose, "somebody");
  ASSERT_TRUE(seat.ok());
  EXPECT_EQ(vault.Identify(name, vault.Face(0)).reason, "SEARCH_QUEUE_FULL");
  EXPECT_EQ(vault.Identify(name, vault.Face(0), "officer/outside").reason, "NO_CASE");
  EXPECT_EQ(vault.vault().search_queue().refused(), 1u);
}

TEST(Admission, IsTheSameToAReplay) {
  TestVault vault;
  OpenBatch(vault, "registrar/stranger");
  CleanlyReplayed(vault);
}

}  // namespace
}  // namespace kluis::admission_test
