// SPDX-License-Identifier: Apache-2.0
// Many templates opened under one Grant: as each is opened by itself, and refused as each is.
#include "service/gallery/template_opener.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "crypto/secret_floats.h"
#include "gtest/gtest.h"
#include "policy/decide.h"
#include "policy/record_key.h"
#include "service/ledger/database_state.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis::template_opener_test {
namespace {

using absl::StatusCode;
using service::TemplateOpener;

constexpr size_t kPeople = 12;
constexpr size_t kDimension = 512;

class TemplateOpenerTest : public testing::Test {
 protected:
  TemplateOpenerTest() {
    for (size_t i = 0; i < kPeople; ++i) {
      people_.push_back(vault_.NewPerson());
      Must(vault_.Enroll(people_.back()), "enrol");
    }
    case_ = vault_.ActiveCase();
    const service::DatabaseState state(vault_.vault().database());
    EXPECT_TRUE(state
                    .ForEach<v1::TemplateRecord>(
                        v1::RecordChange::kTemplate,
                        [&](const v1::TemplateRecord& record) { records_.push_back(record); })
                    .ok());
    EXPECT_EQ(records_.size(), kPeople);
  }

  // That of the case's load.
  policy::Grant Grant() {
    const auto kase = policy::Find<v1::CaseRecord>(
        vault_.vault().state(), policy::key::Case(policy::IdInName(case_, "cases")));
    return **policy::GrantToLoad(vault_.vault().state(), **kase, vault_.now());
  }

  static std::string KeyOf(const v1::TemplateRecord& record) {
    return storage::TemplateKey(*base::IdFromBytes(record.id()));
  }
  std::string Sealed(const v1::TemplateRecord& record) {
    return (*vault_.vault().database().Get(storage::Column::kSealed, KeyOf(record))).value();
  }

