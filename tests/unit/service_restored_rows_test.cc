// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "policy/record_key.h"
#include "service/recovery/restored_rows.h"
#include "storage/layout.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::restored_rows_test {
namespace {

using storage::Column;
using testing::ElementsAre;

constexpr char kSealed[] = "sealed-canary-5d01";

std::string Id(char letter) { return std::string(16, letter); }
base::Id AsId(char letter) { return *base::IdFromBytes(Id(letter)); }

class RestoredRows : public testing::Test {
 protected:
  RestoredRows() {
    auto opened = storage::Database::Open({scratch_.path() + "/db", true, nullptr});
    EXPECT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  void Put(Column column, const std::string& key, const std::string& value) {
    storage::Batch batch;
    batch.Put(column, key, value);
    ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  }
  void PutTemplate(char id, v1::TemplateState state, uint32_t slot = 0) {
    v1::TemplateRecord record;
    record.set_id(Id(id));
    record.set_slot(slot);
    record.set_state(state);
    Put(Column::kState, policy::key::Template(Id(id)), record.SerializeAsString());
  }
  void PutCase(char id, bool erased, uint32_t slot = 0) {
    v1::CaseRecord record;
    record.set_id(Id(id));
    record.set_slot(slot);
    record.set_erased(erased);
    Put(Column::kState, policy::key::Case(Id(id)), record.SerializeAsString());
  }
  void PutSubject(char id, bool erased, uint32_t slot = 0) {
    v1::SubjectRecord record;
    record.set_id(Id(id));
    record.set_slot(slot);
    record.set_erased(erased);
    Put(Column::kState, policy::key::Subject(Id(id)), record.SerializeAsString());
  }
  static std::string YearId(char id) { return policy::AuthorityYearId(Id(id), 2027); }
  static std::string Written(char id) {
    return storage::WrittenKey(*storage::YearIdFromBytes(YearId(id)), AsId('x'),
                               storage::Written::kOpening);
  }
  void PutYear(char id, bool erased, uint32_t slot = 0) {
    v1::AuthorityYear record;
    record.set_authority_id(Id(id));
    record.set_year(2027);
    record.set_slot(slot);
    record.set_erased(erased);
    Put(Column::kState, policy::key::AuthorityYear(YearId(id)), record.SerializeAsString());
  }
  void PutPending(v1::ErasureTarget target, char id) {
    v1::PendingErasure record;
    record.set_target(target);
    record.set_id(Id(id));
    Put(Column::kState, policy::key::PendingErasure(target, Id(id)), record.SerializeAsString());
  }
  bool Has(Column column, const std::string& key) const {
    return database_->Get(column, key)->has_value();
  }

  const ScratchDirectory scratch_;
  std::unique_ptr<storage::Database> database_;
};

TEST_F(RestoredRows, OfWhatIsErasedOrUnknownAreRemovedAndOthersStay) {
  PutTemplate('a', v1::TEMPLATE_STATE_ACTIVE);
  PutTemplate('b', v1::TEMPLATE_STATE_ERASING);  // its puncture comes first
  PutTemplate('c', v1::TEMPLATE_STATE_ERASED);
  PutCase('a', false);
  PutCase('c', true);
  PutSubject('a', false);
  PutSubject('c', true);
  PutYear('a', false);
  PutYear('c', true);
  for (const char id : {'a', 'b', 'c', 'd'}) {
    Put(Column::kSealed, storage::TemplateKey(AsId(id)), kSealed);
    if (id == 'b') continue;
    Put(Column::kSealed, storage::ProbeKey(AsId(id), AsId('x')), kSealed);
    Put(Column::kDetails, storage::SubjectKey(AsId(id)), kSealed);
    Put(Column::kDetails, storage::NoticeKey(AsId(id), AsId('x')), kSealed);
    Put(Column::kDetails, Written(id), kSealed);
  }
  const auto removed = RemoveErasedRows(*database_);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(*removed, 10u);
  for (const char id : {'a', 'b', 'c', 'd'}) {
    EXPECT_EQ(Has(Column::kSealed, storage::TemplateKey(AsId(id))), id == 'a' || id == 'b') << id;
    EXPECT_EQ(Has(Column::kSealed, storage::ProbeKey(AsId(id), AsId('x'))), id == 'a') << id;
    EXPECT_EQ(Has(Column::kDetails, storage::SubjectKey(AsId(id))), id == 'a') << id;
    EXPECT_EQ(Has(Column::kDetails, storage::NoticeKey(AsId(id), AsId('x'))), id == 'a') << id;
    EXPECT_EQ(Has(Column::kDetails, Written(id)), id == 'a') << id;
  }
}

TEST_F(RestoredRows, ThatAreRemovedAreInNoFile) {
  PutTemplate('c', v1::TEMPLATE_STATE_ERASED);
  Put(Column::kSealed, storage::TemplateKey(AsId('c')), kSealed);
  ASSERT_TRUE(database_->Flush().ok());
  ASSERT_EQ(*RemoveErasedRows(*database_), 1u);
  for (const auto& item : std::filesystem::directory_iterator(scratch_.path() + "/db")) {
    std::ifstream file(item.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(bytes.find(kSealed), std::string::npos) << item.path();
  }
}

TEST_F(RestoredRows, ThatAreMissingAreFoundWhereSomethingIsAlive) {
  PutTemplate('a', v1::TEMPLATE_STATE_ACTIVE);
  Put(Column::kSealed, storage::TemplateKey(AsId('a')), kSealed);
  PutTemplate('b', v1::TEMPLATE_STATE_ACTIVE);
  PutTemplate('c', v1::TEMPLATE_STATE_ERASED);
  PutTemplate('d', v1::TEMPLATE_STATE_ERASING);
  PutSubject('e', false);
  PutSubject('f', true);
  PutSubject('g', false);
  PutPending(v1::ERASURE_TARGET_SUBJECT, 'g');
  const auto lost = FindLostRows(*database_);
  ASSERT_TRUE(lost.ok()) << lost.status();
  EXPECT_THAT(lost->templates, ElementsAre(Id('b')));
  EXPECT_THAT(lost->subjects, ElementsAre(Id('e')));
}

TEST_F(RestoredRows, WithoutAKeyAreFoundUnlessTheirErasureHasBegun) {
  const auto keyring =
      crypto::Keyring::Create({scratch_.path() + "/keyring", scratch_.path() + "/root.key"});
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  const std::vector<uint32_t> punctured = {1, 2, 3, 4};
  ASSERT_TRUE((*keyring)->Puncture(punctured).ok());
  PutTemplate('a', v1::TEMPLATE_STATE_ACTIVE, 1);
  PutTemplate('b', v1::TEMPLATE_STATE_ERASED, 1);
  PutTemplate('c', v1::TEMPLATE_STATE_ACTIVE, 9);
  PutCase('d', false, 2);
  PutCase('e', true, 2);
  PutCase('f', false, 2);
  PutPending(v1::ERASURE_TARGET_CASE, 'f');
  PutSubject('g', false, 3);
  PutSubject('h', false, 3);
  PutPending(v1::ERASURE_TARGET_SUBJECT, 'h');
  PutYear('i', false, 4);
  PutYear('j', true, 4);
  PutYear('k', false, 5);
  const auto matched = MatchKeyring(*database_, **keyring);
  ASSERT_TRUE(matched.ok()) << matched.status();
  std::string ids;
  for (const v1::PendingErasure& erasure : matched->keyless) ids.push_back(erasure.id()[0]);
  EXPECT_EQ(ids, "adgi");
  EXPECT_EQ(matched->keyless.back().id(), YearId('i'));
}

TEST_F(RestoredRows, ARecordThatDoesNotParseIsDamage) {
  Put(Column::kState, policy::key::Template(Id('a')), "\xff");
  Put(Column::kSealed, storage::TemplateKey(AsId('a')), kSealed);
  EXPECT_TRUE(absl::IsDataLoss(RemoveErasedRows(*database_).status()));
  EXPECT_TRUE(absl::IsDataLoss(FindLostRows(*database_).status()));
  EXPECT_TRUE(Has(Column::kSealed, storage::TemplateKey(AsId('a'))));
}

}  // namespace
}  // namespace kluis::service::restored_rows_test
