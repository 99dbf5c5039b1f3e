// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "policy/facts.h"
#include "policy/record_key.h"
#include "policy/state_view.h"

namespace kluis::policy::record_key_test {
namespace {

const std::string kA(16, 'a');
const std::string kB(16, 'b');

TEST(RecordKey, DiffersForEveryKindAndId) {
  std::vector<std::string> keys = {key::Vault(), key::Slots()};
  for (const std::string& id : {kA, kB}) {
    for (const auto make : {key::Authority, key::MemberKey, key::Purpose, key::PurposeStop,
                            key::Subject, key::Template, key::Case, key::CaseUse, key::Disclosure,
                            key::UsedNecessity, key::PendingSearch}) {
      keys.push_back(make(id));
    }
    for (const int64_t end : {1'800'000'000, 1'800'000'060}) {
      keys.push_back(key::UsedStatement(end, id));
    }
    for (const auto target :
         {v1::ERASURE_TARGET_TEMPLATE, v1::ERASURE_TARGET_CASE, v1::ERASURE_TARGET_SUBJECT}) {
      keys.push_back(key::PendingErasure(target, id));
    }
    for (const auto role : {v1::ROLE_OFFICER, v1::ROLE_JUDGE}) {
      keys.push_back(key::Member(role, id));
      keys.push_back(key::Member(role, id + "x"));
    }
    for (const std::string& other : {kA, kB}) {
      keys.push_back(key::Candidate(id, other));
      keys.push_back(key::Enrollment(id, other));
    }
    for (const uint32_t year : {2027, 2028, 2283}) {
      keys.push_back(key::AuthorityYear(AuthorityYearId(id, year)));
      keys.push_back(
          key::PendingErasure(v1::ERASURE_TARGET_AUTHORITY_YEAR, AuthorityYearId(id, year)));
    }
    keys.push_back(key::Enrollment(id, "purpose"));
    keys.push_back(key::Enrollment(id, "purpose-2"));
  }
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
}

TEST(RecordKey, StartsWithTheFieldNumberOfItsRecord) {
  EXPECT_EQ(key::Vault(), "\x01");
  EXPECT_EQ(key::Enrollment(kA, "p"), "\x0a" + kA + "p");
  EXPECT_EQ(key::Member(v1::ROLE_OFFICER, "anna"), std::string("\x04\x03") + "anna");
  EXPECT_EQ(key::PendingErasure(v1::ERASURE_TARGET_CASE, kA), "\x12\x02" + kA);
  EXPECT_EQ(key::AuthorityYear(AuthorityYearId(kA, 2027)), "\x13" + kA + "\x07\xEB");
  EXPECT_EQ(key::Case(kA).substr(0, 1), KindPrefix(v1::RecordChange::kCase));
}

TEST(RecordKey, OfAUsedStatementStandsInTheOrderOfTheirEndsAndIsOverNotBeforeIt) {
  EXPECT_EQ(key::UsedStatement(59, kA + "more"), std::string("\x0f\0\0\0\x01", 5) + kA);
  std::string before;
  for (const int64_t end : {int64_t{0}, int64_t{60}, int64_t{3'600}, int64_t{1'800'000'000},
                            int64_t{1'800'000'060}, int64_t{253'402'300'799}}) {
    const std::string key = key::UsedStatement(end, kA);
    EXPECT_LT(before, key);
    before = key;
    EXPECT_GT(OverAt(key.substr(1)), end);
    EXPECT_LE(OverAt(key.substr(1)), end + 60);
  }
}

// A change of the kind `field` with every id and name filled.
v1::RecordChange Filled(const google::protobuf::FieldDescriptor* field) {
  v1::RecordChange change;
  if (field->message_type() == nullptr) {
    change.set_removed_key(key::Case(kA));
    return change;
  }
  google::protobuf::Message* record = change.GetReflection()->MutableMessage(&change, field);
  for (int i = 0; i < record->GetDescriptor()->field_count(); ++i) {
    const auto* inner = record->GetDescriptor()->field(i);
    if (inner->is_repeated()) continue;
    if (inner->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      record->GetReflection()->SetString(record, inner, kA);
    }
    if (inner->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_ENUM) {
      record->GetReflection()->SetEnumValue(record, inner, 1);
    }
  }
  if (change.has_purpose()) {
    change.mutable_purpose()->mutable_registration()->set_purpose("missing-persons");
  }
  return change;
}

TEST(Apply, WritesEveryKindOfRecordUnderAKeyOfItsKind) {
  const auto* kinds = v1::RecordChange::descriptor()->FindOneofByName("change");
  std::set<std::string> keys;
  for (int i = 0; i < kinds->field_count(); ++i) {
    const auto* field = kinds->field(i);
    const v1::RecordChange change = Filled(field);
    const RecordWrite write = Apply(change);
    ASSERT_FALSE(write.key.empty()) << field->name();
    if (field->name() == "removed_key") {
      EXPECT_EQ(write.key, key::Case(kA));
      EXPECT_FALSE(write.value.has_value());
      continue;
    }
    EXPECT_EQ(write.key[0], field->number()) << field->name();
    EXPECT_TRUE(keys.insert(write.key).second) << field->name();
    ASSERT_TRUE(write.value.has_value()) << field->name();
    EXPECT_EQ(*write.value, change.GetReflection()->GetMessage(change, field).SerializeAsString());
    const std::set<std::string> single = {"vault", "slots", "pending_rekey", "last_rekey_order"};
    if (!single.contains(field->name())) {
      EXPECT_GT(write.key.size(), 1u) << field->name() << " has no id in its key";
    }
  }
  EXPECT_EQ(keys.size(), static_cast<size_t>(kinds->field_count() - 1));
}

TEST(Apply, OfAnEmptyChangeNamesNoKey) { EXPECT_TRUE(Apply(v1::RecordChange()).key.empty()); }

TEST(MemoryState, IsTheFoldOfItsEntriesInOrder) {
  MemoryState state;
  v1::Entry entry;
  entry.add_changes()->mutable_slots()->set_next_slot(1);
  entry.add_changes()->mutable_slots()->set_next_slot(2);
  entry.add_changes()->mutable_used_statement()->set_digest(kA);
  entry.add_changes()->set_removed_key(key::UsedStatement(0, kA));
  state.ApplyChanges(entry);
  EXPECT_EQ(state.records().size(), 1u);
  EXPECT_EQ(Find<v1::SlotCounter>(state, key::Slots()).value()->next_slot(), 2u);
  EXPECT_FALSE(Find<v1::UsedStatement>(state, key::UsedStatement(0, kA)).value().has_value());
}

TEST(IdInName, ReadsTheIdOfEachCollectionOfAName) {
  const std::string hex(32, 'a');
  const std::string other = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(IdInName("cases/" + hex, "cases"), std::string(16, '\xaa'));
  EXPECT_EQ(IdInName("cases/" + other + "/candidates/" + hex, "candidates"),
            std::string(16, '\xaa'));
  EXPECT_EQ(IdInName("cases/" + other + "/candidates/" + hex, "cases"),
            std::string("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"));
}

TEST(IdInName, RefusesEveryOtherForm) {
  const std::string hex(32, 'a');
  for (const std::string& name : {std::string(),
                                  std::string("cases"),
                                  std::string("cases/"),
                                  hex,
                                  "/" + hex,
                                  "cases" + hex,
                                  "cases/" + hex.substr(1),
                                  "cases/" + hex + "a",
                                  "cases/" + std::string(32, 'A'),
                                  "cases/" + std::string(32, 'g'),
                                  "cases/" + hex + "/",
                                  "cases/" + hex + "/candidates",
                                  "cases/" + hex + "/candidates/",
                                  "cases/" + hex + "/candidates/" + hex.substr(1),
                                  "cases/" + hex + "//",
                                  "/cases/" + hex,
                                  " cases/" + hex,
                                  "cases/" + hex + " ",
                                  "Cases/" + hex,
                                  "subjects/" + hex,
                                  "x/" + std::string(32, '?') + "/cases/" + hex,
                                  "cases/" + hex + "/cases/" + hex,
                                  "cases//" + hex,
                                  "cases/" + hex.substr(2) + "/a"}) {
    EXPECT_EQ(IdInName(name, "cases"), "") << name;
  }
}

}  // namespace
}  // namespace kluis::policy::record_key_test
