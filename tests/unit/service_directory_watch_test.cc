// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "service/upkeep/directory_watch.h"
#include "storage/database.h"
#include "tests/fakes/numbered_batches.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::directory_watch_test {
namespace {

namespace fs = std::filesystem;

// A running database and the watch over its directory.
class DirectoryWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = scratch_.path() + "/data";
    storage::Database::Options options;
    options.path = path_;
    options.create_if_missing = true;
    auto database = storage::Database::Open(options);
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    watch_ = Watch(path_);
  }

  static std::unique_ptr<DirectoryWatch> Watch(const std::string& path) {
    auto watch = DirectoryWatch::Start(DirectoryWatch::DatabaseAt(path));
    EXPECT_TRUE(watch.ok()) << watch.status();
    EXPECT_TRUE((*watch)->Check().ok());
    return *std::move(watch);
  }

  static void ExpectLost(const DirectoryWatch& watch, const std::string& path) {
    const absl::Status status = watch.Check();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    const std::string line(status.message());
    EXPECT_NE(line.find(path + " "), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }

  const ScratchDirectory scratch_;
  std::string path_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<DirectoryWatch> watch_;
};

TEST_F(DirectoryWatchTest, SaysNothingOfWritesFlushesAndCompactions) {
  for (uint64_t k = 0; k < 50; ++k) {
    ASSERT_TRUE(database_->WriteSynced(storage::NumberedBatch(k, 10'000)).ok());
    if (k % 10 == 0) {
      ASSERT_TRUE(database_->Flush().ok());
    }
    if (k % 25 == 0) {
      ASSERT_TRUE(database_->Compact(storage::Column::kSealed, "", "").ok());
    }
    ASSERT_TRUE(watch_->Check().ok());
  }
}

TEST_F(DirectoryWatchTest, NoticesThatTheDirectoryWasMovedAwayAndPutBack) {
  fs::rename(path_, path_ + ".old");
  ExpectLost(*watch_, path_);
  fs::rename(path_ + ".old", path_);
  EXPECT_TRUE(watch_->Check().ok());
}

TEST_F(DirectoryWatchTest, NoticesThatTheDirectoryWasDeleted) {
  fs::remove_all(path_);
  ExpectLost(*watch_, path_);
}

TEST_F(DirectoryWatchTest, NoticesThatTheDirectoryWasMadeAnew) {
  for (int i = 0; i < 100; ++i) {  // file systems like to give a freed number out again
    fs::remove_all(path_);
    fs::create_directory(path_);
    ExpectLost(*watch_, path_);
  }
}

TEST_F(DirectoryWatchTest, NoticesACopyInItsPlace) {
  fs::copy(path_, path_ + ".copy", fs::copy_options::recursive);
  fs::rename(path_, path_ + ".old");
  fs::rename(path_ + ".copy", path_);
  ExpectLost(*watch_, path_);
}

TEST_F(DirectoryWatchTest, NoticesThatItsFilesWereReplacedByCopies) {
  fs::copy(path_ + "/IDENTITY", path_ + "/copy");
  fs::rename(path_ + "/copy", path_ + "/IDENTITY");
  ExpectLost(*watch_, path_ + "/IDENTITY");
}

TEST_F(DirectoryWatchTest, NoticesThatASymbolicLinkLeadsElsewhere) {
  const std::string link = scratch_.path() + "/link";
  fs::copy(path_, path_ + ".copy", fs::copy_options::recursive);
  fs::create_symlink(path_, link);
  const auto watch = Watch(link);
  fs::remove(link);
  fs::create_symlink(path_ + ".copy", link);
  ExpectLost(*watch, link);
  EXPECT_TRUE(watch_->Check().ok());
}

TEST_F(DirectoryWatchTest, NoticesAnotherIdentity) {
  std::ofstream(path_ + "/IDENTITY", std::ios::binary) << "another database";
  ExpectLost(*watch_, path_ + "/IDENTITY");
}

TEST_F(DirectoryWatchTest, NoticesThatItsFilesAreGone) {
  fs::remove(path_ + "/CURRENT");
  ExpectLost(*watch_, path_ + "/CURRENT");
  fs::remove(path_ + "/IDENTITY");
  ExpectLost(*watch_, path_ + "/IDENTITY");
}

TEST_F(DirectoryWatchTest, StartsOnlyOnWhatIsThere) {
  EXPECT_EQ(DirectoryWatch::Start({scratch_.path() + "/none", {}, {}}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(DirectoryWatch::Start({path_, {"none"}, {}}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(DirectoryWatch::Start({path_, {}, {"none"}}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(DirectoryWatchTest, WatchesADirectoryWithoutFilesOfNote) {
  const std::string published = scratch_.path() + "/log";
  fs::create_directory(published);
  const auto watch = DirectoryWatch::Start({published, {}, {}});
  ASSERT_TRUE(watch.ok()) << watch.status();
  std::ofstream(published + "/checkpoint") << "text";
  EXPECT_TRUE((*watch)->Check().ok());
  fs::remove_all(published);
  ExpectLost(**watch, published);
}

}  // namespace
}  // namespace kluis::service::directory_watch_test
