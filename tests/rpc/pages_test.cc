// SPDX-License-Identifier: Apache-2.0
// The longest texts that a statement may have, and more items than one answer holds: each can be
// read back by every call that returns it.
#include <set>
#include <string>
#include <utility>

#include "client/draft.h"
#include "gtest/gtest.h"
#include "service/rpc/page_bytes.h"
#include "tests/fakes/test_vault.h"

namespace kluis::pages_test {
namespace {

constexpr size_t kSmallestMessage = 64 * 1024;  // server.max_message_kib, at least

// A vault that lets through as little as a vault may.
struct Pages : testing::Test {
  Pages() : vault([](service::Config& config) { config.server.max_message_kib = 64; }) {}

  // A case with the longest texts there may be, with a warrant that has the longest ground.
  std::string LargestCase(int number) {
    v1::CaseOpening opening = vault.Opening();
    opening.set_legal_basis(std::string(1000, 'b'));
    v1::CaseDetails details;
    details.set_reference(std::string(1000, 'r'));
    details.set_matter_description(std::string(4000, 'd'));
    details.set_necessity(std::to_string(1'000'000 + number) + std::string(7993, 'n'));
    const auto opened = Must(vault.Call("officer/one", &v1::CaseService::Stub::OpenCase,
                                        vault.OpenCaseRequestOf(std::move(opening), details)),
                             "open");
    const std::string name = opened.case_().name();
    v1::Warrant warrant = vault.WarrantFor(name, 200);
    warrant.mutable_notice_delay()->set_ground(std::string(1000, 'g'));
    *warrant.mutable_notice_delay()->mutable_until() = client::ToTimestamp(vault.now() + kDay);
    Must(vault.Issue(warrant), "warrant");
    Must(vault.Approve(name), "approve");
    return name;
  }

  v1::GetHoldingsResponse HoldingsAfter(const Person& person, const std::string& after) {
    v1::AccessRequest payload;
    payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
    payload.set_after(after);
    v1::GetHoldingsRequest request;
    *request.mutable_access_request() = vault.Sign(payload, {&person.key});
    return Must(vault.Call("subject/portal", &v1::SubjectService::Stub::GetHoldings, request),
                "holdings");
  }

