// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "client/files.h"
#include "client/replaced_file.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::client::replaced_file_test {
namespace {

TEST(ReplacedFile, AppearsWholeAtItsCommitForItsOwnerOnly) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/file";
  absl::StatusOr<ReplacedFile> file = ReplacedFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write("one\n").ok());
  ASSERT_TRUE(file->Write("two\n").ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(*ReadText(path), "one\ntwo\n");
  struct stat about {};
  ASSERT_EQ(stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST(ReplacedFile, LeavesTheEarlierFileAloneWithoutACommit) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/file";
  ASSERT_TRUE(WriteText(path, "earlier").ok());
  {
    absl::StatusOr<ReplacedFile> file = ReplacedFile::Open(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Write("half").ok());
  }
  EXPECT_EQ(*ReadText(path), "earlier");
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST(ReplacedFile, TakesNeitherContentNorModeOfWhatACrashLeft) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/file";
  std::ofstream(path + ".partial") << "left behind";
  std::filesystem::permissions(path + ".partial", std::filesystem::perms(0644));
  absl::StatusOr<ReplacedFile> file = ReplacedFile::Open(path);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Write("new").ok());
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(*ReadText(path), "new");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

TEST(ReplacedFile, SaysWhereItCannotWrite) {
  const absl::Status refused = ReplacedFile::Open("/no-such-directory/file").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("/no-such-directory/file"), std::string::npos);
}

}  // namespace
}  // namespace kluis::client::replaced_file_test
