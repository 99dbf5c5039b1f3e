// SPDX-License-Identifier: Apache-2.0
// What recovery accepts: a torn tail goes, damage to what was acknowledged refuses to open, and no
// batch is there without the ones before it, even when the log is split over two files.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storage/database.h"
#include "tests/fakes/fault_file_system.h"
#include "tests/fakes/numbered_batches.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::crash_test {
namespace {

constexpr std::size_t kSize = 700;
constexpr std::size_t kLargeSize =
    250'000;  // batches of 1 MB: 17 fill the memory of a column or more

class CrashTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(Open().ok()); }

  absl::Status Open() {
    auto opened = Database::Open({scratch_.path() + "/db", true, file_system_});
    if (!opened.ok()) return opened.status();
    database_ = *std::move(opened);
    return absl::OkStatus();
  }

  // Leaves `batches` batches in one WAL file and returns its path.
  std::string CrashWithBatchesInTheWal(std::uint64_t batches) {
    for (std::uint64_t k = 0; k < batches; ++k) {
      EXPECT_TRUE(database_->WriteSynced(NumberedBatch(k, kSize)).ok());
    }
    file_system_->Crash();
    database_.reset();
    file_system_->LoseUnsynced([](const auto&, std::uint64_t synced, auto) { return synced; });
    return Wals().back();
  }

  // The paths of the WAL files, oldest first.
  std::vector<std::string> Wals() const {
    std::vector<std::string> wals;
    for (const auto& file : std::filesystem::directory_iterator(scratch_.path() + "/db")) {
      if (file.path().extension() == ".log") wals.push_back(file.path().string());
    }
    std::sort(wals.begin(), wals.end());
    return wals;
  }

  static void FlipBit(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 1));
  }

  // Fills the first WAL until RocksDB starts a second one and is about to sync the first, writes
  // two batches to the second, then crashes; no batch is synced. Returns the number of batches
  // written.
  std::uint64_t CrashBetweenTwoWals() {
    std::promise<void> entered;
    std::promise<void> written;
    std::atomic<bool> first = true;
    file_system_->BeforeWalSync([&] {
      if (!first.exchange(false)) return;
      entered.set_value();
      written.get_future().wait();
      file_system_->Crash();
    });
    std::future<void> syncing = entered.get_future();
    std::uint64_t k = 0;
    const auto busy = [&] {
      return syncing.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    };
    while (Wals().size() < 2 && !busy() && k < 80) {
      EXPECT_TRUE(database_->Write(NumberedBatch(k++, kLargeSize)).ok());
    }
    EXPECT_EQ(syncing.wait_for(std::chrono::seconds(30)), std::future_status::ready);
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(database_->Write(NumberedBatch(k++, kLargeSize)).ok());
    }
    written.set_value();
    while (database_->Get(Column::kLog, LogSizeKey()).ok()) std::this_thread::yield();
    database_.reset();
    file_system_->BeforeWalSync(nullptr);
    return k;
  }

  ScratchDirectory scratch_;
  std::shared_ptr<FaultFileSystem> file_system_ = std::make_shared<FaultFileSystem>();
  std::unique_ptr<Database> database_;
};

TEST_F(CrashTest, ATailCutAnywhereLeavesTheBatchesBeforeIt) {
  const std::string wal = CrashWithBatchesInTheWal(3);
  const std::uint64_t size = std::filesystem::file_size(wal);
  const std::uint64_t batch = size / 3;
  const ScratchDirectory copy;
  for (std::uint64_t cut = 1; cut < batch; cut += 97) {
    SCOPED_TRACE("cut " + std::to_string(cut));
    const std::string path = copy.path() + "/db";
    std::filesystem::remove_all(path);
    std::filesystem::copy(scratch_.path() + "/db", path, std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(path + "/" + std::filesystem::path(wal).filename().string(),
                                 size - cut);
    const auto opened = Database::Open({path, false, nullptr});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(CountNumberedBatches(**opened, kSize), 2U);
  }
}

TEST_F(CrashTest, DamageInTheMiddleOfTheWalRefusesToOpen) {
  const std::string wal = CrashWithBatchesInTheWal(5);
  FlipBit(wal, std::filesystem::file_size(wal) / 2);
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CrashTest, DamageInATableIsReportedAndNotReturned) {
  ASSERT_TRUE(database_->WriteSynced(NumberedBatch(0, kSize)).ok());
  ASSERT_TRUE(database_->Flush().ok());
  database_.reset();
  for (const auto& file : std::filesystem::directory_iterator(scratch_.path() + "/db")) {
    if (file.path().extension() == ".sst") FlipBit(file.path().string(), 20);
  }
  ASSERT_TRUE(Open().ok());
  for (const Column column : kColumns) {
    EXPECT_EQ(database_->Get(column, NumberedKey(0)).status().code(), absl::StatusCode::kDataLoss);
    const auto visit = [](std::string_view, std::string_view) { return true; };
    EXPECT_EQ(database_->Scan(column, "", visit).code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(CrashTest, ALostTailOfTheFirstWalLeavesNoHoleBeforeTheSecond) {
  const std::uint64_t written = CrashBetweenTwoWals();
  const std::vector<std::string> wals = Wals();
  ASSERT_EQ(wals.size(), 2U);
  file_system_->Heal();
  std::filesystem::resize_file(wals[0], std::filesystem::file_size(wals[0]) / 2);
  ASSERT_TRUE(Open().ok());
  const std::uint64_t count = CountNumberedBatches(*database_, kLargeSize);
  EXPECT_GT(count, 0U);
  EXPECT_LT(count, written - 2);
  ASSERT_TRUE(database_->WriteSynced(NumberedBatch(count, kLargeSize)).ok());
  database_.reset();
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(CountNumberedBatches(*database_, kLargeSize), count + 1);
}

// The last batch was still to be written to its file.
TEST_F(CrashTest, TwoWholeWalsGiveAllThatIsInThem) {
  const std::uint64_t written = CrashBetweenTwoWals();
  ASSERT_EQ(Wals().size(), 2U);
  file_system_->Heal();
  ASSERT_TRUE(Open().ok());
  const std::uint64_t count = CountNumberedBatches(*database_, kLargeSize);
  EXPECT_GE(count, written - 1);
  EXPECT_LE(count, written);
}

}  // namespace
}  // namespace kluis::storage::crash_test
