// SPDX-License-Identifier: Apache-2.0
// The story of one search, from consent to withdrawal, as everybody in it sees it.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"

namespace kluis::story_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The one candidate of a search for `person` in `name`.
std::string FindOne(const TestVault& vault, const std::string& name, const Person& person) {
  const auto found = vault.Identify(name, vault.Face(person, 1));
  EXPECT_TRUE(found.ok()) << found.status.error_message();
  EXPECT_EQ(found->result(), v1::SEARCH_RESULT_MATCH);
  return found->candidates_size() == 1 ? found->candidates(0) : "";
}

std::string Confirmed(const TestVault& vault, const std::string& name, const Person& person) {
  const std::string candidate = FindOne(vault, name, person);
  EXPECT_TRUE(vault.Confirm(candidate, "officer/one").ok());
  EXPECT_TRUE(vault.Confirm(candidate, "officer/two").ok());
  return candidate;
}

TEST(Story, AnEnrolmentAnswersWithNamesAndAReceiptThatTheLogHolds) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const auto enrolled = vault.Enroll(person);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status.error_message();
  EXPECT_THAT(enrolled->subject(), StartsWith("subjects/"));
  EXPECT_THAT(enrolled->template_record(), StartsWith(enrolled->subject() + "/templates/"));
  const v1::Entry entry = vault.EntryAt(enrolled->receipt().log_index());
  EXPECT_EQ(entry.kind(), v1::LOG_KIND_COLLECTION);
  EXPECT_TRUE(entry.decision().allowed());
  EXPECT_FALSE(entry.decision().rule().empty());
  EXPECT_EQ(entry.command().caller().role(), v1::ROLE_REGISTRAR);
  EXPECT_EQ(entry.command().caller().name(), "desk");
  EXPECT_EQ(entry.decided_at(), vault.now());
  EXPECT_EQ(entry.commitments_size(), 2);
}

TEST(Story, ASearchIsRefusedUntilBothTheWarrantAndTheSecondOfficerAreThere) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  ASSERT_TRUE(vault.Enroll(person).ok());
  const v1::Template probe = vault.Face(person, 1);
  for (const bool warrant_first : {true, false}) {
    const std::string name = Must(vault.OpenCase(), "open").case_().name();
    EXPECT_EQ(vault.Identify(name, probe).reason, "CASE_NOT_ACTIVE");
    if (warrant_first) {
      Must(vault.Issue(vault.WarrantFor(name)), "warrant");
    } else {
      Must(vault.Approve(name), "approve");
    }
    EXPECT_EQ(vault.Identify(name, probe).reason, "CASE_NOT_ACTIVE");
    if (warrant_first) {
      Must(vault.Approve(name), "approve");
    } else {
      Must(vault.Issue(vault.WarrantFor(name)), "warrant");
    }
    EXPECT_EQ(vault.Identify(name, probe)->result(), v1::SEARCH_RESULT_MATCH);
  }
}

TEST(Story, TheOfficerWhoOpenedACaseCannotApproveIt) {
  const TestVault vault;
  const std::string name = Must(vault.OpenCase("officer/one"), "open").case_().name();
  EXPECT_EQ(vault.Approve(name, "officer/one").reason, "SAME_OFFICER");
  EXPECT_EQ(vault.Approve(name, "officer/outside").reason, "NO_CASE");
  EXPECT_TRUE(vault.Approve(name, "officer/two").ok());
}

TEST(Story, AHitIsAHandleWithoutNameSubjectOrScore) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  const std::string name = vault.ActiveCase();
  const auto found = vault.Identify(name, vault.Face(person, 1));
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->candidates_size(), 1);
  EXPECT_THAT(found->candidates(0), StartsWith(name + "/candidates/"));
  const std::string text = found->DebugString();
  EXPECT_THAT(text, Not(HasSubstr(subject.substr(subject.find('/') + 1))));
  EXPECT_THAT(text, Not(HasSubstr("Person")));
  EXPECT_LT(found->intent().log_index(), found->receipt().log_index());
  // Nothing but these can be in it: no field holds a score.
  EXPECT_EQ(v1::IdentifyResponse::descriptor()->field_count(), 6);

  const Person stranger = vault.NewPerson();
  EXPECT_EQ(vault.Identify(name, vault.Face(stranger))->result(), v1::SEARCH_RESULT_NO_MATCH);
}

