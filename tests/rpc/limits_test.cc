// SPDX-License-Identifier: Apache-2.0
// What one caller may take, and what stays possible for the others.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "client/draft.h"
#include "gtest/gtest.h"
#include "service/rpc/front_door.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::limits_test {
namespace {

using grpc::StatusCode;

struct IdleStream {
  explicit IdleStream(const TestWorld& vault) : stub(vault.ChannelOf("registrar/desk")) {
    TestWorld::SetDeadline(context);
    stream = stub.BatchEnroll(&context);
    v1::BatchEnrollRequest options;
    options.mutable_options();
    stream->Write(options);
  }
  // Waits for the vault to end it.
  Reply<v1::BatchEnrollResponse> End() {
    Reply<v1::BatchEnrollResponse> reply;
    reply.status = stream->Finish();
    TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
    return reply;
  }
  v1::EnrollmentService::Stub stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::BatchEnrollRequest, v1::BatchEnrollResponse>> stream;
};

bool IsLimited(const std::string& reason) { return reason == "RATE_LIMITED"; }

TEST(Limits, IdleStreamsAreFewAndEndByThemselves) {
  TestVault vault;
  vault.config().limits.member_streams = 2;
  vault.config().server.deadline_seconds = 1;
  vault.Restart();
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  IdleStream one(vault), two(vault);
  // A later call of the same connection comes after the streams were let in.
  Must(vault.Enroll(vault.NewPerson()), "enroll");
  const uint64_t size = vault.vault().ledger().size();
  const auto third = IdleStream(vault).End();
  EXPECT_EQ(third.status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(IsLimited(third.reason));
  EXPECT_FALSE(third.log_index.has_value()) << "nothing was decided";
  EXPECT_EQ(vault.vault().ledger().size(), size);
  EXPECT_TRUE(vault.Withdraw(person).ok());
  // Nobody ends them but the vault.
  EXPECT_EQ(one.End().status.error_code(), StatusCode::CANCELLED);
  EXPECT_EQ(two.End().status.error_code(), StatusCode::CANCELLED);
  EXPECT_TRUE(vault.Enroll(vault.NewPerson()).ok());
}

TEST(Limits, AFloodThroughAPortalKeepsNoKnownPersonFromWithdrawingRestrictingAndAsking) {
  TestVault vault;
  vault.config().limits.subject_rate = 2;
  vault.Restart();
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const Person stranger = vault.NewPerson();  // never enrolled: the vault knows no such key
  const uint64_t before = vault.vault().ledger().size();
  uint64_t limited = 0;
  for (int i = 0; i < 200; ++i) limited += IsLimited(vault.Withdraw(stranger).reason) ? 1 : 0;
  EXPECT_GT(limited, 100u);
  EXPECT_EQ(vault.vault().ledger().size(), before + 200 - limited);
  EXPECT_TRUE(vault.Holdings(person).ok());
  EXPECT_TRUE(vault.Restrict(person).ok());
  EXPECT_TRUE(vault.Withdraw(person).ok());

  ASSERT_TRUE(service::CountLimited(vault.vault()).ok());
  const auto last = vault.vault().ledger().Entry(vault.vault().ledger().size() - 1);
  v1::Entry entry;
  ASSERT_TRUE(last.ok() && entry.ParseFromString(*last));
  EXPECT_TRUE(entry.decision().allowed());
  EXPECT_EQ(entry.command().count_limited().limited().role(), v1::ROLE_SUBJECT);
  EXPECT_EQ(entry.command().count_limited().limited().name(), "");
  EXPECT_EQ(entry.command().count_limited().calls(), limited);
  const uint64_t size = vault.vault().ledger().size();
  ASSERT_TRUE(service::CountLimited(vault.vault()).ok());
  EXPECT_EQ(vault.vault().ledger().size(), size) << "told once";
  CleanlyReplayed(vault);
}

// Whoever kept it cannot write an entry with it as often as he likes.
TEST(Limits, AWithdrawalThatWasUsedIsACallLikeAnyOther) {
  TestVault vault;
  vault.config().limits.subject_rate = 2;
  vault.Restart();
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  v1::Withdrawal withdrawal;
  withdrawal.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  withdrawal.set_purpose(TestWorld::kPurpose);
  v1::WithdrawConsentRequest request;
  *request.mutable_withdrawal() = vault.Sign(withdrawal, {&person.key});
  int limited = 0;
  for (int i = 0; i < 50; ++i) {
    request.set_request_id(client::NewRequestId());
    const auto reply =
        vault.Call("subject/portal", &v1::SubjectService::Stub::WithdrawConsent, request);
    EXPECT_EQ(reply.ok(), i == 0);
    limited += IsLimited(reply.reason) ? 1 : 0;
  }
  EXPECT_GT(limited, 25);
}

TEST(Limits, OfASealedVaultHoldForSubjectsToo) {
  TestVault vault;
  vault.config().limits.subject_rate = 2;
  vault.Restart();
  Must(vault.Call("operator/one", &v1::VaultService::Stub::SealVault, v1::SealVaultRequest()),
       "seal");
  int limited = 0;
  for (int i = 0; i < 50; ++i) {
    const auto reply = vault.Call("subject/portal", &v1::SubjectService::Stub::GetAccessChallenge,
                                  v1::GetAccessChallengeRequest());
    limited += IsLimited(reply.reason) ? 1 : 0;
  }
  EXPECT_GT(limited, 25);
}

TEST(Limits, AStrangersSignatureIsNotTakenForThePersonsItNames) {
  TestVault vault;
  vault.config().limits.subject_rate = 2;
  vault.Restart();
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const Person stranger = vault.NewPerson();
  int limited = 0;
  for (int i = 0; i < 50; ++i) {
    v1::Withdrawal withdrawal;
    withdrawal.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
    withdrawal.set_purpose(TestWorld::kPurpose);
    v1::WithdrawConsentRequest request;
    *request.mutable_withdrawal() = vault.Sign(withdrawal, {&stranger.key});
    const auto reply =
        vault.Call("subject/portal", &v1::SubjectService::Stub::WithdrawConsent, request);
    limited += IsLimited(reply.reason) ? 1 : 0;
  }
  EXPECT_GT(limited, 25);
}

TEST(Limits, TellNothingAboutWhatTheyDoNotDecide) {
  TestVault vault;
  const std::string name = vault.ActiveCase();
  vault.config().limits.member_rate = 5;
  vault.Restart();
  Reply<v1::GetCaseResponse> there, nowhere;
  const auto get = [&](const std::string& which) {
    v1::GetCaseRequest request;
    request.set_name(which);
    return vault.Call("officer/one", &v1::CaseService::Stub::GetCase, request);
  };
  for (int i = 0; i < 100 && !IsLimited(there.reason); ++i) there = get(name);
  for (int i = 0; i < 100 && !IsLimited(nowhere.reason); ++i) {
    nowhere = get("cases/00000000000000000000000000000000");
  }
  ASSERT_TRUE(IsLimited(there.reason));
  ASSERT_TRUE(IsLimited(nowhere.reason));
  EXPECT_EQ(there.status.error_message(), nowhere.status.error_message());
  EXPECT_EQ(there.status.error_details(), nowhere.status.error_details());
}

TEST(Limits, ASupervisorWhoFloodsTheVaultCanStillStopAPurpose) {
  TestVault vault;
  vault.config().limits.member_rate = 5;
  vault.Restart();
  Reply<v1::ListPurposesResponse> last;
  for (int i = 0; i < 100 && !IsLimited(last.reason); ++i) {
    last = vault.Call("supervisor/one", &v1::SupervisionService::Stub::ListPurposes,
                      v1::ListPurposesRequest());
  }
  ASSERT_TRUE(IsLimited(last.reason));
  EXPECT_TRUE(vault.Stop().ok());
}

TEST(Limits, ARequestOfASubjectHasSixteenKibibytesAtMost) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  v1::Withdrawal withdrawal;
  withdrawal.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  withdrawal.set_purpose(TestWorld::kPurpose);
  v1::WithdrawConsentRequest request;
  *request.mutable_withdrawal() = vault.Sign(withdrawal, {&person.key});
  request.mutable_withdrawal()->mutable_payload()->append(16 * 1024, ' ');
  const auto refused =
      vault.Call("subject/portal", &v1::SubjectService::Stub::WithdrawConsent, request);
  EXPECT_EQ(refused.reason, "MALFORMED_REQUEST");
  EXPECT_TRUE(refused.log_index.has_value());
}

TEST(Limits, ABatchTakesNoMoreRowsThanItsCallerMayHaveInFlight) {
  TestVault vault([](service::Config& config) { config.limits.member_rows = 1000; });
  v1::EnrollmentService::Stub stub(vault.ChannelOf("registrar/desk"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.BatchEnroll(&context);
  v1::BatchEnrollRequest options;
  options.mutable_options()->set_atomic(true);
  options.mutable_options()->set_rows(1001);
  stream->Write(options);
  Reply<v1::BatchEnrollResponse> reply;
  reply.status = stream->Finish();
  TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
  EXPECT_TRUE(IsLimited(reply.reason)) << reply.status.error_message();
}

}  // namespace
}  // namespace kluis::limits_test
