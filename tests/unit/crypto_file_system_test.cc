// SPDX-License-Identifier: Apache-2.0
// What the machine's file system and the one in memory must do alike.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "crypto/file_system.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::crypto::file_system_test {
namespace {

constexpr auto kAbsent = absl::StatusCode::kNotFound;
constexpr auto kTaken = absl::StatusCode::kAlreadyExists;

enum class Kind { kReal, kMemory };

class FileSystemTest : public testing::TestWithParam<Kind> {
 protected:
  FileSystemTest() {
    memory_.RequireDirectories();
    EXPECT_TRUE(memory_.MakeDirectory("top").ok());
  }

  FileSystem& files() { return GetParam() == Kind::kReal ? RealFileSystem() : memory_; }
  std::string Path(const std::string& name) const {
    return (GetParam() == Kind::kReal ? scratch_.path() : "top") + "/" + name;
  }

  ScratchDirectory scratch_;
  MemoryFileSystem memory_;
};

TEST_P(FileSystemTest, ReadsBackWhatItCreated) {
  for (const std::string& bytes :
       {std::string(), std::string("a\0b", 3), std::string(100'000, 'x')}) {
    ASSERT_TRUE(files().CreateReadable(Path("file"), bytes).ok());
    EXPECT_EQ(*files().Read(Path("file"), bytes.size()), bytes);
    EXPECT_EQ(files().CreateReadable(Path("file"), "other").code(), kTaken);
    EXPECT_EQ(*files().Read(Path("file"), 1'000'000), bytes);
    ASSERT_TRUE(files().Remove(Path("file")).ok());
  }
  EXPECT_EQ(files().Read(Path("file"), 10).status().code(), kAbsent);
}

TEST_P(FileSystemTest, WritesPiecesIntoAFileThatExists) {
  const auto piece = [](uint64_t offset, const std::string& bytes) {
    return FilePiece{offset, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}};
  };
  const std::string two = "22";
  const std::string three = "333";
  const std::vector<FilePiece> pieces = {piece(6, three), piece(1, two)};
  EXPECT_EQ(files().WriteSynced(Path("file"), pieces).code(), kAbsent);
  ASSERT_TRUE(files().CreateReadable(Path("file"), "abcd").ok());
  ASSERT_TRUE(files().WriteSynced(Path("file"), pieces).ok());
  EXPECT_EQ(*files().Read(Path("file"), 100), std::string("a22d\0\0"
                                                          "333",
                                                          9));
  ASSERT_TRUE(files().WriteSynced(Path("file"), {}).ok());
  EXPECT_EQ(files().Read(Path("file"), 100)->size(), 9u);
}

TEST_P(FileSystemTest, DoesNotReadMoreThanAsked) {
  ASSERT_TRUE(files().CreateReadable(Path("file"), "12345").ok());
  EXPECT_EQ(files().Read(Path("file"), 4).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(FileSystemTest, MakesDirectoriesOneByOneOrAllThatAreMissing) {
  EXPECT_EQ(files().MakeDirectory(Path("a/b")).code(), kAbsent);
  EXPECT_EQ(files().CreateReadable(Path("a/file"), "x").code(), kAbsent);
  ASSERT_TRUE(files().MakeDirectory(Path("a")).ok());
  EXPECT_EQ(files().MakeDirectory(Path("a")).code(), kTaken);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(MakeDirectories(files(), Path("a/b/c/d")).ok());
  EXPECT_TRUE(files().CreateReadable(Path("a/b/c/d/file"), "x").ok());
  EXPECT_EQ(*files().List(Path("a/b/c")), std::vector<std::string>{"d"});
}

TEST_P(FileSystemTest, RemovesOnlyEmptyDirectories) {
  ASSERT_TRUE(MakeDirectories(files(), Path("a/b")).ok());
  ASSERT_TRUE(files().CreateReadable(Path("a/file"), "x").ok());
  EXPECT_EQ(files().RemoveDirectory(Path("a")).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(files().RemoveDirectory(Path("a/b")).ok());
  EXPECT_EQ(files().RemoveDirectory(Path("a/b")).code(), kAbsent);
  ASSERT_TRUE(files().Remove(Path("a/file")).ok());
  EXPECT_TRUE(files().RemoveDirectory(Path("a")).ok());
  EXPECT_EQ(files().List(Path("a")).status().code(), kAbsent);
}

TEST_P(FileSystemTest, RenamesBetweenDirectoriesAndReplaces) {
  ASSERT_TRUE(files().MakeDirectory(Path("a")).ok());
  ASSERT_TRUE(files().CreateReadable(Path("a/old"), "old").ok());
  ASSERT_TRUE(files().CreateReadable(Path("new"), "new").ok());
  EXPECT_EQ(files().Rename(Path("new"), Path("b/old")).code(), kAbsent);
  ASSERT_TRUE(files().Rename(Path("new"), Path("a/old")).ok());
  EXPECT_EQ(*files().Read(Path("a/old"), 10), "new");
  EXPECT_EQ(files().Read(Path("new"), 10).status().code(), kAbsent);
}

INSTANTIATE_TEST_SUITE_P(, FileSystemTest, testing::Values(Kind::kReal, Kind::kMemory),
                         [](const auto& kind) {
                           return kind.param == Kind::kReal ? "Real" : "Memory";
                         });

TEST(RealFileSystem, GivesReadableFilesAndDirectoriesTheirModeWhateverTheUmask) {
  const ScratchDirectory scratch;
  const mode_t before = umask(0077);
  EXPECT_TRUE(RealFileSystem().MakeDirectory(scratch.path() + "/a").ok());
  EXPECT_TRUE(RealFileSystem().CreateReadable(scratch.path() + "/a/file", "x").ok());
  umask(before);
  struct stat info {};
  ASSERT_EQ(stat((scratch.path() + "/a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755U);
  ASSERT_EQ(stat((scratch.path() + "/a/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644U);
}

TEST(RealFileSystem, ReadsNeitherDirectoriesNorThroughSymbolicLinks) {
  const ScratchDirectory scratch;
  EXPECT_EQ(RealFileSystem().Read(scratch.path(), 10).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(RealFileSystem().CreateReadable(scratch.path() + "/file", "x").ok());
  std::filesystem::create_symlink(scratch.path() + "/file", scratch.path() + "/link");
  EXPECT_FALSE(RealFileSystem().Read(scratch.path() + "/link", 10).ok());
}

// Whichever operation fails, and however much of what was not synced a crash takes: the file is the
// old one or the new one, whole; and what was answered with OK is the new one.
TEST(ReplaceReadable, LeavesTheOldFileOrTheNewOneWholeAfterACrashAnywhere) {
  const std::string old_bytes = "the old one";
  const std::string new_bytes = "a new and longer one";
  int operations = 0;
  for (bool failed = true; failed; ++operations) {
    MemoryFileSystem files;
    files.Put("a/file", old_bytes);
    files.Put("a/file.new", "of a write that was cut off");
    files.FailAt(operations + 1, MemoryFileSystem::Failure::kFromThenOn);
    const absl::Status replaced = ReplaceReadable(files, "a/file", new_bytes);
    failed = files.Failed();
    EXPECT_EQ(replaced.ok(), !failed) << operations;
    for (size_t kept = 0; kept <= files.pending(); ++kept) {
      MemoryFileSystem after = files.AfterCrash(kept);
      const absl::StatusOr<std::string> read = after.Read("a/file", 100);
      ASSERT_TRUE(read.ok()) << operations << " " << kept << " " << read.status();
      EXPECT_TRUE(*read == new_bytes || (*read == old_bytes && !replaced.ok()))
          << operations << " " << kept << " " << *read;
      // The next one is not in the way of what this one left.
      EXPECT_TRUE(ReplaceReadable(after, "a/file", "the next").ok()) << operations;
      EXPECT_EQ(*after.Read("a/file", 100), "the next");
    }
  }
  EXPECT_EQ(operations, 5);  // four steps, and once without a failure
}

}  // namespace
}  // namespace kluis::crypto::file_system_test
