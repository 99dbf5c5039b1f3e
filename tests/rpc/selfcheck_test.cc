// SPDX-License-Identifier: Apache-2.0
// What somebody changed in the database behind the log's back is found and named.
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/codec.h"
#include "client/record_name.h"
#include "gtest/gtest.h"
#include "policy/record_key.h"
#include "service/ledger/self_check.h"
#include "tests/fakes/test_vault.h"

namespace kluis::selfcheck_test {
namespace {

using storage::Column;

// What `kluis vault selfcheck` says; empty when all is as the log says.
std::string Difference(const TestVault& vault) {
  const v1::CheckVaultResponse check = vault.CheckVault();
  if (check.consistent()) return "";
  const absl::StatusOr<std::string> key = base::FromHex(check.first_difference());
  EXPECT_TRUE(key.ok());
  return client::RecordName(*key);
}

// The same without a call, where the record that is missing is the caller's own.
std::string DifferenceInside(TestVault& vault) {
  const auto check = service::CheckState(vault.vault().database());
  EXPECT_TRUE(check.ok()) << check.status();
  return !check.ok() || check->consistent ? "" : client::RecordName(check->first_difference);
}

void Write(TestVault& vault, storage::Batch batch) {
  ASSERT_TRUE(vault.vault().database().Write(std::move(batch)).ok());
}

void Put(TestVault& vault, const std::string& key, const std::string& value) {
  storage::Batch batch;
  batch.Put(Column::kState, key, value);
  Write(vault, std::move(batch));
}

void Remove(TestVault& vault, const std::string& key) {
  storage::Batch batch;
  batch.Delete(Column::kState, key);
  Write(vault, std::move(batch));
  EXPECT_FALSE(vault.vault().database().Get(Column::kState, key)->has_value());
}

std::map<std::string, std::string> AllRecords(TestVault& vault) {
  std::map<std::string, std::string> records;
  EXPECT_TRUE(vault.vault()
                  .database()
                  .Scan(Column::kState, "",
                        [&](std::string_view key, std::string_view value) {
                          records.emplace(key, value);
                          return true;
                        })
                  .ok());
  return records;
}

TEST(SelfCheck, NamesARecordThatWasEdited) {
  TestVault vault;
  const auto enrolled = Must(vault.Enroll(vault.NewPerson()), "enroll");
  const std::string id = policy::IdInName(enrolled.template_record(), "templates");
  const std::string key = policy::key::Template(id);
  const std::string value = **vault.vault().database().Get(Column::kState, key);
  EXPECT_EQ(Difference(vault), "");

  v1::TemplateRecord record;
  ASSERT_TRUE(record.ParseFromString(value));
  record.set_expires_at(record.expires_at() + 1);
  Put(vault, key, record.SerializeAsString());
  EXPECT_EQ(Difference(vault), "template " + base::ToHex(id));
  Put(vault, key, value);
  EXPECT_EQ(Difference(vault), "");
}

// Each record in turn is the only thing that is wrong: the first, the last and all between.
TEST(SelfCheck, NamesWhicheverRecordWasRemoved) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  Must(vault.Identify(vault.ActiveCase(), vault.Face(person, 1)), "identify");
  const auto records = AllRecords(vault);
  ASSERT_GT(records.size(), 20u);
  for (const auto& [key, value] : records) {
    Remove(vault, key);
    EXPECT_EQ(DifferenceInside(vault), client::RecordName(key));
    Put(vault, key, value);
    ASSERT_EQ(Difference(vault), "") << client::RecordName(key);
  }
}

TEST(SelfCheck, NamesARecordThatWasAddedBeforeBetweenOrAfterTheOthers) {
  TestVault vault;
  Must(vault.Enroll(vault.NewPerson()), "enroll");
  const std::string first = AllRecords(vault).begin()->first;
  const std::string last = AllRecords(vault).rbegin()->first;
  const std::string before(1, '\0');
  const std::string after = last + '\xff';
  const std::string between = policy::key::Case(std::string(16, '\xff'));
  ASSERT_LT(before, first);
  for (const std::string& key : {before, between, after}) {
    Put(vault, key, "");
    EXPECT_EQ(Difference(vault), client::RecordName(key));
    Remove(vault, key);
    ASSERT_EQ(Difference(vault), "");
  }
}

}  // namespace
}  // namespace kluis::selfcheck_test
