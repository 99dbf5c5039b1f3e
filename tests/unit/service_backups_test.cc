// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "rocksdb/env.h"
#include "service/ledger/errors.h"
#include "service/recovery/backups.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::backups_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Backups : public testing::Test {
 protected:
  Backups() {
    auto opened = storage::Database::Open({scratch_.path() + "/db", true, nullptr});
    EXPECT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  uint32_t Make(uint32_t keep = 0) {
    storage::Batch batch;
    batch.Put(storage::Column::kState, "key", std::string(1000, 'x'));
    EXPECT_TRUE(database_->WriteSynced(std::move(batch)).ok());
    const auto made = MakeBackup(*database_, place_, keep, {});
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? made->id() : 0;
  }

  // Says what to do, and nothing about this machine.
  void ExpectInWords(const absl::Status& status, const std::string& words) const {
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr(scratch_.path())));
  }

  const ScratchDirectory scratch_;
  const std::string place_ = scratch_.path() + "/backups";
  std::unique_ptr<storage::Database> database_;
};

TEST_F(Backups, AreListedOldestFirstAndOnlyTheNewestAreKept) {
  EXPECT_TRUE(ListBackups(place_)->empty());
  EXPECT_TRUE(VerifyBackups(place_, /*gone=*/{})->empty());
  EXPECT_EQ(Make(), 1u);
  EXPECT_EQ(Make(), 2u);
  EXPECT_EQ(Make(/*keep=*/2), 3u);
  const auto listed = ListBackups(place_);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->front().id(), 2u);
  EXPECT_GT(listed->back().made_at().seconds(), 0);
  EXPECT_GT(listed->back().bytes(), 0u);
}

TEST_F(Backups, ThatAreDamagedSayItWhenTheyAreRead) {
  Make();
  for (const auto& file : std::filesystem::directory_iterator(place_ + "/shared_checksum")) {
    std::fstream stream(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(20);
    stream.put('~');
  }
  EXPECT_FALSE(ListBackups(place_)->front().damaged());
  EXPECT_TRUE(VerifyBackups(place_, /*gone=*/{})->front().damaged());
}

TEST_F(Backups, DoNotLieInTheDatabase) {
  ExpectInWords(MakeBackup(*database_, scratch_.path() + "/db/backups", 0, {}).status(),
                "outside of vault.data");
}

TEST_F(Backups, AreMadeOneAtATime) {
  Make();
  rocksdb::FileLock* lock = nullptr;
  ASSERT_TRUE(rocksdb::Env::Default()->LockFile(place_ + "/LOCK", &lock).ok());
  for (const absl::Status& status : {MakeBackup(*database_, place_, 1, {}).status(),
                                     VerifyBackups(place_, /*gone=*/{}).status()}) {
    ExpectInWords(status, "try again");
    EXPECT_EQ(ReasonOf(status), "BACKUP_RUNS");
  }
  EXPECT_TRUE(ListBackups(place_).ok());
  ASSERT_TRUE(rocksdb::Env::Default()->UnlockFile(lock).ok());
  EXPECT_EQ(Make(), 2u);
}

}  // namespace
}  // namespace kluis::service::backups_test
