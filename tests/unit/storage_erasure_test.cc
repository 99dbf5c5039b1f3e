// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/database.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::erasure_test {
namespace {

constexpr char kCanary[] = "7b1e0c55d2f0=erased";
constexpr char kKeyCanary[] = "key-planted-90ab";

class ErasureTest : public testing::TestWithParam<Column> {
 protected:
  ErasureTest() {
    auto opened = Database::Open({scratch_.path() + "/db", true, nullptr});
    EXPECT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  void Write(Batch batch) { ASSERT_TRUE(database_->WriteSynced(std::move(batch)).ok()); }

  void PutCanary() {
    Batch batch;
    batch.Put(GetParam(), "a", "stays");
    batch.Put(GetParam(), kKeyCanary, kCanary);
    batch.Put(GetParam(), "z", "stays");
    Write(std::move(batch));
  }

  void DeleteCanary() {
    Batch batch;
    batch.Delete(GetParam(), kKeyCanary);
    Write(std::move(batch));
  }

  // Whether a file whose name begins with `name` holds the text.
  bool OnDisk(std::string_view text, std::string_view name = "") const {
    for (const auto& file : std::filesystem::directory_iterator(scratch_.path() + "/db")) {
      if (!file.path().filename().string().starts_with(name)) continue;
      std::ifstream stream(file.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(stream),
                              std::istreambuf_iterator<char>()};
      if (bytes.find(text) != std::string::npos) return true;
    }
    return false;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Database> database_;
};

TEST_P(ErasureTest, CompactRemovesDeletedBytesThatWereOnlyInTheWal) {
  PutCanary();
  ASSERT_TRUE(OnDisk(kCanary));
  DeleteCanary();
  ASSERT_TRUE(database_->Compact(GetParam(), kKeyCanary, kKeyCanary).ok());
  EXPECT_FALSE(OnDisk(kCanary));
  EXPECT_EQ(*database_->Get(GetParam(), "z"), "stays");
}

TEST_P(ErasureTest, CompactRemovesDeletedBytesFromTheLowestLevel) {
  PutCanary();
  ASSERT_TRUE(database_->Compact(GetParam(), "", "").ok());
  ASSERT_TRUE(OnDisk(kCanary));
  DeleteCanary();
  ASSERT_TRUE(database_->Compact(GetParam(), kKeyCanary, kKeyCanary).ok());
  EXPECT_FALSE(OnDisk(kCanary));
  EXPECT_EQ(*database_->Get(GetParam(), "a"), "stays");
}

TEST_P(ErasureTest, CompactRemovesOverwrittenBytes) {
  PutCanary();
  Batch batch;
  batch.Put(GetParam(), kKeyCanary, "new");
  Write(std::move(batch));
  ASSERT_TRUE(database_->Flush().ok());
  ASSERT_TRUE(database_->Compact(GetParam(), "a", "z").ok());
  EXPECT_FALSE(OnDisk(kCanary));
  EXPECT_EQ(*database_->Get(GetParam(), kKeyCanary), "new");
}

TEST_P(ErasureTest, ASnapshotFromBeforeTheDeletionHoldsTheBytes) {
  PutCanary();
  std::optional<Snapshot> snapshot = database_->TakeSnapshot();
  DeleteCanary();
  ASSERT_TRUE(database_->Compact(GetParam(), "", "").ok());
  EXPECT_EQ(*snapshot->Get(GetParam(), kKeyCanary), kCanary);
  snapshot.reset();
  ASSERT_TRUE(database_->Compact(GetParam(), "", "").ok());
  EXPECT_FALSE(OnDisk(kCanary));
}

TEST_P(ErasureTest, TheLogOfRocksDbNamesNoKeyAndNoValue) {
  PutCanary();
  ASSERT_TRUE(database_->Compact(GetParam(), kKeyCanary, kKeyCanary).ok());
  EXPECT_FALSE(OnDisk(kCanary, "LOG"));
  EXPECT_FALSE(OnDisk(kKeyCanary, "LOG"));
}

INSTANTIATE_TEST_SUITE_P(Columns, ErasureTest, testing::ValuesIn(kColumns),
                         [](const auto& column) { return std::string(ColumnName(column.param)); });

}  // namespace
}  // namespace kluis::storage::erasure_test
