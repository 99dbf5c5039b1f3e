// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "service/upkeep/disk_space.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/small_file_system.h"

namespace kluis::service::disk_space_test {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class DiskSpaceTest : public testing::Test {
 protected:
  DiskSpaceTest() : data_(scratch_.path() + "/data"), reserve_(scratch_.path() + "/reserve") {
    auto disk = OpenDiskSpace(data_, reserve_);
    EXPECT_TRUE(disk.ok()) << disk.status();
    if (disk.ok()) disk_ = *std::move(disk);
  }

  const ScratchDirectory scratch_;
  const std::string data_;
  const std::string reserve_;
  std::unique_ptr<DiskSpace> disk_;
};

TEST_F(DiskSpaceTest, ReallyTakesTheReserve) {
  EXPECT_FALSE(disk_->IsReserved(8 * kMiB));
  ASSERT_TRUE(disk_->Reserve(8 * kMiB).ok());
  struct stat file {};
  ASSERT_EQ(stat(reserve_.c_str(), &file), 0);
  EXPECT_EQ(file.st_size, static_cast<off_t>(8 * kMiB));
  EXPECT_GE(static_cast<uint64_t>(file.st_blocks) * 512, 8 * kMiB);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_TRUE(disk_->IsReserved(8 * kMiB));
  EXPECT_FALSE(disk_->IsReserved(9 * kMiB));
}

TEST_F(DiskSpaceTest, GivesTheReserveBackAlsoFromABackupThatReadsIt) {
  ASSERT_TRUE(disk_->Reserve(8 * kMiB).ok());
  std::ifstream backup(reserve_, std::ios::binary);
  ASSERT_TRUE(disk_->Release().ok());
  EXPECT_FALSE(fs::exists(reserve_));
  backup.seekg(0, std::ios::end);
  EXPECT_EQ(backup.tellg(), 0);
  EXPECT_TRUE(disk_->Release().ok()) << "there is none to give back";
}

TEST_F(DiskSpaceTest, ReplacesAReserveOfAnotherSize) {
  ASSERT_TRUE(disk_->Reserve(8 * kMiB).ok());
  ASSERT_TRUE(disk_->Reserve(2 * kMiB).ok());
  EXPECT_TRUE(disk_->IsReserved(2 * kMiB));
}

TEST_F(DiskSpaceTest, TakesNoFileWithHolesForAReserve) {
  std::ofstream(reserve_).close();
  fs::resize_file(reserve_, 8 * kMiB);
  EXPECT_FALSE(disk_->IsReserved(8 * kMiB));
}

TEST_F(DiskSpaceTest, FollowsNoSymbolicLink) {
  const std::string other = scratch_.path() + "/other";
  std::ofstream(other) << "somebody else's";
  fs::create_symlink(other, reserve_);
  EXPECT_FALSE(disk_->Release().ok());
  EXPECT_FALSE(disk_->Reserve(kMiB).ok());
  EXPECT_EQ(fs::file_size(other), 15u);
}

TEST(DiskSpace, LeavesNothingBehindWhenThereIsNotEnough) {
  const SmallFileSystem small(/*mib=*/8);
  if (!small.why_not().empty()) GTEST_SKIP() << small.why_not();
  const std::string reserve = small.path() + "/reserve";
  const auto disk = OpenDiskSpace(small.path() + "/data", reserve);
  ASSERT_TRUE(disk.ok()) << disk.status();
  const auto free = (*disk)->FreeBytes();
  ASSERT_TRUE(free.ok()) << free.status();
  EXPECT_EQ(*free, small.FreeBytes());
  EXPECT_GT(*free, 7 * kMiB);
  EXPECT_EQ((*disk)->Reserve(9 * kMiB).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(fs::exists(reserve));
  ASSERT_TRUE((*disk)->Reserve(6 * kMiB).ok());
  EXPECT_EQ(small.FreeBytes(), *free - 6 * kMiB);
  ASSERT_TRUE((*disk)->Release().ok());
  EXPECT_EQ(small.FreeBytes(), *free);
}

TEST_F(DiskSpaceTest, GoesOnWhenTheDirectoryIsMovedAway) {
  const std::string moved = scratch_.path() + ".moved";
  fs::rename(scratch_.path(), moved);
  EXPECT_TRUE(disk_->FreeBytes().ok());
  EXPECT_TRUE(disk_->Reserve(kMiB).ok());
  EXPECT_TRUE(fs::exists(moved + "/reserve"));
  fs::rename(moved, scratch_.path());
}

TEST(OpenDiskSpace, RefusesAReserveOnAnotherFileSystem) {
  const ScratchDirectory scratch;
  struct stat here {};
  struct stat there {};
  ASSERT_EQ(stat(scratch.path().c_str(), &here), 0);
  if (stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev) {
    GTEST_SKIP() << "this machine has no second file system at /dev/shm";
  }
  EXPECT_EQ(OpenDiskSpace(scratch.path() + "/data", "/dev/shm/kluis-reserve").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(OpenDiskSpace, NeedsTheDirectoriesToBeThere) {
  const ScratchDirectory scratch;
  EXPECT_EQ(OpenDiskSpace(scratch.path(), scratch.path() + "/none/reserve").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(
      OpenDiskSpace(scratch.path() + "/none/data", scratch.path() + "/reserve").status().code(),
      absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kluis::service::disk_space_test
