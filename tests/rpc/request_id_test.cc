// A client that lost a reply asks again under the same request_id.
#include <string>
#include <thread>
#include <vector>

#include "client/draft.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"

namespace kluis {
namespace {

Reply<v1::EnrollResponse> Send(const TestWorld& vault, const v1::EnrollRequest& request) {
  return vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request);
}

TEST(RequestId, ARepeatGetsTheFirstAnswerAndMakesNoEntry) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollRequest request = vault.EnrollRequestOf(person);
  const auto first = Send(vault, request);
  ASSERT_TRUE(first.ok());
  const uint64_t size = vault.Status().log_size();
  const auto second = Send(vault, request);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(vault.Status().log_size(), size);
}

TEST(RequestId, ARepeatOfARefusedRequestGetsTheSameRefusal) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  v1::EnrollRequest request = vault.EnrollRequestOf(person);
  request.mutable_template_()->set_values(0, 0.5F);
  const auto first = Send(vault, request);
  const auto second = Send(vault, request);
  EXPECT_EQ(first.reason, "TEMPLATE_NOT_ATTESTED");
  EXPECT_EQ(second.status.error_details(), first.status.error_details());
}

TEST(RequestId, AnotherRequestUnderTheSameIdIsRefused) {
  const TestVault vault;
  const Person one = vault.NewPerson();
  const Person two = vault.NewPerson();
  const v1::EnrollRequest first = vault.EnrollRequestOf(one);
  ASSERT_TRUE(Send(vault, first).ok());
  v1::EnrollRequest second = vault.EnrollRequestOf(two);
  second.set_request_id(first.request_id());
  const auto refused = Send(vault, second);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.reason, "MALFORMED_REQUEST");
  ASSERT_TRUE(refused.log_index.has_value());
  EXPECT_EQ(vault.EntryAt(*refused.log_index).decision().reason(), "MALFORMED_REQUEST");
  second.set_request_id(client::NewRequestId());
  EXPECT_TRUE(Send(vault, second).ok());
}

TEST(RequestId, MustBeAUuid) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  v1::EnrollRequest request = vault.EnrollRequestOf(person);
  for (const char* bad :
       {"1", "00000000-0000-0000-0000-00000000000G", "00000000-0000-0000-0000-00000000000A",
        "00000000000000000000000000000000"
        "0000"}) {
    request.set_request_id(bad);
    EXPECT_EQ(Send(vault, request).reason, "MALFORMED_REQUEST") << bad;
  }
}

TEST(RequestId, IsOneCallersOwn) {
  const TestVault vault;
  v1::IdentifyRequest request = vault.IdentifyRequestOf(vault.ActiveCase(), vault.Face(0));
  request.set_request_id(client::NewRequestId());
  const auto one = vault.Call("officer/one", &v1::SearchService::Stub::Identify, request);
  const auto two = vault.Call("officer/two", &v1::SearchService::Stub::Identify, request);
  const auto outside = vault.Call("officer/outside", &v1::SearchService::Stub::Identify, request);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one->intent().log_index(), two->intent().log_index());
  EXPECT_EQ(outside.reason, "NO_CASE");
}

TEST(RequestId, ARepeatedSearchCostsTheBudgetOnce) {
  const TestVault vault;
  const std::string name = vault.ActiveCase(/*budget=*/1);
  v1::IdentifyRequest request = vault.IdentifyRequestOf(name, vault.Face(0));
  request.set_request_id(client::NewRequestId());
  const auto first = vault.Call("officer/one", &v1::SearchService::Stub::Identify, request);
  const auto second = vault.Call("officer/one", &v1::SearchService::Stub::Identify, request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  EXPECT_EQ(vault.Identify(name, vault.Face(0)).reason, "BUDGET_SPENT");
}

TEST(RequestId, RepeatsAtTheSameTimeMakeOneEntry) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollRequest request = vault.EnrollRequestOf(person);
  const uint64_t size = vault.Status().log_size();
  std::vector<Reply<v1::EnrollResponse>> replies(16);
  std::vector<std::thread> threads;
  for (auto& reply : replies) {
    threads.emplace_back([&vault, &request, &reply] { reply = Send(vault, request); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& reply : replies) {
    ASSERT_TRUE(reply.ok()) << reply.status.error_message();
    EXPECT_EQ(reply->SerializeAsString(), replies.front()->SerializeAsString());
  }
  EXPECT_EQ(vault.Status().log_size(), size + 1);
}

TEST(RequestId, WhenTheAnswerIsForgottenTheStatementStillTakesEffectOnce) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollRequest request = vault.EnrollRequestOf(person);
  ASSERT_TRUE(Send(vault, request).ok());
  vault.Advance(11 * kMinute);
  EXPECT_EQ(Send(vault, request).reason, "STATEMENT_REPLAYED");
  vault.Restart();
  EXPECT_EQ(Send(vault, request).reason, "STATEMENT_REPLAYED");
}

}  // namespace
}  // namespace kluis
