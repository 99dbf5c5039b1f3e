// SPDX-License-Identifier: Apache-2.0
// A subject replaces its template: one entry ends the old one and begins the new one, and the old
// one cannot be opened any more when the desk hears of it.
#include <string>

#include "base/codec.h"
#include "base/id.h"
#include "gtest/gtest.h"
#include "policy/record_key.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis::replacement_test {
namespace {

v1::TemplateRecord RecordOf(TestVault& vault, const std::string& name) {
  return **policy::Find<v1::TemplateRecord>(
      vault.vault().state(), policy::key::Template(policy::IdInName(name, "templates")));
}

bool HasRow(TestVault& vault, const std::string& name) {
  const auto id = base::IdFromBytes(policy::IdInName(name, "templates"));
  return vault.vault()
      .database()
      .Get(storage::Column::kSealed, storage::TemplateKey(*id))
      ->has_value();
}

TEST(Replacement, PutsANewCaptureInThePlaceOfTheOldOne) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollResponse first = Must(vault.Enroll(person), "enrol");
  const std::string name = vault.ActiveCase();
  const v1::Template probe = vault.Face(person, 2);
  EXPECT_EQ(vault.Identify(name, probe)->matches(), 1u);  // the gallery is resident

  const uint32_t slot = RecordOf(vault, first.template_record()).slot();
  TestWorld::Terms terms;
  terms.replaces = first.template_record();
  terms.capture = 1;
  const v1::EnrollResponse second = Must(vault.Enroll(person, terms), "replace");
  EXPECT_EQ(second.subject(), first.subject());
  EXPECT_NE(second.template_record(), first.template_record());
  EXPECT_TRUE(vault.vault().keyring().IsPunctured(slot));  // before the answer

  vault.FinishErasures();
  const v1::TemplateRecord old = RecordOf(vault, first.template_record());
  EXPECT_EQ(old.state(), v1::TEMPLATE_STATE_ERASED);
  EXPECT_EQ(old.end_reason(), v1::END_REASON_REPLACED);
  EXPECT_FALSE(HasRow(vault, first.template_record()));
  EXPECT_TRUE(HasRow(vault, second.template_record()));
  EXPECT_EQ(vault.Status().pending_erasures(), 0u);

  const auto found = Must(vault.Identify(name, probe), "identify");
  EXPECT_EQ(found.matches(), 1u);  // one row, not two
  EXPECT_EQ(Must(vault.Verify(second.subject(), probe), "verify").result(),
            v1::SEARCH_RESULT_MATCH);
  const auto held = Must(vault.Holdings(person), "holdings");
  ASSERT_EQ(held.holdings_size(), 1);
  EXPECT_EQ(held.holdings(0).template_record(), second.template_record());
  EXPECT_EQ(held.holdings(0).state(), v1::TEMPLATE_STATE_ACTIVE);

  Must(vault.Withdraw(person), "withdraw");
  EXPECT_EQ(vault.Identify(name, probe)->matches(), 0u);
  const v1::CheckVaultResponse check = vault.CheckVault();
  EXPECT_TRUE(check.consistent()) << check.first_difference();
}

TEST(Replacement, NamesTheLiveTemplateOrIsRefusedAndChangesNothing) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollResponse first = Must(vault.Enroll(person), "enrol");
  EXPECT_EQ(vault.Enroll(person).reason, "ALREADY_ENROLLED");
  const std::string other =
      Must(vault.Enroll(vault.NewPerson()), "enrol another").template_record();
  TestWorld::Terms terms;
  for (const std::string& replaces : {other, first.subject() + "/templates/" + std::string(32, '0'),
                                      first.subject(), std::string("the old one")}) {
    terms.replaces = replaces;
    EXPECT_EQ(vault.Enroll(person, terms).reason, "NOTHING_TO_REPLACE") << replaces;
    EXPECT_EQ(vault.Enroll(vault.NewPerson(), terms).reason, "NOTHING_TO_REPLACE") << replaces;
  }
  EXPECT_EQ(RecordOf(vault, first.template_record()).state(), v1::TEMPLATE_STATE_ACTIVE);
  EXPECT_EQ(RecordOf(vault, other).state(), v1::TEMPLATE_STATE_ACTIVE);
  Must(vault.Withdraw(person), "withdraw");
  terms.replaces = first.template_record();
  EXPECT_EQ(vault.Enroll(person, terms).reason, "NOTHING_TO_REPLACE");
}

TEST(Replacement, WorksInABatchAndIsErasedBeforeItsAnswer) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollResponse first = Must(vault.Enroll(person), "enrol");
  for (const bool atomic : {false, true}) {
    TestWorld::Terms terms;
    const auto held = Must(vault.Holdings(person), "holdings");
    terms.replaces = held.holdings(0).template_record();
    v1::EnrollmentService::Stub stub(vault.ChannelOf("registrar/desk"));
    grpc::ClientContext context;
    TestWorld::SetDeadline(context);
    const auto stream = stub.BatchEnroll(&context);
    v1::BatchEnrollRequest message;
    message.mutable_options()->set_atomic(atomic);
    message.mutable_options()->set_rows(2);
    ASSERT_TRUE(stream->Write(message));
    *message.mutable_row() = vault.EnrollRequestOf(person, terms);
    ASSERT_TRUE(stream->Write(message));
    *message.mutable_row() = vault.EnrollRequestOf(vault.NewPerson());
    ASSERT_TRUE(stream->Write(message));
    stream->WritesDone();
    v1::BatchEnrollResponse response;
    int enrolled = 0;
    while (stream->Read(&response)) {
      enrolled += response.has_enrolled() ? 1 : 0;
      EXPECT_FALSE(HasRow(vault, terms.replaces));
    }
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(enrolled, 2);
    vault.FinishErasures();
    EXPECT_EQ(RecordOf(vault, terms.replaces).state(), v1::TEMPLATE_STATE_ERASED);
    EXPECT_FALSE(HasRow(vault, terms.replaces));
  }
}

}  // namespace
}  // namespace kluis::replacement_test
