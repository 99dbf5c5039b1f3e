// SPDX-License-Identifier: Apache-2.0
// What is in memory and in the keyring follows the log by itself: an act that only says what became
// of a template needs no code that knows of galleries or erasures.
#include <string>

#include "base/codec.h"
#include "gtest/gtest.h"
#include "service/ledger/names.h"
#include "tests/fakes/test_vault.h"

namespace kluis::followers_test {
namespace {

service::Act Plain(v1::LogKind kind) {
  service::Act act;
  act.kind = kind;
  act.command.set_method("Test");
  return act;
}

v1::TemplateRecord TemplateOf(TestVault& vault) {
  v1::TemplateRecord found;
  const absl::Status scanned = vault.vault().state().ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) { found = record; });
  EXPECT_TRUE(scanned.ok()) << scanned;
  return found;
}

size_t Rows(TestVault& vault) {
  size_t rows = 0;
  for (const auto& gallery : vault.vault().galleries().All()) rows += gallery.templates;
  return rows;
}

TEST(Followers, AnActThatOnlyEndsATemplateLeavesNoRowAndNoKey) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enrol");
  const std::string kase = vault.ActiveCase();
  ASSERT_EQ(vault.Identify(kase, vault.Face(person, 1))->matches(), 1u);
  ASSERT_EQ(Rows(vault), 1u);
  const v1::TemplateRecord record = TemplateOf(vault);
  ASSERT_FALSE(vault.vault().keyring().IsPunctured(record.slot()));

  service::Act act = Plain(v1::LOG_KIND_ERASURE);
  act.command.mutable_lose_template()->set_template_id(record.id());
  const auto committed = vault.vault().ledger().Commit(std::move(act));
  ASSERT_TRUE(committed.ok() && committed->ruling.decision.allowed()) << committed.status();
  EXPECT_EQ(Rows(vault), 0u);
  EXPECT_TRUE(vault.vault().keyring().IsPunctured(record.slot()));
  EXPECT_EQ(committed->keyring_commitment.size(), 32u);
  EXPECT_EQ(vault.Identify(kase, vault.Face(person, 2))->matches(), 0u);
}

TEST(Followers, ABatchThatOnlyEndsTemplatesLeavesThemWithItsSync) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enrol");
  const std::string kase = vault.ActiveCase();
  ASSERT_EQ(vault.Identify(kase, vault.Face(person, 1))->matches(), 1u);
  const v1::TemplateRecord record = TemplateOf(vault);
  std::vector<service::Act> acts;
  acts.push_back(Plain(v1::LOG_KIND_ERASURE));
  acts.back().command.mutable_lose_template()->set_template_id(record.id());
  const auto appended = vault.vault().ledger().Append(std::move(acts));
  ASSERT_TRUE(appended.ok());
  EXPECT_EQ(Rows(vault), 0u) << "memory follows under the ledger's lock";
  EXPECT_FALSE(vault.vault().keyring().IsPunctured(record.slot())) << "not before it is durable";
  ASSERT_TRUE(vault.vault().ledger().Sync(*appended).ok());
  EXPECT_TRUE(vault.vault().keyring().IsPunctured(record.slot()));
}

// An atomic batch that is refused is in no log, whatever its other acts would have done.
TEST(Followers, OfActsThatWereNotWrittenDoNothing) {
  TestVault vault;
  Must(vault.Enroll(vault.NewPerson()), "enrol");
  const v1::TemplateRecord record = TemplateOf(vault);
  std::vector<service::Act> acts;
  for (const std::string& id : {record.id(), std::string(16, 'x')}) {
    acts.push_back(Plain(v1::LOG_KIND_ERASURE));
    acts.back().command.mutable_lose_template()->set_template_id(id);
  }
  const auto appended = vault.vault().ledger().AppendAllOrNothing(std::move(acts));
  ASSERT_TRUE(appended.ok());
  ASSERT_FALSE(appended->acts.back().ruling.decision.allowed());
  EXPECT_TRUE(vault.vault().ledger().Sync(*appended).ok());
  EXPECT_FALSE(vault.vault().keyring().IsPunctured(record.slot()));
}

TEST(Followers, ACaseThatOnlyEndsTakesItsGalleryAlong) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enrol");
  const std::string kase = vault.ActiveCase();
  ASSERT_EQ(vault.Identify(kase, vault.Face(person, 1))->matches(), 1u);
  ASSERT_EQ(vault.vault().galleries().All().size(), 1u);
  vault.Advance(400 * kDay);
  service::Act act = Plain(v1::LOG_KIND_ERASURE);
  act.command.mutable_end_case()->set_case_id(
      *base::FromHex(kase.substr(std::string("cases/").size())));
  const auto committed = vault.vault().ledger().Commit(std::move(act));
  ASSERT_TRUE(committed.ok()) << committed.status();
  ASSERT_TRUE(committed->ruling.decision.allowed());
  EXPECT_TRUE(vault.vault().galleries().All().empty());
}

}  // namespace
}  // namespace kluis::followers_test
