// SPDX-License-Identifier: Apache-2.0
// GDPR 18: a template that its subject restricted is kept and compared with nothing, from the
// answer on, in a gallery that is resident and in one that is loaded afterwards, until the subject
// lifts it.
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "policy/record_key.h"
#include "tests/fakes/test_vault.h"

namespace kluis::restriction_test {
namespace {

v1::TemplateRecord RecordOf(TestVault& vault, const std::string& name) {
  return **policy::Find<v1::TemplateRecord>(
      vault.vault().state(), policy::key::Template(policy::IdInName(name, "templates")));
}

class Restriction : public testing::Test {
 protected:
  Restriction()
      : person_(vault_.NewPerson()),
        enrolled_(Must(vault_.Enroll(person_), "enrol")),
        case_(vault_.ActiveCase(/*budget=*/10'000)),
        probe_(vault_.Face(person_, 1)) {
    Must(vault_.Enroll(vault_.NewPerson()), "enrol another");
  }

  uint32_t Found() { return Must(vault_.Identify(case_, probe_), "identify").matches(); }
  Reply<v1::VerifyResponse> Verify() { return vault_.Verify(enrolled_.subject(), probe_); }
  v1::Holding Held() { return Must(vault_.Holdings(person_), "holdings").holdings(0); }

  TestVault vault_;
  const Person person_;
  const v1::EnrollResponse enrolled_;
  const std::string case_;
  const v1::Template probe_;
};

TEST_F(Restriction, HidesTheTemplateFromAResidentGalleryUntilItIsLifted) {
  EXPECT_EQ(Found(), 1u);  // the gallery is resident
  const auto restricted = Must(vault_.Restrict(person_), "restrict");
  EXPECT_EQ(restricted.template_record(), enrolled_.template_record());
  EXPECT_EQ(vault_.EntryAt(restricted.receipt().log_index()).kind(), v1::LOG_KIND_ALTERATION);
  EXPECT_EQ(Found(), 0u);
  EXPECT_TRUE(Held().restricted());
  EXPECT_EQ(Held().state(), v1::TEMPLATE_STATE_ACTIVE);
  Must(vault_.LiftRestriction(person_), "lift");
  EXPECT_EQ(Found(), 1u);
  EXPECT_FALSE(Held().restricted());
  EXPECT_EQ(Must(Verify(), "verify").result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_TRUE(vault_.CheckVault().consistent());
}

TEST_F(Restriction, HidesTheTemplateFromAGalleryThatIsLoadedAfterwards) {
  Must(vault_.Restrict(person_), "restrict");
  EXPECT_EQ(Found(), 0u);
  Must(vault_.LiftRestriction(person_), "lift");
  EXPECT_EQ(Found(), 1u);
}

TEST_F(Restriction, IsInForceAfterARestart) {
  Must(vault_.Restrict(person_), "restrict");
  vault_.Restart();
  EXPECT_EQ(Found(), 0u);
  EXPECT_EQ(Verify().reason, "NOT_PERMITTED");
  EXPECT_TRUE(Held().restricted());
  Must(vault_.LiftRestriction(person_), "lift");
  EXPECT_EQ(Found(), 1u);
}

TEST_F(Restriction, AnswersAVerificationAsIfThePersonWereUnknown) {
  Must(vault_.Restrict(person_), "restrict");
  const auto refused = Verify();
  const auto unknown = vault_.Verify("subjects/" + std::string(32, '0'), probe_);
  EXPECT_EQ(refused.reason, "NOT_PERMITTED");
  EXPECT_EQ(refused.reason, unknown.reason);
  EXPECT_EQ(refused.status.error_code(), unknown.status.error_code());
  EXPECT_EQ(refused.status.error_message(), unknown.status.error_message());
  ASSERT_TRUE(refused.log_index.has_value());
  EXPECT_EQ(vault_.EntryAt(*refused.log_index).decision().reason(), "TEMPLATE_RESTRICTED");
}

TEST_F(Restriction, IsGivenAndLiftedDuringAStop) {
  EXPECT_EQ(Found(), 1u);
  Must(vault_.Stop(), "stop");
  Must(vault_.Restrict(person_), "restrict");
  Must(vault_.Lift({"supervisor/one", "supervisor/two"}), "lift the stop");
  EXPECT_EQ(Found(), 0u);
  Must(vault_.Stop(), "stop");
  Must(vault_.LiftRestriction(person_), "lift");
  Must(vault_.Lift({"supervisor/one", "supervisor/two"}), "lift the stop");
  EXPECT_EQ(Found(), 1u);
}

TEST_F(Restriction, GoesOnWhereOnlyRevocationsDoAndItsLiftDoesNot) {
  vault_.vault().fault().Set(absl::DataLossError("a witness holds another log"),
                             service::Fault::Leaves::kRevocations);
  Must(vault_.Restrict(person_), "restrict");
  EXPECT_EQ(vault_.LiftRestriction(person_).status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(RecordOf(vault_, enrolled_.template_record()).restricted());
}

TEST_F(Restriction, LeavesACandidateThatWasFoundBeforeWithoutAName) {
  const auto found = Must(vault_.Identify(case_, probe_), "identify");
  ASSERT_EQ(found.candidates_size(), 1);
  const std::string& candidate = found.candidates(0);
  Must(vault_.Confirm(candidate, "officer/one"), "confirm");
  Must(vault_.Restrict(person_), "restrict");
  Must(vault_.Confirm(candidate, "officer/two"), "confirm");
  EXPECT_EQ(vault_.Disclose(candidate).reason, "CANDIDATE_GONE");
  EXPECT_EQ(Must(vault_.Holdings(person_), "holdings").notices_size(), 0);
  Must(vault_.LiftRestriction(person_), "lift");
  EXPECT_TRUE(vault_.Disclose(candidate).ok());
}

TEST_F(Restriction, SaysWhenThereIsNothingToRestrictOrToLift) {
  EXPECT_EQ(vault_.LiftRestriction(person_).reason, "NOTHING_TO_LIFT");
  Must(vault_.Restrict(person_), "restrict");
  EXPECT_EQ(vault_.Restrict(person_).reason, "NOTHING_TO_RESTRICT");
  EXPECT_EQ(vault_.Restrict(vault_.NewPerson()).reason, "NOT_PERMITTED");
  Must(vault_.Withdraw(person_), "withdraw");
  EXPECT_EQ(vault_.LiftRestriction(person_).reason, "NOTHING_TO_LIFT");
  EXPECT_EQ(RecordOf(vault_, enrolled_.template_record()).state(), v1::TEMPLATE_STATE_ERASING);
}

TEST_F(Restriction, StaysWhenTheTemplateIsReplacedAndWhenItIsProtectedAnew) {
  EXPECT_EQ(Found(), 1u);  // the gallery is resident
  Must(vault_.Restrict(person_), "restrict");
  TestWorld::Terms terms;
  terms.replaces = enrolled_.template_record();
  const auto replaced = Must(vault_.Enroll(person_, terms), "replace");
  EXPECT_TRUE(RecordOf(vault_, replaced.template_record()).restricted());
  EXPECT_EQ(Found(), 0u);
  Must(vault_.Rotate(), "rotate");
  EXPECT_TRUE(RecordOf(vault_, replaced.template_record()).restricted());
  EXPECT_EQ(Found(), 0u);
  Must(vault_.LiftRestriction(person_), "lift");
  EXPECT_EQ(Found(), 1u);
}

TEST_F(Restriction, EndsWithTheConsent) {
  EXPECT_EQ(Found(), 1u);
  Must(vault_.Restrict(person_), "restrict");
  vault_.Advance(100 * kDay);
  vault_.Sweep();
  EXPECT_EQ(RecordOf(vault_, enrolled_.template_record()).end_reason(), v1::END_REASON_EXPIRED);
  EXPECT_EQ(vault_.Status().pending_erasures(), 0u);
}

// The gallery is loaded anew each round, while people restrict and lift: no search that begins
// after the one answer finds them, and none that begins after the other misses them.
TEST(RestrictionRace, HoldsForEverySearchThatBeginsAfterItsAnswer) {
  constexpr size_t kPeople = 600;  // more than the gallery takes at once
  constexpr size_t kRestricting = 6;
  const TestVault vault(/*target_fpir=*/1e-9);
  std::vector<Person> people;
  for (size_t i = 0; i < kPeople; ++i) {
    people.push_back(vault.NewPerson());
    Must(vault.Enroll(people.back()), "enrol");
  }
  for (int round = 0; round < 8; ++round) {
    const std::string name = vault.ActiveCase(/*budget=*/10'000);
    std::vector<std::thread> threads;
    threads.emplace_back([&] { EXPECT_TRUE(vault.Identify(name, vault.Face(people[0])).ok()); });
    for (size_t i = 1; i <= kRestricting; ++i) {
      threads.emplace_back([&, i] {
        const Person& person = people[i * (kPeople / kRestricting) - 1];
        EXPECT_TRUE(vault.Restrict(person).ok());
        EXPECT_EQ(vault.Identify(name, vault.Face(person))->result(), v1::SEARCH_RESULT_NO_MATCH);
        EXPECT_TRUE(vault.LiftRestriction(person).ok());
        EXPECT_EQ(vault.Identify(name, vault.Face(person))->result(), v1::SEARCH_RESULT_MATCH);
      });
    }
    for (std::thread& thread : threads) thread.join();
    Must(vault.Close(name), "close");  // and with it the gallery goes
  }
}

}  // namespace
}  // namespace kluis::restriction_test
