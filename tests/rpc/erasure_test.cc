// SPDX-License-Identifier: Apache-2.0
// The two halves of an erasure: what is true when a call is answered, and what when the log says
// that it is done (service/upkeep/concluder.h).
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "policy/record_key.h"
#include "tests/fakes/erased_rows.h"
#include "tests/fakes/kept_vault.h"
#include "tests/fakes/test_vault.h"

namespace kluis::erasure_test {
namespace {

class Erasure : public testing::Test {
 protected:
  service::Concluder& concluder() { return vault_.vault().eraser().concluder(); }
  // The answers' half alone, from now on.
  void OnlyAnswers() { concluder().Stop(); }

  // Allowed or not.
  std::vector<v1::Entry> EntriesOf(v1::Command::ActCase act) const {
    std::vector<v1::Entry> found;
    for (const std::string& bytes : vault_.Entries()) {
      v1::Entry entry;
      EXPECT_TRUE(entry.ParseFromString(bytes));
      if (entry.command().act_case() == act) found.push_back(entry);
    }
    return found;
  }
  size_t Done() const { return EntriesOf(v1::Command::kEraseDone).size(); }

  v1::TemplateState StateSeenBy(const Person& person) const {
    const auto held = Must(vault_.Holdings(person), "holdings");
    EXPECT_EQ(held.holdings_size(), 1);
    return held.holdings(0).state();
  }

