// SPDX-License-Identifier: Apache-2.0
// A whole export of 300 entries, damaged in every way that a file can be: each single byte flipped,
// entries removed, doubled and moved, tails cut, sizes edited, and histories that fork. All of it
// is found, and the message names the entry or the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "audit/log/log_directory.h"
#include "audit/log/tile_writer.h"
#include "audit/tiles.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/test_log.h"

namespace kluis::audit::export_corruption_test {
namespace {

using crypto::MemoryFileSystem;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

constexpr uint64_t kSize = 300;

class ExportCorruption : public testing::Test {
 protected:
  ExportCorruption() { Publish(log_, {kSize}); }

  void Publish(const TestLog& log, const std::vector<uint64_t>& sizes) {
    files_ = MemoryFileSystem();
    const auto writer = TileWriter::Open(files_, "log", TestLog::kOrigin);
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (const uint64_t size : sizes) EXPECT_TRUE(log.PublishAt(size, **writer).ok());
  }

  absl::Status Verify(std::vector<OlderCheckpoint> since = {}) {
    VerifyOptions options;
    options.threads = 1;
    options.since = std::move(since);
    return LogDirectory("log", files_).Verify(log_.Key(), options).status();
  }

  void ExpectFound(const testing::Matcher<std::string>& message) {
    const absl::Status status = Verify();
    ASSERT_FALSE(status.ok());
    ASSERT_THAT(std::string(status.message()), message);
  }

  // Flips a bit of each byte of `path` in turn; `named` gives what the message must say.
  void FlipEach(const std::string& path,
                const std::function<testing::Matcher<std::string>(size_t)>& named) {
    std::string& bytes = files_.BytesOf(path);
    for (size_t i = 0; i < bytes.size(); ++i) {
      const auto mask = static_cast<char>(1 << (i % 7));
      bytes[i] = static_cast<char>(bytes[i] ^ mask);
      ExpectFound(named(i));
      bytes[i] = static_cast<char>(bytes[i] ^ mask);
      if (HasFatalFailure()) FAIL() << path << " byte " << i;
    }
    ASSERT_TRUE(Verify().ok());
  }

  // The bundle of `entries`, put where that of the log's entries from `first` on stands.
  void PutBundle(const std::string& path, const std::vector<std::string>& entries) {
    files_.BytesOf(path) = *EncodeEntryBundle(entries);
  }
  std::vector<std::string> Entries(uint64_t first, uint64_t end) const {
    return {log_.entries().begin() + static_cast<std::ptrdiff_t>(first),
            log_.entries().begin() + static_cast<std::ptrdiff_t>(end)};
  }