  TestVault vault_;
  std::vector<Person> people_;
  std::string case_;
  std::vector<v1::TemplateRecord> records_;
};

TEST_F(TemplateOpenerTest, OpensEachAsTheSealerDoes) {
  const policy::Grant grant = Grant();
  auto opener = TemplateOpener::Create(vault_.vault().sealer(), grant);
  ASSERT_TRUE(opener.ok() && opener->Take(records_).ok());
  std::vector<float> values(kDimension);
  for (size_t i = 0; i < records_.size(); ++i) {
    const std::string sealed = Sealed(records_[i]);
    ASSERT_TRUE(opener->Open(i, sealed, values).ok()) << i;
    const auto alone = vault_.vault().sealer().OpenTemplate(grant, records_[i], sealed);
    ASSERT_TRUE(alone.ok());
    EXPECT_TRUE(std::ranges::equal(*crypto::AsFloats(*alone), values)) << i;
  }
}

TEST_F(TemplateOpenerTest, RefusesWhatIsAlteredMovedOrTakenAsAnotherAndOpensTheRest) {
  const policy::Grant grant = Grant();
  std::vector<v1::TemplateRecord> taken = records_;
  taken[1].set_subject_id(records_[2].subject_id());
  taken[2].set_consent_commitment(records_[1].consent_commitment());
  taken[3].set_algorithm("dlib-128");
  taken[4].set_slot(records_[5].slot());
  taken[5].set_custody_sha256(std::string(32, 'c'));
  taken[6].set_id(records_[7].id());
  std::string altered = Sealed(records_[7]);
  altered[100] = static_cast<char>(altered[100] ^ 1);

  auto opener = TemplateOpener::Create(vault_.vault().sealer(), grant);
  ASSERT_TRUE(opener.ok() && opener->Take(taken).ok());
  for (size_t i = 0; i < kPeople; ++i) {
    std::vector<float> values(kDimension, 1.0F);
    const std::string sealed = i == 7   ? altered
                               : i == 8 ? Sealed(records_[9])
                                        : Sealed(records_[i]);
    const absl::Status opened = opener->Open(i, sealed, values);
    const bool right = i == 0 || i > 8;
    EXPECT_EQ(opened.code(), right ? StatusCode::kOk : StatusCode::kDataLoss) << i;
    EXPECT_EQ(std::ranges::all_of(values, [](float value) { return value == 0; }), !right) << i;
  }
  std::vector<float> shorter(kDimension / 2, 1.0F);
  EXPECT_EQ(opener->Open(0, Sealed(records_[0]), shorter).code(), StatusCode::kDataLoss);
}

TEST_F(TemplateOpenerTest, HasNoKeyForWhatTheGrantDoesNotCover) {
  const policy::Grant grant = Grant();
  std::vector<v1::TemplateRecord> taken = records_;
  taken.back().set_purpose("another-purpose");
  auto opener = TemplateOpener::Create(vault_.vault().sealer(), grant);
  ASSERT_TRUE(opener.ok());
  EXPECT_EQ(opener->Take(taken).code(), StatusCode::kPermissionDenied);
  std::vector<float> values(kDimension);
  EXPECT_EQ(opener->Open(0, Sealed(records_[0]), values).code(), StatusCode::kDataLoss);
  EXPECT_EQ(
      opener->Take(std::vector<v1::TemplateRecord>(TemplateOpener::kAtOnce + 1, taken[0])).code(),
      StatusCode::kInvalidArgument);
}

TEST_F(TemplateOpenerTest, OpensNothingOfAPuncturedSlotNorAfterWipe) {
  const policy::Grant grant = Grant();
  std::vector<std::string> sealed;
  for (const v1::TemplateRecord& record : records_) sealed.push_back(Sealed(record));
  Must(vault_.Withdraw(people_[3]), "withdraw");
  auto opener = TemplateOpener::Create(vault_.vault().sealer(), grant);
  ASSERT_TRUE(opener.ok() && opener->Take(records_).ok());
  std::vector<float> values(kDimension);
  size_t refused = 0;
  for (size_t i = 0; i < kPeople; ++i) {
    const bool punctured = vault_.vault().keyring().IsPunctured(records_[i].slot());
    EXPECT_EQ(opener->Open(i, sealed[i], values).ok(), !punctured) << i;
    if (punctured) ++refused;
  }
  EXPECT_EQ(refused, 1u);
  opener->Wipe();
  for (size_t i = 0; i < kPeople; ++i) {
    EXPECT_EQ(opener->Open(i, sealed[i], values).code(), StatusCode::kDataLoss) << i;
  }
}

// A gallery with somebody missing would answer wrongly.
TEST_F(TemplateOpenerTest, ALoadThatMeetsADamagedOrMissingRowGivesNoGallery) {
  for (const bool missing : {false, true}) {
    const std::string before = Sealed(records_[5]);
    std::string altered = before;
    altered.back() = static_cast<char>(altered.back() ^ 1);
    storage::Batch batch;
    if (missing) {
      batch.Delete(storage::Column::kSealed, KeyOf(records_[5]));
    } else {
      batch.Put(storage::Column::kSealed, KeyOf(records_[5]), altered);
    }
    ASSERT_TRUE(vault_.vault().database().WriteSynced(std::move(batch)).ok());
    Must(vault_.Close(case_), "close");
    case_ = vault_.ActiveCase();
    const auto refused = vault_.Identify(case_, vault_.Face(people_[0], 1));
    EXPECT_FALSE(refused.ok());
    EXPECT_EQ(vault_.vault().galleries().LoadOf(records_[0].purpose()).state(),
              v1::GALLERY_STATE_FAILED);
    storage::Batch mended;
    mended.Put(storage::Column::kSealed, KeyOf(records_[5]), before);
    ASSERT_TRUE(vault_.vault().database().WriteSynced(std::move(mended)).ok());
  }
  const auto found = vault_.Identify(case_, vault_.Face(people_[0], 1));
  ASSERT_TRUE(found.ok()) << found.reason;
  EXPECT_EQ(found->result(), v1::SEARCH_RESULT_MATCH);
}

}  // namespace
}  // namespace kluis::template_opener_test
