// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "storage/database.h"
#include "storage/deleted_keys.h"
#include "tests/fakes/fault_file_system.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::compact_deleted_test {
namespace {

constexpr char kCanary[] = "7b1e0c55d2f0=erased";

class CompactDeleted : public testing::Test {
 protected:
  CompactDeleted() { Open(); }

  void Open() {
    database_.reset();
    auto opened = Database::Open({scratch_.path() + "/db", true, disk_});
    EXPECT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  void Put(const std::string& key, const std::string& value) {
    Batch batch;
    batch.Put(Column::kSealed, key, value);
    ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  }
  void Delete(const std::string& key) {
    Batch batch;
    batch.Delete(Column::kSealed, key);
    ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  }
  // What it says of each column of which nothing else was deleted.
  bool Compacted() {
    const auto compacted = database_->CompactDeleted(Column::kSealed);
    EXPECT_TRUE(compacted.ok()) << compacted.status();
    return compacted.ok() && *compacted;
  }

  bool IsHeldOn() {
    return absl::IsFailedPrecondition(database_->CompactDeleted(Column::kSealed).status());
  }

  bool CanaryOnDisk() const {
    for (const auto& file : std::filesystem::directory_iterator(scratch_.path() + "/db")) {
      std::ifstream stream(file.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
      if (bytes.find(kCanary) != std::string::npos) return true;
    }
    return false;
  }

  const ScratchDirectory scratch_;
  const std::shared_ptr<FaultFileSystem> disk_ = std::make_shared<FaultFileSystem>();
  std::unique_ptr<Database> database_;
};

TEST_F(CompactDeleted, RemovesTheBytesFromEveryFileAndThenHasNothingToDo) {
  Put("a", "stays");
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  Delete("b");
  ASSERT_TRUE(CanaryOnDisk());
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
  EXPECT_FALSE(Compacted());
  EXPECT_EQ(*database_->Get(Column::kSealed, "a"), "stays");
}

TEST_F(CompactDeleted, AlsoOfWhatAnEarlierProcessDeleted) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  Delete("b");
  Open();
  ASSERT_TRUE(CanaryOnDisk());
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
  Open();
  EXPECT_FALSE(Compacted());
}

TEST_F(CompactDeleted, AlsoOfMoreKeysThanItKeeps) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  Delete("b");
  for (std::size_t i = 0; i < DeletedKeys::kMost; ++i) {
    Batch batch;
    batch.Delete(Column::kSealed, "none" + std::to_string(i));
    ASSERT_TRUE(database_->Write(std::move(batch)).ok());
  }
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

TEST_F(CompactDeleted, WaitsForSnapshotsThatHoldWhatWasDeleted) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  {
    const Snapshot snapshot = database_->TakeSnapshot();
    Delete("b");
    EXPECT_TRUE(IsHeldOn());
    EXPECT_EQ(*snapshot.Get(Column::kSealed, "b"), kCanary);
  }
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

TEST_F(CompactDeleted, DoesNotWaitForSnapshotsFromAfterTheDeletion) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  Delete("b");
  const Snapshot snapshot = database_->TakeSnapshot();
  Put("c", "later");
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

TEST_F(CompactDeleted, WaitsForScansThatReadOldFiles) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  const absl::Status scanned =
      database_->Scan(Column::kSealed, "", [&](std::string_view, std::string_view value) {
        Delete("b");
        EXPECT_TRUE(IsHeldOn());
        EXPECT_TRUE(IsHeldOn()) << "also when nothing is left to rewrite";
        EXPECT_EQ(value, kCanary);
        return true;
      });
  ASSERT_TRUE(scanned.ok()) << scanned;
  EXPECT_FALSE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

// With nothing to flush the log goes on; what is written into it meanwhile is nothing deleted.
TEST_F(CompactDeleted, DoesNotWaitForTheLogThatIsWrittenNow) {
  Put("a", "stays");
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  Delete("b");
  ASSERT_TRUE(database_->Flush().ok());
  bool written = false;
  disk_->BeforeTable([&] {
    if (!std::exchange(written, true)) Put("c", "new");
  });
  EXPECT_TRUE(Compacted());
  EXPECT_TRUE(written);
  EXPECT_FALSE(CanaryOnDisk());
  disk_->BeforeTable(nullptr);
}

TEST_F(CompactDeleted, WaitsForABackupThatCopiesOldFiles) {
  Put("b", kCanary);
  Put("c", std::string(10 << 20, 'x'));  // a backup tells how it goes every 4 MiB
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  bool asked = false;
  const auto backed_up = database_->BackUp({scratch_.path() + "/backups"}, [&](auto&&...) {
    if (asked) return;
    asked = true;
    Delete("b");
    EXPECT_TRUE(IsHeldOn());
  });
  ASSERT_TRUE(backed_up.ok()) << backed_up.status();
  ASSERT_TRUE(asked);
  EXPECT_FALSE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

TEST_F(CompactDeleted, CanBeInterruptedAndGoesOnLater) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  Delete("b");
  database_->InterruptCompactions(true);
  EXPECT_TRUE(absl::IsFailedPrecondition(database_->CompactDeleted(Column::kSealed).status()));
  EXPECT_TRUE(CanaryOnDisk());
  database_->InterruptCompactions(false);
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

TEST_F(CompactDeleted, AlsoOfWhatAPutReplaced) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  EXPECT_FALSE(Compacted());
  Put("b", "new");
  EXPECT_FALSE(Compacted());
  database_->CountAsDeleted(Column::kSealed, "b");
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
  EXPECT_EQ(*database_->Get(Column::kSealed, "b"), "new");
  Open();  // of which nobody knows that it was replaced, unless it is said again
  Put("b", kCanary);
  ASSERT_TRUE(database_->Flush().ok());
  Open();
  Put("b", "newer");
  database_->CountAsDeleted(Column::kSealed, "b");
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

TEST_F(CompactDeleted, KeepsTheKeysOfOtherColumnsApart) {
  EXPECT_FALSE(Compacted());
  Batch batch;
  batch.Put(Column::kDetails, "b", kCanary);
  batch.Delete(Column::kDetails, "c");
  ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  EXPECT_FALSE(Compacted());
  EXPECT_TRUE(*database_->CompactDeleted(Column::kDetails));
}

TEST_F(CompactDeleted, IsUnavailableOnAFailedDatabaseAndDoneByTheNextOne) {
  Put("b", kCanary);
  ASSERT_TRUE(database_->Compact(Column::kSealed, "", "").ok());
  Delete("b");
  disk_->FailNth(1, FaultFileSystem::Duration::kFromThenOn);
  EXPECT_TRUE(absl::IsUnavailable(database_->CompactDeleted(Column::kSealed).status()));
  EXPECT_TRUE(absl::IsUnavailable(database_->CompactDeleted(Column::kSealed).status()));
  database_.reset();
  disk_->Heal();
  Open();
  EXPECT_TRUE(Compacted());
  EXPECT_FALSE(CanaryOnDisk());
}

}  // namespace
}  // namespace kluis::storage::compact_deleted_test