TEST(Story, TwoDifferentOfficersConfirmACandidate) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string candidate = FindOne(vault, vault.ActiveCase(), person);
  EXPECT_EQ(vault.Disclose(candidate).reason, "NOT_CONFIRMED");
  EXPECT_EQ(vault.Confirm(candidate, "officer/one")->confirmations(), 1u);
  EXPECT_EQ(vault.Confirm(candidate, "officer/one").reason, "SAME_OFFICER");
  EXPECT_EQ(vault.Disclose(candidate).reason, "NOT_CONFIRMED");
  EXPECT_EQ(vault.Confirm(candidate, "officer/outside").reason, "NO_CASE");
  const auto second = vault.Confirm(candidate, "officer/two");
  EXPECT_EQ(second->confirmations(), 2u);
  EXPECT_EQ(second->state(), v1::CANDIDATE_STATE_CONFIRMED);
}

TEST(Story, AConfirmedCandidateIsNamedToOneOfficer) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  const std::string candidate = Confirmed(vault, vault.ActiveCase(), person);
  const auto named = vault.Disclose(candidate);
  ASSERT_TRUE(named.ok()) << named.status.error_message();
  EXPECT_EQ(named->subject(), subject);
  EXPECT_EQ(named->details().full_name(), person.details.full_name());
  EXPECT_EQ(named->details().contact(), person.details.contact());
  EXPECT_EQ(vault.Disclose(candidate, "officer/two").reason, "ALREADY_DISCLOSED");
}

TEST(Story, TheSubjectReadsWhoReceivedItAndWhy) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string candidate = Confirmed(vault, vault.ActiveCase(), person);
  EXPECT_EQ(vault.Holdings(person)->notices_size(), 0);
  const auto named = Must(vault.Disclose(candidate), "disclose");
  const auto held = vault.Holdings(person);
  ASSERT_EQ(held->notices_size(), 1);
  EXPECT_EQ(held->notices(0).recipient(), "Authority One");
  EXPECT_EQ(held->notices(0).disclosure(), named.disclosure());
  EXPECT_EQ(held->notices(0).purpose(), "purposes/missing-person-identification");
  EXPECT_EQ(held->notices(0).log_index(), named.receipt().log_index());
  EXPECT_EQ(held->details().full_name(), person.details.full_name());
  ASSERT_EQ(held->holdings_size(), 1);
  EXPECT_EQ(held->holdings(0).state(), v1::TEMPLATE_STATE_ACTIVE);
  EXPECT_EQ(held->holdings(0).controller(), "Ministry");
}

TEST(Story, ADelayedNoticeComesAtTheEndOfTheDelayAndNotASecondBefore) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const int64_t until = vault.now() + 10 * kDay;
  const std::string name = vault.ActiveCase(100, [&](v1::Warrant& warrant) {
    warrant.mutable_notice_delay()->set_ground("would warn the suspect");
    warrant.mutable_notice_delay()->mutable_until()->set_seconds(until);
  });
  Must(vault.Disclose(Confirmed(vault, name, person)), "disclose");
  vault.SetTime(until - 1);
  EXPECT_EQ(vault.Holdings(person)->notices_size(), 0);
  vault.SetTime(until);
  EXPECT_EQ(vault.Holdings(person)->notices_size(), 1);
}

TEST(Story, VerifyComparesWithTheOnePersonNamed) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const Person other = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  EXPECT_EQ(vault.Verify(subject, vault.Face(person, 1))->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(vault.Verify(subject, vault.Face(other, 1))->result(), v1::SEARCH_RESULT_NO_MATCH);
}