  TestVault vault;
};

TEST_F(Pages, OfHoldingsHoldEveryNoticeOnceHoweverManyThereAre) {
  constexpr int kNotices = 50;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  for (uint32_t i = 0; i < kNotices; ++i) {  // a person is named once in a case
    const auto found = Must(
        vault.Identify(LargestCase(static_cast<int>(i)), vault.Face(person, i + 1)), "identify");
    ASSERT_EQ(found.candidates_size(), 1) << i;
    Must(vault.Confirm(found.candidates(0), "officer/one"), "confirm");
    Must(vault.Confirm(found.candidates(0), "officer/two"), "confirm");
    Must(vault.Disclose(found.candidates(0)), "disclose");
  }
  vault.Advance(2 * kDay);  // the delays of the notices are over
  std::set<std::string> notices;
  int holdings = 0;
  int pages = 0;
  std::string after;
  do {
    const v1::GetHoldingsResponse page = HoldingsAfter(person, after);
    EXPECT_LT(page.ByteSizeLong(), kSmallestMessage);
    for (const auto& notice : page.notices()) {
      EXPECT_TRUE(notices.insert(notice.disclosure()).second);
    }
    holdings += page.holdings_size();
    after = page.next_after();
    ++pages;
  } while (!after.empty() && pages < 100);
  EXPECT_EQ(notices.size(), static_cast<size_t>(kNotices));
  EXPECT_EQ(holdings, 1);
  EXPECT_GT(pages, 1);
}

TEST_F(Pages, OfACaseHoldACandidateOfEachSearch) {
  constexpr int kSearches = 50;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string name = LargestCase(0);
  for (uint32_t i = 0; i < kSearches; ++i) {
    ASSERT_EQ(Must(vault.Identify(name, vault.Face(person, i + 1)), "identify").candidates_size(),
              1)
        << i;
  }
  v1::GetCaseRequest request;
  request.set_name(name);
  const auto kase = Must(vault.Call("judge/one", &v1::CaseService::Stub::GetCase, request), "case");
  EXPECT_EQ(kase.case_().candidates_size(), kSearches);
}

TEST_F(Pages, AWrongPlaceInWhatIsHeldIsRefused) {
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  v1::AccessRequest payload;
  payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  payload.set_after("cases/00000000000000000000000000000000");
  v1::GetHoldingsRequest request;
  *request.mutable_access_request() = vault.Sign(payload, {&person.key});
  EXPECT_EQ(vault.Call("subject/portal", &v1::SubjectService::Stub::GetHoldings, request).reason,
            "MALFORMED_STATEMENT");
}

TEST_F(Pages, OfCasesHoldEachOfTheLargestOnce) {
  std::set<std::string> names;
  for (int i = 0; i < 12; ++i) names.insert(LargestCase(i));
  std::set<std::string> listed;
  v1::ListCasesRequest request;
  request.set_page_size(100);
  int pages = 0;
  do {
    const auto page =
        Must(vault.Call("judge/one", &v1::CaseService::Stub::ListCases, request), "cases");
    EXPECT_LT(page.ByteSizeLong(), kSmallestMessage);
    for (const v1::Case& kase : page.cases()) EXPECT_TRUE(listed.insert(kase.name()).second);
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty() && pages < 100);
  EXPECT_EQ(listed, names);
  EXPECT_GT(pages, 1);
}

TEST_F(Pages, OfPurposesHoldEachOfTheLargestOnce) {
  std::set<std::string> names = {TestWorld::kPurpose};
  for (int i = 0; i < 12; ++i) {
    const std::string purpose = "largest-" + std::to_string(i);
    Must(vault.RegisterPurpose(
             purpose,
             [](v1::PurposeRegistration& registration) {
               registration.set_title(std::string(200, 't'));
               registration.mutable_controller()->set_name(std::string(200, 'n'));
               registration.mutable_controller()->set_contact(std::string(200, 'c'));
               registration.mutable_controller()->set_representative(std::string(200, 'r'));
               registration.mutable_legal_basis()->set_reference(std::string(1000, 'l'));
               registration.mutable_dpia()->set_reference(std::string(1000, 'i'));
               while (registration.notices_size() < 32) {
                 v1::Notice* notice = registration.add_notices();
                 notice->set_language("x" + std::to_string(registration.notices_size()));
                 notice->set_version(std::string(64, 'v'));
                 notice->set_sha256(std::string(64, 'a'));
               }
             }),
         "purpose");
    names.insert(purpose);
  }
  std::set<std::string> listed;
  v1::ListPurposesRequest request;
  request.set_page_size(100);
  int pages = 0;
  do {
    const auto page = Must(
        vault.Call("officer/one", &v1::SupervisionService::Stub::ListPurposes, request), "list");
    EXPECT_LT(page.ByteSizeLong(), kSmallestMessage);
    for (const v1::Purpose& each : page.purposes()) {
      EXPECT_TRUE(listed.insert(each.registration().purpose()).second);
    }
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty() && pages < 100);
  EXPECT_EQ(listed, names);
  EXPECT_GT(pages, 1);
}

TEST_F(Pages, OfTheRulesHoldEachOnceAndAreBoundedInBytes) {
  v1::ListPolicyRulesRequest request;
  std::set<std::string> ids;
  do {
    const auto page =
        Must(vault.Call("auditor/one", &v1::VaultService::Stub::ListPolicyRules, request), "rules");
    EXPECT_LT(page.ByteSizeLong(), kSmallestMessage);
    for (const v1::PolicyRule& rule : page.rules()) EXPECT_TRUE(ids.insert(rule.id()).second);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_GT(ids.size(), 60u);
}

TEST(PageBytes, TakesTheFirstItemAndThenNoneAfterOneThatDoesNotFit) {
  service::PageBytes room;
  v1::PolicyRule small, large;
  small.set_sentence("s");
  large.set_sentence(std::string(service::kPageBytes, 'l'));
  EXPECT_TRUE(room.Take(large));
  EXPECT_FALSE(room.Take(small));
  EXPECT_TRUE(room.full());
  service::PageBytes other;
  EXPECT_TRUE(other.Take(small));
  EXPECT_FALSE(other.Take(large));
  EXPECT_FALSE(other.Take(small)) << "the order stays";
}

}  // namespace
}  // namespace kluis::pages_test
