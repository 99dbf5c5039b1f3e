// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "storage/database.h"
#include "tests/fakes/fault_file_system.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::database_test {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() { Reopen(); }

  Database::Options Options() const { return {scratch_.path() + "/db", true, file_system_}; }

  void Reopen() {
    database_.reset();
    auto opened = Database::Open(Options());
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  void Put(Column column, const std::string& key, const std::string& value) {
    Batch batch;
    batch.Put(column, key, value);
    ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  }

  // "key=value " for each record.
  static std::string Listing(const Reader& reader, Column column, std::string_view prefix = "") {
    std::string listing;
    EXPECT_TRUE(reader
                    .Scan(column, prefix,
                          [&](std::string_view key, std::string_view value) {
                            listing.append(key).append("=").append(value).append(" ");
                            return true;
                          })
                    .ok());
    return listing;
  }

  ScratchDirectory scratch_;
  std::shared_ptr<FaultFileSystem> file_system_ = std::make_shared<FaultFileSystem>();
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, KeepsRecordsAcrossReopening) {
  Put(Column::kSealed, std::string("t\0k", 3), std::string("v\0\xff", 3));
  Reopen();
  const auto value = database_->Get(Column::kSealed, std::string_view("t\0k", 3));
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, std::string("v\0\xff", 3));
}

TEST_F(DatabaseTest, AnAbsentKeyIsNothingAndAnEmptyValueIsSomething) {
  Put(Column::kState, "a", "");
  EXPECT_EQ(*database_->Get(Column::kState, "a"), "");
  EXPECT_EQ(*database_->Get(Column::kState, "b"), std::nullopt);
}

TEST_F(DatabaseTest, ColumnsAreSeparate) {
  Put(Column::kState, "a", "1");
  for (const Column column : {Column::kLog, Column::kSealed, Column::kDetails}) {
    EXPECT_EQ(*database_->Get(column, "a"), std::nullopt);
  }
}

TEST_F(DatabaseTest, ABatchIsAppliedInTheOrderOfItsCalls) {
  Batch batch;
  batch.Put(Column::kState, "a", "1");
  batch.Put(Column::kState, "b", "2");
  batch.Put(Column::kState, "c", "3");
  batch.Delete(Column::kState, "a");
  batch.Delete(Column::kState, "b");
  batch.Put(Column::kState, "b", "4");
  batch.Delete(Column::kState, "absent");
  ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  EXPECT_EQ(Listing(*database_, Column::kState), "b=4 c=3 ");
}

// "i=value " for each key, "i " where there is none.
std::string Found(const Reader& reader, Column column, const std::vector<std::string>& keys,
                  size_t most = 1000) {
  std::string found;
  EXPECT_TRUE(reader
                  .GetEach(column, keys,
                           [&](size_t i, std::optional<std::string_view> value) {
                             found += std::to_string(i);
                             if (value.has_value()) found.append("=").append(*value);
                             found += " ";
                             return i + 1 < most;
                           })
                  .ok());
  return found;
}

TEST_F(DatabaseTest, GetEachFindsWhatGetFindsNearAndFar) {
  for (int i = 0; i < 100; ++i) {
    Put(Column::kSealed, std::to_string(100 + i), std::to_string(i));
    if (i == 60) {
      ASSERT_TRUE(database_->Flush().ok());
    }
  }
  EXPECT_EQ(Found(*database_, Column::kSealed, {"0", "100", "101", "1015", "103", "160", "199"}),
            "0 1=0 2=1 3 4=3 5=60 6=99 ");
  EXPECT_EQ(Found(*database_, Column::kSealed, {"150", "2", "3"}), "0=50 1 2 ");
  EXPECT_EQ(Found(*database_, Column::kSealed, {"105", "106", "107"}, 2), "0=5 1=6 ");
  EXPECT_EQ(Found(*database_, Column::kSealed, {}), "");
  EXPECT_EQ(Found(*database_, Column::kState, {"105"}), "0 ");
}

TEST_F(DatabaseTest, GetEachOfASnapshotSeesItsMoment) {
  Put(Column::kSealed, "a", "1");
  Put(Column::kSealed, "b", "2");
  const Snapshot snapshot = database_->TakeSnapshot();
  Put(Column::kSealed, "a", "3");
  Batch batch;
  batch.Delete(Column::kSealed, "b");
  ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  EXPECT_EQ(Found(snapshot, Column::kSealed, {"a", "b"}), "0=1 1=2 ");
  EXPECT_EQ(Found(*database_, Column::kSealed, {"a", "b"}), "0=3 1 ");
}

TEST(Batch, CountsTheBytesOfKeysAndValues) {
  Batch batch;
  batch.Put(Column::kLog, "abc", "defg");
  batch.Delete(Column::kLog, "ab");
  EXPECT_EQ(batch.bytes(), 9U);
}

TEST_F(DatabaseTest, AWriteIsVisibleBeforeItIsSynced) {
  Batch batch;
  batch.Put(Column::kLog, "m", "1");
  ASSERT_TRUE(database_->Write(std::move(batch)).ok());
  EXPECT_EQ(*database_->Get(Column::kLog, "m"), "1");
}

TEST_F(DatabaseTest, ScansInKeyOrderAndByPrefix) {
  for (const std::string key : {"ab", "a", "b", "a\xff", "aa", "\xff\xff"}) {
    Put(Column::kDetails, key, "1");
  }
  EXPECT_EQ(Listing(*database_, Column::kDetails), "a=1 aa=1 ab=1 a\xff=1 b=1 \xff\xff=1 ");
  EXPECT_EQ(Listing(*database_, Column::kDetails, "a"), "a=1 aa=1 ab=1 a\xff=1 ");
  EXPECT_EQ(Listing(*database_, Column::kDetails, "\xff"), "\xff\xff=1 ");
  EXPECT_EQ(Listing(*database_, Column::kDetails, "c"), "");
}