TEST(Story, AfterAWithdrawalTheSameProbeFindsNothing) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  const std::string name = vault.ActiveCase();
  const v1::Template probe = vault.Face(person, 1);
  EXPECT_EQ(vault.Identify(name, probe)->result(), v1::SEARCH_RESULT_MATCH);

  const auto withdrawn = vault.Withdraw(person);
  ASSERT_TRUE(withdrawn.ok()) << withdrawn.status.error_message();
  const v1::ErasureReceipt& erasure = withdrawn->erasure();
  EXPECT_TRUE(vault.EntryAt(erasure.started().log_index()).command().has_withdraw());
  EXPECT_EQ(erasure.keyring_commitment().size(), 32u);
  EXPECT_EQ(erasure.state(), v1::TEMPLATE_STATE_ERASING);

  EXPECT_EQ(vault.Identify(name, probe)->result(), v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_EQ(vault.Verify(subject, probe).reason, "NOT_PERMITTED");
  EXPECT_EQ(vault.Withdraw(person).reason, "NOTHING_TO_WITHDRAW");
  vault.FinishErasures();
  const auto held = vault.Holdings(person);
  ASSERT_EQ(held->holdings_size(), 1);
  EXPECT_EQ(held->holdings(0).state(), v1::TEMPLATE_STATE_ERASED);
  EXPECT_EQ(held->holdings(0).end_reason(), v1::END_REASON_WITHDRAWN);
  vault.Restart();
  EXPECT_EQ(vault.Identify(name, probe)->result(), v1::SEARCH_RESULT_NO_MATCH);
}

TEST(Story, ACandidateWhoWithdrewIsNotNamed) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string candidate = Confirmed(vault, vault.ActiveCase(), person);
  Must(vault.Withdraw(person), "withdraw");
  const auto refused = vault.Disclose(candidate);
  EXPECT_EQ(refused.reason, "CANDIDATE_GONE");
  EXPECT_FALSE(refused->has_details());
}

TEST(Story, AStopHoldsSearchesAlsoAfterARestartButNotTheSubject) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  const std::string name = vault.ActiveCase();
  const v1::Template probe = vault.Face(person, 1);
  EXPECT_TRUE(Must(vault.Stop(), "stop").purpose().stopped());
  EXPECT_EQ(vault.Identify(name, probe).reason, "PURPOSE_STOPPED");
  EXPECT_EQ(vault.Verify(subject, probe).reason, "PURPOSE_STOPPED");
  EXPECT_TRUE(vault.Holdings(person).ok());
  vault.Restart();
  EXPECT_EQ(vault.Identify(name, probe).reason, "PURPOSE_STOPPED");

  EXPECT_EQ(vault.Lift({"supervisor/one"}).reason, "TOO_FEW_SIGNATURES");
  EXPECT_EQ(vault.Lift({"supervisor/one", "supervisor/one"}).reason, "TOO_FEW_SIGNATURES");
  EXPECT_EQ(vault.Lift({"supervisor/one", "officer/one"}).reason, "TOO_FEW_SIGNATURES");
  EXPECT_EQ(vault.Identify(name, probe).reason, "PURPOSE_STOPPED");
  EXPECT_TRUE(vault.Lift({"supervisor/one", "supervisor/three"}).ok());
  EXPECT_EQ(vault.Identify(name, probe)->result(), v1::SEARCH_RESULT_MATCH);

  Must(vault.Stop(), "stop");
  EXPECT_TRUE(vault.Withdraw(person).ok());
}

TEST(Story, AnAuditorRecomputesTheWholeLogAndTheStateFollowsFromIt) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  Must(vault.Disclose(Confirmed(vault, vault.ActiveCase(), person)), "disclose");
  Must(vault.Withdraw(person), "withdraw");
  vault.FinishErasures();
  vault.ExpectLogVerifies();
  const v1::CheckVaultResponse check = vault.CheckVault();
  EXPECT_TRUE(check.consistent()) << check.first_difference();
  EXPECT_EQ(check.entries(), vault.Entries().size());
  vault.Restart();
  vault.ExpectLogVerifies();
  EXPECT_TRUE(vault.CheckVault().consistent());
}

}  // namespace
}  // namespace kluis::story_test