  TestVault vault_;
};

TEST_F(Erasure, IsAnsweredWithKeyAndRowGoneAndDoneWhenTheFilesAreRewritten) {
  const Person person = vault_.NewPerson();
  const auto enrolled = Must(vault_.Enroll(person), "enrol");
  const std::string key = storage::TemplateKey(LastId(enrolled.template_record()));
  const std::string row = SealedBytes(vault_.vault().database(), storage::Column::kSealed, key);
  const auto record = policy::Find<v1::TemplateRecord>(
      vault_.vault().state(),
      policy::key::Template(policy::IdInName(enrolled.template_record(), "templates")));
  const uint32_t slot = (*record)->slot();
  OnlyAnswers();
  const auto answer = Must(vault_.Withdraw(person), "withdraw");
  EXPECT_EQ(answer.erasure().template_record(), enrolled.template_record());
  EXPECT_EQ(answer.erasure().state(), v1::TEMPLATE_STATE_ERASING);
  EXPECT_TRUE(vault_.vault().keyring().IsPunctured(slot));
  EXPECT_FALSE(vault_.vault().database().Get(storage::Column::kSealed, key)->has_value());
  EXPECT_EQ(Done(), 0u);
  EXPECT_EQ(StateSeenBy(person), v1::TEMPLATE_STATE_ERASING);
  EXPECT_EQ(vault_.Status().pending_erasures(), 1u);
  EXPECT_TRUE(InAnyFile(vault_.directory() + "/data", row));

  vault_.FinishErasures();
  const std::vector<v1::Entry> done = EntriesOf(v1::Command::kEraseDone);
  ASSERT_EQ(done.size(), 1u);
  const v1::EraseDone& said = done[0].command().erase_done();
  EXPECT_EQ(said.target(), v1::ERASURE_TARGET_TEMPLATE);
  EXPECT_EQ(said.id(), (*record)->id());
  EXPECT_EQ(said.keyring_commitment(), answer.erasure().keyring_commitment());
  EXPECT_EQ(StateSeenBy(person), v1::TEMPLATE_STATE_ERASED);
  EXPECT_EQ(vault_.Status().pending_erasures(), 0u);
  EXPECT_FALSE(InAnyFile(vault_.directory() + "/data", row));
}

TEST_F(Erasure, IsConcludedByTheVaultItselfAndForAllThatWaitAtOnce) {
  std::vector<Person> people;
  for (int i = 0; i < 100; ++i) {
    people.push_back(vault_.NewPerson());
    Must(vault_.Enroll(people.back()), "enrol");
  }
  OnlyAnswers();
  for (const Person& person : people) Must(vault_.Withdraw(person), "withdraw");
  concluder().Start();
  EXPECT_TRUE(Eventually([&] { return vault_.Status().pending_erasures() == 0; }));
  EXPECT_EQ(Done(), 100u);
  for (const v1::Entry& entry : EntriesOf(v1::Command::kEraseDone)) {
    EXPECT_EQ(entry.command().erase_done().keyring_commitment(),
              crypto::Bytes(vault_.vault().keyring().Commitment()));
  }
  TestVault::Terms again;
  again.follows = Must(vault_.Holdings(people[0]), "holdings").holdings(0).end();
  Must(vault_.Enroll(people[0], again), "enrol again");
  Must(vault_.Withdraw(people[0]), "withdraw again");
  EXPECT_TRUE(Eventually([&] { return Done() == 101; })) << "it is woken by each erasure";
}

TEST_F(Erasure, IsNotDoneWhileSomebodyStillReadsTheOldFiles) {
  const Person person = vault_.NewPerson();
  Must(vault_.Enroll(person), "enrol");
  std::optional<storage::Snapshot> snapshot = vault_.vault().database().TakeSnapshot();
  Must(vault_.Withdraw(person), "withdraw");
  EXPECT_TRUE(absl::IsFailedPrecondition(concluder().Conclude()));
  EXPECT_EQ(Done(), 0u);
  EXPECT_EQ(vault_.Status().fault(), "") << "it is nothing to mend";
  snapshot.reset();
  EXPECT_TRUE(Eventually([&] { return Done() == 1; }));
}

TEST_F(Erasure, ThatWaitsIsFinishedByTheNextUnsealing) {
  const Person person = vault_.NewPerson();
  Must(vault_.Enroll(person), "enrol");
  OnlyAnswers();
  Must(vault_.Withdraw(person), "withdraw");
  Must(vault_.Call("operator/one", &v1::VaultService::Stub::SealVault, v1::SealVaultRequest()),
       "seal");
  EXPECT_EQ(vault_.Status().pending_erasures(), 1u);
  ASSERT_TRUE(vault_.vault().Unseal().ok());
  EXPECT_EQ(vault_.Status().pending_erasures(), 0u);
  EXPECT_EQ(StateSeenBy(person), v1::TEMPLATE_STATE_ERASED);
}

TEST_F(Erasure, ThatWaitsIsNotStartedAgainBySweeps) {
  const Person person = vault_.NewPerson();
  Must(vault_.Enroll(person), "enrol");
  Must(vault_.Close(vault_.ActiveCase()), "close");
  Must(vault_.Withdraw(person), "withdraw");
  vault_.FinishErasures();
  OnlyAnswers();
  vault_.Advance(9 * 365 * kDay);  // within the auditor's term
  for (int sweep = 0; sweep < 2; ++sweep) {
    ASSERT_TRUE(vault_.vault().sweeper().SweepOnce().ok());
    EXPECT_EQ(EntriesOf(v1::Command::kForgetSubject).size(), 1u);
    EXPECT_EQ(EntriesOf(v1::Command::kEndCase).size(), 1u);
    EXPECT_EQ(EntriesOf(v1::Command::kForgetAuthorityYear).size(), 1u);
  }
  vault_.FinishErasures();
  EXPECT_EQ(Done(), 4u);
}

// Of each template one former slot waits at a time, so a second rotation waits for the first's.
TEST_F(Erasure, OfFormerSlotsIsFinishedBeforeTheNextRotation) {
  const Person person = vault_.NewPerson();
  const std::string subject = Must(vault_.Enroll(person), "enrol").subject();
  OnlyAnswers();
  std::optional<storage::Snapshot> snapshot = vault_.vault().database().TakeSnapshot();
  EXPECT_EQ(Must(vault_.Rotate(), "rotate").renewed(), 1u);
  EXPECT_EQ(vault_.Status().pending_erasures(), 2u);  // slot and transform
  EXPECT_FALSE(vault_.Rotate().ok());
  snapshot.reset();
  ASSERT_TRUE(vault_.vault().sweeper().SweepOnce().ok());
  EXPECT_EQ(vault_.Status().pending_erasures(), 0u);
  EXPECT_EQ(EntriesOf(v1::Command::kFinishRotation).size(), 2u);
  EXPECT_EQ(Must(vault_.Verify(subject, vault_.Face(person)), "verify").result(),
            v1::SEARCH_RESULT_MATCH);
}

}  // namespace
}  // namespace kluis::erasure_test
