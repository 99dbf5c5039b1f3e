// SPDX-License-Identifier: Apache-2.0
// A client that lost a reply asks again under the same request_id.
#include <string>
#include <thread>
#include <vector>

#include "client/draft.h"
#include "gtest/gtest.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::request_id_test {
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

// Enrolled, found and confirmed by two officers; the candidate's name.
std::string Confirmed(const TestWorld& vault, const Person& person, const std::string& kase) {
  const auto found = Must(vault.Identify(kase, vault.Face(person)), "identify");
  Must(vault.Confirm(found.candidates(0), "officer/one"), "confirm");
  Must(vault.Confirm(found.candidates(0), "officer/two"), "confirm");
  return found.candidates(0);
}

TEST(RequestId, ANameIsToldAgainByADecisionOfItsOwnAndWithoutASecondNotice) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string candidate = Confirmed(vault, person, vault.ActiveCase());
  const auto first = Must(vault.Disclose(candidate), "disclose");
  const uint64_t size = vault.vault().ledger().size();
  const auto again = Must(vault.Disclose(candidate), "disclose again");
  EXPECT_EQ(again.disclosure(), first.disclosure());
  EXPECT_EQ(again.details().full_name(), person.details.full_name());
  EXPECT_EQ(vault.vault().ledger().size(), size + 1);
  EXPECT_EQ(again.receipt().log_index(), size);
  EXPECT_EQ(Must(vault.Holdings(person), "holdings").notices_size(), 1);
  EXPECT_EQ(vault.Disclose(candidate, "officer/two").reason, "ALREADY_DISCLOSED");
  CleanlyReplayed(vault);

  Must(vault.Withdraw(person), "withdraw");
  const auto gone = vault.Disclose(candidate);
  EXPECT_EQ(gone.reason, "CANDIDATE_GONE");
  EXPECT_EQ(gone.value.ByteSizeLong(), 0u);
}

TEST(RequestId, NoAnswerThatNamesAPersonIsKept) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string candidate = Confirmed(vault, person, vault.ActiveCase());
  v1::DisclosureRequest payload;
  payload.set_candidate(candidate);
  payload.set_recipient(vault.authority_one());
  v1::DiscloseCandidateRequest request;
  request.set_request_id(client::NewRequestId());
  *request.mutable_disclosure_request() = vault.Sign(payload, {&vault.KeyOf("officer/one")});
  const auto send = [&] {
    return vault.Call("officer/one", &v1::SearchService::Stub::DiscloseCandidate, request);
  };
  Must(send(), "disclose");
  Must(vault.Withdraw(person), "withdraw");
  const uint64_t size = vault.vault().ledger().size();
  const auto repeat = send();
  EXPECT_FALSE(repeat.ok());
  EXPECT_FALSE(repeat->has_details());
  EXPECT_EQ(vault.vault().ledger().size(), size + 1) << "it was decided, and is an entry";
}

}  // namespace
}  // namespace kluis::request_id_test