TEST_F(DatabaseTest, AScanEndsBeforeItsEndAndWhenTheVisitorSaysSo) {
  for (const std::string key : {"a", "b", "c", "d"}) Put(Column::kLog, key, "1");
  std::string seen;
  const Reader::Visit all = [&](std::string_view key, std::string_view) {
    seen.append(key);
    return true;
  };
  ASSERT_TRUE(database_->ScanRange(Column::kLog, "b", "d", all).ok());
  EXPECT_EQ(seen, "bc");
  seen.clear();
  ASSERT_TRUE(database_->ScanRange(Column::kLog, "c", "", all).ok());
  EXPECT_EQ(seen, "cd");
  seen.clear();
  const Reader::Visit one = [&](std::string_view key, std::string_view) {
    seen.append(key);
    return false;
  };
  ASSERT_TRUE(database_->Scan(Column::kLog, "", one).ok());
  EXPECT_EQ(seen, "a");
}

TEST_F(DatabaseTest, ASnapshotDoesNotSeeLaterWrites) {
  Put(Column::kState, "a", "1");
  Snapshot before = database_->TakeSnapshot();
  Batch batch;
  batch.Put(Column::kState, "a", "2");
  batch.Put(Column::kState, "b", "2");
  batch.Put(Column::kLog, "m", "2");
  ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok());
  const Snapshot moved = std::move(before);
  EXPECT_EQ(*moved.Get(Column::kState, "a"), "1");
  EXPECT_EQ(Listing(moved, Column::kState), "a=1 ");
  EXPECT_EQ(Listing(moved, Column::kLog), "");
  EXPECT_EQ(Listing(*database_, Column::kState), "a=2 b=2 ");
}

// Each batch puts the same value in all columns, so no snapshot may see two values.
TEST_F(DatabaseTest, ASnapshotNeverSeesHalfABatch) {
  std::thread writer([&] {
    for (int i = 0; i < 500; ++i) {
      Batch batch;
      for (const Column column : kColumns) batch.Put(column, "k", std::to_string(i));
      EXPECT_TRUE(database_->Write(std::move(batch)).ok());
    }
  });
  for (int i = 0; i < 500; ++i) {
    const Snapshot snapshot = database_->TakeSnapshot();
    const auto first = snapshot.Get(Column::kLog, "k");
    for (const Column column : kColumns) EXPECT_EQ(*snapshot.Get(column, "k"), *first);
  }
  writer.join();
}

TEST_F(DatabaseTest, SixteenThreadsLoseNothingAndShareSyncs) {
  constexpr int kThreads = 16;
  constexpr int kWrites = 50;
  const std::uint64_t before = file_system_->wal_syncs();
  std::latch all_have_written(kThreads);  // the first sync lasts until all wait for one
  file_system_->BeforeWalSync([&] { all_have_written.wait(); });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; ++i) {
        Batch batch;
        batch.Put(Column::kLog, std::to_string(t) + "/" + std::to_string(i), "1");
        const auto ticket = database_->Write(std::move(batch));
        if (i == 0) all_have_written.count_down();
        ASSERT_TRUE(ticket.ok());
        EXPECT_TRUE(database_->Sync(*ticket).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  file_system_->BeforeWalSync(nullptr);
  EXPECT_LE(file_system_->wal_syncs() - before, kThreads * (kWrites - 1) + 2);
  const auto stats = database_->GetStats();
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->writes, kThreads * kWrites);
  EXPECT_LE(stats->syncs, kThreads * (kWrites - 1) + 2);

  file_system_->Crash();  // nothing more reaches the disk: only what was synced is left
  database_.reset();
  file_system_->LoseUnsynced(
      [](const auto&, std::uint64_t synced, std::uint64_t) { return synced; });
  Reopen();
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kWrites; ++i) {
      EXPECT_EQ(*database_->Get(Column::kLog, std::to_string(t) + "/" + std::to_string(i)), "1");
    }
  }
}

TEST_F(DatabaseTest, RefusesToOpenTwice) {
  const auto second = Database::Open(Options());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(second.status().message().find("another kluisd is running"), std::string::npos);
}

TEST(DatabaseOpen, RefusesAnAbsentDatabaseUnlessAskedToCreateIt) {
  const ScratchDirectory scratch;
  const auto opened = Database::Open({scratch.path() + "/db", false, nullptr});
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/db"));
  EXPECT_EQ(Database::Open({"", true, nullptr}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(DatabaseTest, RefusesATicketThatNoWriteGot) {
  EXPECT_EQ(database_->Sync(1).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DatabaseTest, StatsCountBytesOnDisk) {
  Put(Column::kSealed, "t", std::string(100000, 'x'));
  ASSERT_TRUE(database_->Flush().ok());
  const auto stats = database_->GetStats();
  ASSERT_TRUE(stats.ok());
  EXPECT_GT(stats->table_bytes[static_cast<std::size_t>(Column::kSealed)], 100000U);
  EXPECT_EQ(stats->table_bytes[static_cast<std::size_t>(Column::kLog)], 0U);
  EXPECT_GT(stats->bytes_on_disk, 100000U);
}

}  // namespace
}  // namespace kluis::storage::database_test