  const TestLog log_{kSize};
  MemoryFileSystem files_;
};

testing::Matcher<std::string> NamesEntry(uint64_t index) {
  const std::string name = "entry " + std::to_string(index);
  return AnyOf(HasSubstr(name + ":"), HasSubstr(name + " is cut short"));
}

TEST_F(ExportCorruption, HasTheFilesThatTheseTestsDamage) {
  EXPECT_THAT(files_.Paths(),
              testing::UnorderedElementsAre("log/checkpoint", "log/tile/0/000",
                                            "log/tile/0/001.p/44", "log/tile/1/000.p/1",
                                            "log/tile/entries/000", "log/tile/entries/001.p/44"));
  EXPECT_TRUE(Verify().ok());
}

TEST_F(ExportCorruption, AnyFlippedByteOfABundleIsFoundAndNamesItsEntry) {
  for (const uint64_t first : {0, 256}) {
    std::vector<uint64_t> owner;  // of each byte of the bundle
    for (uint64_t i = first; i < kSize && i < first + kTileWidth; ++i) {
      owner.insert(owner.end(), 2 + log_.entries()[i].size(), i);
    }
    FlipEach(first == 0 ? "log/tile/entries/000" : "log/tile/entries/001.p/44",
             [&](size_t i) { return NamesEntry(owner.at(i)); });
  }
}

TEST_F(ExportCorruption, AnyFlippedByteOfALeafTileIsFoundAndNamesItsEntry) {
  FlipEach("log/tile/0/000", [](size_t i) { return NamesEntry(i / 32); });
  FlipEach("log/tile/0/001.p/44", [](size_t i) { return NamesEntry(256 + i / 32); });
}

TEST_F(ExportCorruption, AnyFlippedByteOfAHigherTileIsFoundAndNamesTheFile) {
  FlipEach("log/tile/1/000.p/1", [](size_t) {
    return AllOf(HasSubstr("tile/1/000.p/1"), HasSubstr("entries 0 to 255"));
  });
}

TEST_F(ExportCorruption, AnyFlippedByteOfTheCheckpointIsFound) {
  FlipEach("log/checkpoint", [](size_t) { return HasSubstr("checkpoint"); });
}

TEST_F(ExportCorruption, AnyMissingFileIsFoundAndNamed) {
  for (const std::string& path : files_.Paths()) {
    const std::string bytes = files_.BytesOf(path);
    ASSERT_TRUE(files_.Remove(path).ok());
    ExpectFound(HasSubstr(path.substr(4)));
    files_.Put(path, bytes);
  }
}

TEST_F(ExportCorruption, AnyTruncatedOrLengthenedFileIsFoundAndNamed) {
  for (const std::string& path : files_.Paths()) {
    const std::string bytes = files_.BytesOf(path);
    const bool leaves_or_entries =
        path.find("tile/0") != std::string::npos || path.find("entries") != std::string::npos;
    const auto named = leaves_or_entries ? testing::Matcher<std::string>(HasSubstr("entr"))
                                         : HasSubstr(path.substr(4));
    for (size_t kept = 0; kept < bytes.size(); kept += 1 + bytes.size() / 100) {
      files_.Put(path, bytes.substr(0, kept));
      ExpectFound(named);
    }
    files_.Put(path, bytes.substr(0, bytes.size() - 1));
    ExpectFound(named);
    files_.Put(path, bytes + "x");
    ExpectFound(named);
    files_.Put(path, bytes);
  }
  EXPECT_TRUE(Verify().ok());
}

TEST_F(ExportCorruption, RemovedEntriesAreFound) {
  for (uint64_t removed = 256; removed < kSize; ++removed) {
    std::vector<std::string> entries = Entries(256, kSize);
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(removed - 256));
    PutBundle("log/tile/entries/001.p/44", entries);
    ExpectFound(NamesEntry(removed));
  }
}

TEST_F(ExportCorruption, DoubledEntriesAreFound) {
  for (uint64_t doubled = 256; doubled < kSize; ++doubled) {
    std::vector<std::string> entries = Entries(256, kSize);
    const auto at = entries.begin() + static_cast<std::ptrdiff_t>(doubled - 256);
    entries.insert(at, std::string(*at));
    PutBundle("log/tile/entries/001.p/44", entries);
    // Of the last entry the copy is one too many, of the others the next one has another place.
    ExpectFound(doubled + 1 < kSize ? NamesEntry(doubled + 1) : HasSubstr("exactly 44 entries"));
  }
}

TEST_F(ExportCorruption, ReorderedEntriesAndBundlesAreFound) {
  for (uint64_t moved = 0; moved + 1 < kTileWidth; ++moved) {
    std::vector<std::string> entries = Entries(0, kTileWidth);
    std::swap(entries[moved], entries[moved + 1]);
    PutBundle("log/tile/entries/000", entries);
    ExpectFound(NamesEntry(moved));
  }
  PutBundle("log/tile/entries/000", Entries(40, 40 + kTileWidth));
  ExpectFound(NamesEntry(0));
}

TEST_F(ExportCorruption, ARewrittenPastIsFoundAlsoWhenAllTilesFollowIt) {
  for (const uint64_t changed : {0, 100, 255, 256, 299}) {
    files_ = MemoryFileSystem();
    const auto writer = TileWriter::Open(files_, "log", TestLog::kOrigin);
    ASSERT_TRUE(writer.ok());
    const auto rewritten = [&](uint64_t index) {
      return log_.Reader()(index == changed ? kSize - 1 - index : index);
    };
    ASSERT_TRUE((*writer)->WriteTiles(kSize, rewritten).ok());
    files_.Put("log/checkpoint", log_.NoteAt(kSize));
    ExpectFound(HasSubstr("root of 300 entries"));
  }
}

TEST_F(ExportCorruption, EditedSizesAreFoundEvenWhenTheyAreSigned) {
  for (const uint64_t size : {0, 1, 44, 255, 256, 299, 301, 512, 65536}) {
    files_.Put("log/checkpoint",
               *SignCheckpoint({TestLog::kOrigin, size, log_.RootAt(kSize)}, log_.signer()));
    const absl::Status status = Verify();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << size << status;
  }
}

TEST_F(ExportCorruption, ALogExtendsEachOfItsOlderCheckpoints) {
  std::vector<OlderCheckpoint> since;
  for (uint64_t size = 0; size <= kSize; ++size) since.push_back({"kept", log_.NoteAt(size)});
  EXPECT_TRUE(Verify(since).ok()) << Verify(since);
}

TEST_F(ExportCorruption, AnotherRootForASizeIsAFork) {
  for (uint64_t size = 0; size <= kSize; ++size) {
    const std::string other =
        *SignCheckpoint({TestLog::kOrigin, size, LeafHash("fork")}, log_.signer());
    const absl::Status status = Verify({{"kept.txt", other}});
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("kept.txt"), HasSubstr("size " + std::to_string(size) + " "),
                      HasSubstr("size 300")));
  }
}

TEST_F(ExportCorruption, ATruncatedLogIsFoundByACheckpointThatSomebodyKept) {
  Publish(log_, {200});
  EXPECT_TRUE(Verify().ok());
  const absl::Status status = Verify({{"kept.txt", log_.NoteAt(kSize)}});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("kept.txt"), HasSubstr("300"), HasSubstr("200")));
}

TEST_F(ExportCorruption, AnOlderCheckpointOfAnotherKeyIsRefused) {
  const TestLog stranger(10);
  EXPECT_EQ(Verify({{"kept.txt", stranger.NoteAt(10)}}).code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(Verify({{"kept.txt", "no note"}}).ok());
}

}  // namespace
}  // namespace kluis::audit::export_corruption_test
