// What somebody changed in the database behind the log's back is found and named.
#include <string>
#include <utility>

#include "client/record_name.h"
#include "crypto/codec.h"
#include "gtest/gtest.h"
#include "policy/record_key.h"
#include "tests/fakes/test_vault.h"

namespace kluis {
namespace {

using storage::Column;

// What `kluis vault selfcheck` says; empty when all is as the log says.
std::string Difference(const TestVault& vault) {
  const v1::CheckVaultResponse check = vault.CheckVault();
  if (check.consistent()) return "";
  const absl::StatusOr<std::string> key = crypto::FromHex(check.first_difference());
  EXPECT_TRUE(key.ok());
  return client::RecordName(*key);
}

void Put(TestVault& vault, const std::string& key, const std::string& value) {
  storage::Batch batch;
  batch.Put(Column::kState, key, value);
  ASSERT_TRUE(vault.vault().database().Write(std::move(batch)).ok());
}

TEST(SelfCheck, NamesARecordThatWasEditedRemovedOrAdded) {
  TestVault vault;
  const auto enrolled = Must(vault.Enroll(vault.NewPerson()), "enroll");
  const std::string id = policy::IdInName(enrolled.template_record(), "templates");
  const std::string key = policy::key::Template(id);
  const std::string name = "template " + crypto::ToHex(id);
  const std::string value = **vault.vault().database().Get(Column::kState, key);
  EXPECT_EQ(Difference(vault), "");

  v1::TemplateRecord record;
  ASSERT_TRUE(record.ParseFromString(value));
  record.set_expires_at(record.expires_at() + 1);
  Put(vault, key, record.SerializeAsString());
  EXPECT_EQ(Difference(vault), name);

  storage::Batch batch;
  batch.Delete(Column::kState, key);
  ASSERT_TRUE(vault.vault().database().Write(std::move(batch)).ok());
  EXPECT_EQ(Difference(vault), name);

  Put(vault, key, value);
  EXPECT_EQ(Difference(vault), "");
  const std::string added(16, '\xff');
  Put(vault, policy::key::Case(added), "");
  EXPECT_EQ(Difference(vault), "case " + crypto::ToHex(added));
}

}  // namespace
}  // namespace kluis
