// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/backup.h"
#include "storage/database.h"
#include "tests/fakes/fault_file_system.h"
#include "tests/fakes/numbered_batches.h"
#include "tests/fakes/raw_database.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::backup_test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSize = 2000;

class StorageBackup : public testing::Test {
 protected:
  StorageBackup() : database_(std::make_unique<RawDatabase>(path_)) {}

  void WriteBatches(std::uint64_t count, std::size_t size = kSize) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_TRUE(database_->Write(NumberedBatch(batches_++, size)));
    }
    ASSERT_TRUE(database_->Sync());
  }

  absl::StatusOr<BackupInfo> Create() { return Backup::Create(database_->db(), place_); }

  void MustCreate() {
    const auto made = Create();
    ASSERT_TRUE(made.ok()) << made.status();
  }

  std::uint64_t BytesOfBackups() const {
    std::uint64_t bytes = 0;
    for (const auto& file : fs::recursive_directory_iterator(place_.directory)) {
      if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
  }

  std::vector<std::string> FilesOfBackups() const {
    std::vector<std::string> files;
    for (const auto& file : fs::recursive_directory_iterator(place_.directory)) {
      if (file.is_regular_file() && file.path().filename() != "LOCK") files.push_back(file.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  // Restores and counts what is in it; nothing when it cannot be restored.
  std::optional<std::uint64_t> Restored(std::optional<std::uint32_t> id = std::nullopt,
                                        std::size_t size = kSize) {
    fs::remove_all(target_);
    const auto restored = Backup::Restore(place_, id, target_);
    if (!restored.ok()) return std::nullopt;
    const auto database = Database::Open({target_, false, nullptr});
    if (!database.ok()) return std::nullopt;
    return CountNumberedBatches(**database, size);
  }

  const ScratchDirectory scratch_;
  const std::string path_ = scratch_.path() + "/db";
  const std::string target_ = scratch_.path() + "/restored";
  BackupPlace place_{scratch_.path() + "/backups"};
  std::unique_ptr<RawDatabase> database_;
  std::uint64_t batches_ = 0;
};

TEST_F(StorageBackup, RestoresEachBackupAsTheDatabaseWasWhenItWasMade) {
  WriteBatches(5);
  const auto first = Create();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->id, 1u);
  EXPECT_GT(first->bytes, 5 * 4 * kSize);
  WriteBatches(3);
  MustCreate();
  EXPECT_EQ(Restored(1), 5u);
  EXPECT_EQ(Restored(2), 8u);
  EXPECT_EQ(Restored(), 8u);
  WriteBatches(1);
  EXPECT_EQ(Restored(), 8u);
}

TEST_F(StorageBackup, ARestoredDatabaseIsWrittenAndBackedUpAgain) {
  WriteBatches(5);
  MustCreate();
  WriteBatches(3);
  MustCreate();
  database_.reset();
  fs::remove_all(path_);
  ASSERT_TRUE(Backup::Restore(place_, 1, path_).ok());
  database_ = std::make_unique<RawDatabase>(path_);
  batches_ = 5;
  WriteBatches(1);  // takes the number of a table that another history has in the second backup
  MustCreate();
  EXPECT_EQ(Restored(2), 8u);
  EXPECT_EQ(Restored(3), 6u);
}

TEST_F(StorageBackup, ASecondBackupCopiesOnlyWhatIsNew) {
  WriteBatches(40, 50'000);  // 4 MB in columns that are not compressed
  MustCreate();
  const std::uint64_t first = BytesOfBackups();
  EXPECT_GT(first, 4'000'000u);
  WriteBatches(1, 50'000);
  MustCreate();
  EXPECT_LT(BytesOfBackups() - first, 300'000u);
  EXPECT_EQ(Restored(2, 50'000), 41u);
}

TEST_F(StorageBackup, TellsHowMuchIsCopied) {
  WriteBatches(150, 50'000);  // 15 MB in columns that are not compressed
  std::vector<std::uint64_t> told;
  const auto made =
      Backup::Create(database_->db(), place_, [&](std::uint64_t bytes) { told.push_back(bytes); });
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_GE(told.size(), 3u);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_LE(told.back(), made->bytes);
}

// Tables fill and WALs change while files are copied: what is restored is a prefix, whole, and at
// least what was durable when the call began.
TEST_F(StorageBackup, HoldsAPrefixThatCoversAllThatWasDurableWhileWritesGoOn) {
  constexpr std::size_t kLarge = 30'000;
  std::atomic<std::uint64_t> durable = 0;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::uint64_t i = 0; !stop; ++i) {
      ASSERT_TRUE(database_->Write(NumberedBatch(i, kLarge)));
      if (i % 3 == 0) {
        ASSERT_TRUE(database_->Sync());
        durable = i + 1;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  std::vector<std::uint64_t> at_least;
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t before = durable;
    const auto made = Create();
    EXPECT_TRUE(made.ok()) << made.status();
    at_least.push_back(before);
  }
  stop = true;
  writer.join();
  for (std::uint32_t id = 1; id <= 8; ++id) {
    const auto count = Restored(id, kLarge);
    ASSERT_TRUE(count.has_value()) << id;
    EXPECT_GE(*count, at_least[id - 1]) << id;
  }
}

TEST_F(StorageBackup, ListsWhatThereIs) {
  EXPECT_TRUE(Backup::List(place_)->empty());
  WriteBatches(1);
  MustCreate();
  WriteBatches(1);
  MustCreate();
  const auto listed = Backup::List(place_);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ((*listed)[0].id, 1u);
  EXPECT_GT((*listed)[0].made_at, 1'600'000'000);
  EXPECT_GT((*listed)[1].bytes, (*listed)[0].bytes);
  EXPECT_FALSE((*listed)[1].damaged);
}

TEST_F(StorageBackup, KeepsTheNewestThatAreSound) {
  for (int i = 0; i < 5; ++i) {
    WriteBatches(1);
    MustCreate();
  }
  fs::remove(place_.directory + "/private/5/CURRENT");
  EXPECT_TRUE(absl::IsInvalidArgument(Backup::PurgeOld(place_, 0)));
  ASSERT_TRUE(Backup::PurgeOld(place_, 2).ok());
  std::vector<std::uint32_t> ids;
  const auto listed = Backup::List(place_);
  for (const BackupInfo& info : *listed) ids.push_back(info.id);
  EXPECT_EQ(ids, (std::vector<std::uint32_t>{3, 4, 5}));
  EXPECT_TRUE(listed->back().damaged);
  EXPECT_EQ(Restored(3), 3u);
  EXPECT_EQ(Restored(4), 4u);
}

TEST_F(StorageBackup, FreesTheSpaceOfWhatItPurges) {
  WriteBatches(10, 50'000);
  MustCreate();
  const std::uint64_t with_old = BytesOfBackups();
  database_.reset();
  fs::remove_all(path_);
  database_ = std::make_unique<RawDatabase>(path_);  // another one, with other tables
  MustCreate();
  ASSERT_TRUE(Backup::PurgeOld(place_, 1).ok());
  EXPECT_LT(BytesOfBackups(), with_old / 10);
}

TEST_F(StorageBackup, SaysWhatIsMissing) {
  EXPECT_TRUE(absl::IsNotFound(Backup::Verify(place_)));
  EXPECT_TRUE(absl::IsNotFound(Backup::PurgeOld(place_, 1)));
  EXPECT_TRUE(absl::IsNotFound(Backup::Restore(place_, std::nullopt, target_).status()));
  WriteBatches(1);
  MustCreate();
  EXPECT_TRUE(Backup::Verify(place_).ok());
  EXPECT_TRUE(absl::IsNotFound(Backup::Restore(place_, 7, target_).status()));
  EXPECT_TRUE(absl::IsUnavailable(
      Backup::Restore(place_, std::nullopt, scratch_.path() + "/no/such").status()));
}

TEST_F(StorageBackup, InspectMarksWhatIsDamagedAndNothingElse) {
  EXPECT_TRUE(Backup::Inspect(place_)->empty());
  WriteBatches(5);
  MustCreate();
  WriteBatches(3);
  MustCreate();
  auto inspected = Backup::Inspect(place_);
  ASSERT_TRUE(inspected.ok()) << inspected.status();
  for (const BackupInfo& info : *inspected) EXPECT_FALSE(info.damaged);
  for (const std::string& file : FilesOfBackups()) {  // a table that only the second one has
    if (file.find("/private/2/") == std::string::npos || file.ends_with("CURRENT")) continue;
    std::ofstream(file, std::ios::app) << "more";
    break;
  }
  inspected = Backup::Inspect(place_);
  ASSERT_TRUE(inspected.ok()) << inspected.status();
  ASSERT_EQ(inspected->size(), 2u);
  EXPECT_FALSE(inspected->front().damaged);
  EXPECT_TRUE(inspected->back().damaged);
  EXPECT_EQ(inspected->back().id, 2u);
}

TEST_F(StorageBackup, ARestoredDirectoryHasItsMark) {
  WriteBatches(5);
  MustCreate();
  ASSERT_TRUE(Backup::Restore(place_, 1, target_, {"MARK", "of a test\n"}).ok());
  std::ifstream file(target_ + "/MARK", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "of a test\n");
  const auto database = Database::Open({target_, false, nullptr});
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(CountNumberedBatches(**database, kSize), 5u);
}

TEST_F(StorageBackup, IsMadeOfAnOpenDatabaseUnlessThatFailed) {
  database_.reset();
  const auto disk = std::make_shared<FaultFileSystem>();
  auto database = Database::Open({path_, false, disk});
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE((*database)->WriteSynced(NumberedBatch(0, kSize)).ok());
  const auto made = (*database)->BackUp(place_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(Restored(), 1u);
  disk->FailNth(1, FaultFileSystem::Duration::kFromThenOn);
  EXPECT_FALSE((*database)->WriteSynced(NumberedBatch(1, kSize)).ok());
  EXPECT_TRUE(absl::IsUnavailable((*database)->BackUp(place_).status()));
  EXPECT_EQ(Backup::List(place_)->size(), 1u);
}

TEST_F(StorageBackup, RefusesAPlaceWithinTheDatabase) {
  fs::create_directory_symlink(path_, scratch_.path() + "/link");
  for (const char* inside : {"/db", "/db/", "/db/backups", "/x/../db/y", "/link/backups"}) {
    const auto made = Backup::Create(database_->db(), {scratch_.path() + inside});
    EXPECT_TRUE(absl::IsInvalidArgument(made.status())) << inside << made.status();
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Backup::Create(database_->db(), {""}).status()));
  EXPECT_TRUE(Backup::Create(database_->db(), {scratch_.path() + "/db2/"}).ok());
}

TEST_F(StorageBackup, OneAtATimeWorksInADirectory) {
  WriteBatches(100, 50'000);
  absl::Status second_create;
  absl::Status second_purge;
  const auto made = Backup::Create(database_->db(), place_, [&](std::uint64_t) {
    second_create = Create().status();
    second_purge = Backup::PurgeOld(place_, 1);
  });
  EXPECT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second_create)) << second_create;
  EXPECT_TRUE(absl::IsNotFound(second_purge) || absl::IsFailedPrecondition(second_purge));
  EXPECT_TRUE(Create().ok());
}

TEST_F(StorageBackup, NeverRestoresOverSomething) {
  WriteBatches(3);
  MustCreate();
  fs::create_directory(target_);
  std::ofstream(target_ + "/mine") << "x";
  const auto restored = Backup::Restore(place_, std::nullopt, target_);
  EXPECT_TRUE(absl::IsFailedPrecondition(restored.status())) << restored.status();
  EXPECT_TRUE(fs::exists(target_ + "/mine"));
  fs::remove_all(target_);
  std::ofstream(target_) << "a file";
  EXPECT_TRUE(absl::IsFailedPrecondition(Backup::Restore(place_, 1, target_).status()));
  fs::remove_all(target_);
  fs::create_directory(target_ + ".restoring");  // what a crash left of another backup
  std::ofstream(target_ + ".restoring/000099.sst") << "x";
  fs::create_directory(target_);  // an empty one is what a mount point looks like
  EXPECT_TRUE(Backup::Restore(place_, std::nullopt, target_ + "/").ok());
  EXPECT_FALSE(fs::exists(target_ + ".restoring"));
  EXPECT_FALSE(fs::exists(target_ + "/000099.sst"));
}

TEST_F(StorageBackup, InspectEndsAtTheNextReadWhenNobodyWaits) {
  WriteBatches(5);
  MustCreate();
  int asked = 0;
  const auto count = [&] { return ++asked < 0; };
  ASSERT_TRUE(Backup::Inspect(place_, count).ok());
  const int all = asked;
  ASSERT_GT(all, 5);
  for (int end = 2; end < all; ++end) {
    asked = 0;
    const auto ended = Backup::Inspect(place_, [&] { return ++asked >= end; });
    EXPECT_TRUE(absl::IsCancelled(ended.status())) << ended.status();
    EXPECT_LE(asked, end + 3);
  }
  MustCreate();  // the lock is free again
}

TEST_F(StorageBackup, DamageAnywhereIsFoundOrDoesNoHarm) {
  WriteBatches(3);
  MustCreate();
  for (const std::string& file : FilesOfBackups()) {
    const std::uint64_t size = fs::file_size(file);
    for (std::uint64_t at = 0; at < size; at += std::max<std::uint64_t>(1, size / 20)) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekg(static_cast<std::streamoff>(at));
      const char before = static_cast<char>(stream.get());
      const auto put = [&](char byte) {
        stream.seekp(static_cast<std::streamoff>(at));
        stream.put(byte);
        stream.flush();
      };
      put(static_cast<char>(before ^ 4));
      const absl::Status verified = Backup::Verify(place_);
      const auto restored = Restored();
      EXPECT_TRUE(!restored.has_value() || *restored == 3) << file << " at " << at;
      if (file.find("/meta/") == std::string::npos) {
        EXPECT_TRUE(absl::IsDataLoss(verified)) << file << " at " << at << verified;
        EXPECT_FALSE(restored.has_value()) << file << " at " << at;
      }
      EXPECT_FALSE(fs::exists(target_ + ".restoring")) << file << " at " << at;
      put(before);
    }
  }
  EXPECT_TRUE(Backup::Verify(place_).ok());
  EXPECT_EQ(Restored(), 3u);
}

TEST_F(StorageBackup, AFileThatIsGoneOrCutIsDamage) {
  WriteBatches(3);
  MustCreate();
  for (const std::string& file : FilesOfBackups()) {
    if (file.find("/meta/") != std::string::npos) continue;
    for (const bool gone : {false, true}) {
      if (!gone && fs::file_size(file) == 0) continue;  // RocksDB 9 keeps an empty log
      fs::copy(place_.directory, scratch_.path() + "/kept", fs::copy_options::recursive);
      gone ? void(fs::remove(file)) : fs::resize_file(file, fs::file_size(file) / 2);
      const absl::Status verified = Backup::Verify(place_);
      EXPECT_TRUE(absl::IsDataLoss(verified)) << file << verified;
      const auto restored = Backup::Restore(place_, std::nullopt, target_);
      EXPECT_TRUE(absl::IsDataLoss(restored.status())) << file << restored.status();
      EXPECT_FALSE(fs::exists(target_));
      fs::remove_all(place_.directory);
      fs::rename(scratch_.path() + "/kept", place_.directory);
    }
  }
}

TEST_F(StorageBackup, TakesNoOlderOneInPlaceOfADamagedNewest) {
  WriteBatches(3);
  MustCreate();
  WriteBatches(1);
  MustCreate();
  fs::remove(place_.directory + "/private/2/CURRENT");
  const auto restored = Backup::Restore(place_, std::nullopt, target_);
  EXPECT_TRUE(absl::IsDataLoss(restored.status())) << restored.status();
  EXPECT_NE(restored.status().message().find("number 2"), std::string::npos);
  EXPECT_EQ(Restored(1), 3u);
}

// The n-th change of a file fails, and all after it: n = 1, 2, ... until the restore gets through.
TEST_F(StorageBackup, ACrashAtRestoreLeavesTheTargetAsItWas) {
  WriteBatches(3);
  MustCreate();
  const auto disk = std::make_shared<FaultFileSystem>();
  place_.file_system = disk;
  bool done = false;
  std::uint64_t n = 1;
  for (; !done; ++n) {
    ASSERT_LT(n, 1000u);
    disk->FailNth(n, FaultFileSystem::Duration::kFromThenOn);
    done = Backup::Restore(place_, std::nullopt, target_).ok();
    const bool there = fs::exists(target_);  // also when only the last sync failed
    disk->Heal();
    if (!there) {
      EXPECT_FALSE(done);
      const auto again = Backup::Restore(place_, std::nullopt, target_);
      ASSERT_TRUE(again.ok()) << n << again.status();
    }
    const auto database = Database::Open({target_, false, nullptr});
    ASSERT_TRUE(database.ok()) << n << database.status();
    EXPECT_EQ(CountNumberedBatches(**database, kSize), 3u);
    fs::remove_all(target_);
  }
  EXPECT_GT(n, 10u);
}

// Power fails at the n-th change. Before the directory gets its name, all that is in it is there.
TEST_F(StorageBackup, WhatIsRestoredIsOnDiskBeforeItGetsItsName) {
  WriteBatches(3);
  MustCreate();
  bool complete = false;
  for (std::uint64_t n = 1;; ++n) {
    ASSERT_LT(n, 1000u);
    const auto disk = std::make_shared<FaultFileSystem>();
    disk->FailNth(n, FaultFileSystem::Duration::kFromThenOn);
    fs::remove_all(target_ + ".restoring");
    Backup::Restore({place_.directory, disk}, std::nullopt, target_).status().IgnoreError();
    if (fs::exists(target_)) break;
    disk->LoseUnsynced([](const auto&, std::uint64_t synced, auto) { return synced; });
    const auto opened = Database::Open({target_ + ".restoring", false, nullptr});
    complete = opened.ok() && CountNumberedBatches(**opened, kSize) == 3;
  }
  EXPECT_TRUE(complete) << "when only the renaming was left";
}

TEST_F(StorageBackup, WhatIsRestoredIsOnDisk) {
  WriteBatches(3);
  MustCreate();
  const auto disk = std::make_shared<FaultFileSystem>();
  place_.file_system = disk;
  ASSERT_TRUE(Backup::Restore(place_, std::nullopt, target_).ok());
  disk->Crash();
  disk->LoseUnsynced([](const auto&, std::uint64_t synced, auto) { return synced; });
  const auto database = Database::Open({target_, false, nullptr});
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(CountNumberedBatches(**database, kSize), 3u);
}

TEST_F(StorageBackup, ACrashAtABackupHarmsNeitherTheOlderOneNorTheNext) {
  WriteBatches(3);
  MustCreate();
  const auto disk = std::make_shared<FaultFileSystem>();
  place_.file_system = disk;
  bool done = false;
  for (std::uint64_t n = 1; !done; ++n) {
    ASSERT_LT(n, 1000u);
    WriteBatches(1);
    disk->FailNth(n, FaultFileSystem::Duration::kFromThenOn);
    done = Create().ok();
    disk->Heal();
    ASSERT_EQ(Restored(1), 3u) << n;
    if (n % 5 == 0) {
      MustCreate();
      ASSERT_EQ(Restored(), batches_) << n;
    }
  }
  EXPECT_TRUE(Backup::Verify(place_).ok());
  EXPECT_EQ(Restored(), batches_);
}

// Batches that nobody synced are in a backup only when they are durable afterwards.
TEST_F(StorageBackup, HoldsNothingThatACrashCanTakeFromTheDatabase) {
  const std::string path = scratch_.path() + "/other";
  const auto disk = std::make_shared<FaultFileSystem>();
  auto database = std::make_unique<RawDatabase>(path, disk);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::uint64_t i = 0; !stop && database->Write(NumberedBatch(i, kSize)); ++i) {
    }
  });
  for (int i = 0; i < 5; ++i) {
    const auto made = Backup::Create(database->db(), place_);
    EXPECT_TRUE(made.ok()) << made.status();
  }
  disk->Crash();
  stop = true;
  writer.join();
  database.reset();
  disk->LoseUnsynced([](const auto&, std::uint64_t synced, auto) { return synced; });
  const auto left = Database::Open({path, false, nullptr});
  ASSERT_TRUE(left.ok()) << left.status();
  const auto restored = Restored();
  ASSERT_TRUE(restored.has_value());
  EXPECT_GT(*restored, 0u);
  EXPECT_LE(*restored, CountNumberedBatches(**left, kSize));
}

}  // namespace
}  // namespace kluis::storage::backup_test
