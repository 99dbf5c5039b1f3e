// SPDX-License-Identifier: Apache-2.0
// A disk that is nearly full must not be filled by the database's own upkeep.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "rocksdb/file_system.h"
#include "storage/database.h"
#include "tests/fakes/numbered_batches.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::space_test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::size_t kSize = 20'000;

// The real file system, but for what it says is free, and full when told so.
class NearlyFull final : public rocksdb::FileSystemWrapper {
 public:
  NearlyFull() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "NearlyFull"; }
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&, std::uint64_t* free,
                                 rocksdb::IODebugContext*) override {
    if (slow_) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    *free = free_;
    return rocksdb::IOStatus::OK();
  }
  void SetFree(std::uint64_t bytes) { free_ = bytes; }
  // Looking takes so long that a compaction which was let through is done before.
  void SetSlow() { slow_ = true; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, &file, debug);
    if (status.ok()) *result = std::make_unique<File>(this, std::move(file));
    return status;
  }
  void SetFull(bool full) { full_ = full; }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(const NearlyFull* disk, std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      return disk_->full_ ? rocksdb::IOStatus::NoSpace() : target()->Append(data, options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo&,
                             rocksdb::IODebugContext* debug) override {
      return Append(data, options, debug);
    }

   private:
    const NearlyFull* disk_;
  };

  std::atomic<std::uint64_t> free_ = 0;
  std::atomic<bool> full_ = false;
  std::atomic<bool> slow_ = false;
};

class StorageSpaceTest : public testing::Test {
 protected:
  void Open() {
    database_.reset();
    auto opened = Database::Open({path_, true, disk_});
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    database_->MeasureSpace();
  }

  // Each makes a new table in every column; from the fourth on RocksDB wants to compact them.
  void WriteTables(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_TRUE(database_->WriteSynced(NumberedBatch(batches_++, kSize)).ok());
      ASSERT_TRUE(database_->Flush().ok());
    }
  }

  std::size_t Tables() const {
    std::size_t tables = 0;
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      tables += file.path().extension() == ".sst" ? 1U : 0U;
    }
    return tables;
  }

  const ScratchDirectory scratch_;
  const std::string path_ = scratch_.path() + "/db";
  const std::shared_ptr<NearlyFull> disk_ = std::make_shared<NearlyFull>();
  std::unique_ptr<Database> database_;
  std::uint64_t batches_ = 0;
};

TEST_F(StorageSpaceTest, PutsACompactionOffThatWouldFillTheDisk) {
  disk_->SetFree(32 * kMiB);  // what must stay free after a compaction
  Open();
  WriteTables(8);
  EXPECT_EQ(Tables(), 8 * kColumnCount);
  EXPECT_EQ(database_->Compact(Column::kLog, "", "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Tables(), 8 * kColumnCount);
  EXPECT_TRUE(database_->status().ok());
  EXPECT_EQ(CountNumberedBatches(*database_, kSize), batches_);
  EXPECT_TRUE(database_->WriteSynced(NumberedBatch(batches_++, kSize)).ok());
}

TEST_F(StorageSpaceTest, PutsACompactionOffThatAnOpeningWouldStart) {
  disk_->SetFree(32 * kMiB);
  Open();
  WriteTables(8);
  disk_->SetSlow();
  Open();
  EXPECT_EQ(database_->Compact(Column::kLog, "", "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Tables(), 8 * kColumnCount);
  EXPECT_TRUE(database_->status().ok());
}

TEST_F(StorageSpaceTest, BeginsNoFlushForACompactionThatMayNotFit) {
  disk_->SetFree(1000 * kMiB);
  Open();
  ASSERT_TRUE(database_->WriteSynced(NumberedBatch(batches_++, kSize)).ok());
  disk_->SetFree(8 * kMiB);
  disk_->SetFull(true);
  EXPECT_EQ(database_->Compact(Column::kLog, "", "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(database_->status().ok());
}

TEST_F(StorageSpaceTest, NeverFailsAFlushForASpaceThatItOnlyExpects) {
  disk_->SetFree(1);
  Open();
  WriteTables(3);
  EXPECT_TRUE(database_->status().ok());
  EXPECT_EQ(CountNumberedBatches(*database_, kSize), batches_);
}

TEST_F(StorageSpaceTest, LosesNothingAcknowledgedOnAFullDiskAndOpensAgain) {
  disk_->SetFree(1000 * kMiB);
  Open();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(database_->WriteSynced(NumberedBatch(batches_++, kSize)).ok());
    }
    disk_->SetFull(true);
    EXPECT_EQ(database_->WriteSynced(NumberedBatch(batches_, kSize)).code(),
              absl::StatusCode::kUnavailable);
    disk_->SetFull(false);
    EXPECT_EQ(database_->status().code(), absl::StatusCode::kUnavailable) << "nobody knows yet";
    Open();
    const std::uint64_t count = CountNumberedBatches(*database_, kSize);
    EXPECT_GE(count, batches_);
    EXPECT_LE(count, batches_ + 1);
    batches_ = count;
  }
}

TEST_F(StorageSpaceTest, CompactsOnceThereIsSpace) {
  disk_->SetFree(0);
  Open();
  WriteTables(3);
  const std::size_t before = Tables();
  disk_->SetFree(1000 * kMiB);
  ASSERT_TRUE(database_->Compact(Column::kLog, "", "").ok());
  EXPECT_EQ(Tables(), before - 2);
  EXPECT_EQ(CountNumberedBatches(*database_, kSize), batches_);
}

}  // namespace
}  // namespace kluis::storage::space_test
