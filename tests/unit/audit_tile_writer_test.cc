// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/log/log_directory.h"
#include "audit/log/tile_writer.h"
#include "base/codec.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_log.h"

namespace kluis::audit::tile_writer_test {
namespace {

using crypto::MemoryFileSystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr auto kLost = absl::StatusCode::kDataLoss;
constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;
constexpr char kOrigin[] = "vault.example/audit";

class TileWriterTest : public testing::Test {
 protected:
  TileWriterTest() { files_.RequireDirectories(); }

  std::unique_ptr<TileWriter> Open() {
    absl::StatusOr<std::unique_ptr<TileWriter>> writer = TileWriter::Open(files_, "log", kOrigin);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return writer.ok() ? *std::move(writer) : nullptr;
  }

  void ExpectVerifiedAt(uint64_t size) {
    VerifyOptions options;
    options.threads = 1;
    const auto report = LogDirectory("log", files_).Verify(log_.Key(), options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->log.entries, size);
  }

  void ExpectChanged(const TileWriter& writer, const std::string& path) {
    EXPECT_EQ(writer.Check().code(), kLost);
    EXPECT_THAT(std::string(writer.Check().message()), HasSubstr(path));
  }

  static TestLog log_;
  MemoryFileSystem files_;
};

TestLog TileWriterTest::log_(70'000);

TEST_F(TileWriterTest, ReproducesTheGoldenRoots) {
  const std::map<uint64_t, std::string> golden = {
      {1, "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE="},
      {3, "lPvQ3YNvUDAWkubQ6t5yjuGexSv/8WBu2AfIV11aqhk="},
      {256, "2mWW2VNp9f7zIquOTg2jsLUCNqqcijsdJG90Ecni4y4="},
      {257, "XB/f6DU1gCLyOS3keNvgU/wTDP4dOggoeakM9r8Uv34="},
      {1000, "NGxrnLicS3b6ydyyDNqG46AcCldBfBOQKOrNRTj96Vs="}};
  const auto writer = Open();
  for (const auto& [size, root] : golden) {
    const absl::StatusOr<Hash> found =
        writer->WriteTiles(size, [](uint64_t index) -> absl::StatusOr<std::string> {
          return "entry " + std::to_string(index);
        });
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(base::ToBase64(crypto::Bytes(*found)), root) << size;
  }
}

TEST_F(TileWriterTest, WritesExactlyTheFilesOfTheSpecification) {
  const auto writer = Open();
  for (const uint64_t size : {1, 300, 600}) {
    ASSERT_TRUE(log_.PublishAt(size, *writer).ok());
  }
  // The partial tiles of sizes 1 and 300 gave way to full ones, those of level 1 did not.
  EXPECT_THAT(
      files_.Paths(),
      UnorderedElementsAre("log/checkpoint", "log/tile/entries/000", "log/tile/entries/001",
                           "log/tile/entries/002.p/88", "log/tile/0/000", "log/tile/0/001",
                           "log/tile/0/002.p/88", "log/tile/1/000.p/1", "log/tile/1/000.p/2"));
  EXPECT_EQ(files_.BytesOf("log/checkpoint"), log_.NoteAt(600));
}

TEST_F(TileWriterTest, KeepsPartialTilesUntilACheckpointCoversTheFullOne) {
  const auto writer = Open();
  ASSERT_TRUE(log_.PublishAt(200, *writer).ok());
  ASSERT_TRUE(log_.PublishAt(201, *writer).ok());
  ASSERT_TRUE(writer->WriteTiles(300, log_.Reader()).ok());
  EXPECT_TRUE(files_.Has("log/tile/0/000"));
  for (const char* path : {"log/tile/0/000.p/200", "log/tile/0/000.p/201",
                           "log/tile/entries/000.p/200", "log/tile/entries/000.p/201"}) {
    EXPECT_TRUE(files_.Has(path)) << path;
  }
  ExpectVerifiedAt(201);
  ASSERT_TRUE(writer->Publish(log_.NoteAt(300)).ok());
  EXPECT_FALSE(files_.Has("log/tile/0/000.p/200"));
  EXPECT_FALSE(files_.Has("log/tile/entries/000.p/201"));
  ExpectVerifiedAt(300);
}

TEST_F(TileWriterTest, VerifiesAtEverySizeAndGoesOnAfterOpen) {
  std::unique_ptr<TileWriter> writer = Open();
  for (uint64_t size = 0; size <= 600; size += size % 7 == 0 ? 1 : 13) {
    ASSERT_TRUE(log_.PublishAt(size, *writer).ok()) << size;
    ExpectVerifiedAt(size);
    writer = Open();
    ASSERT_NE(writer, nullptr);
    EXPECT_EQ(writer->size(), size);
    EXPECT_EQ(writer->root(), log_.RootAt(size));
    EXPECT_EQ(writer->checkpoint(), log_.NoteAt(size));
  }
}

TEST_F(TileWriterTest, FillsThreeLevels) {
  std::unique_ptr<TileWriter> writer = Open();
  for (const uint64_t size : {65'535, 65'536, 65'537, 70'000}) {
    ASSERT_TRUE(log_.PublishAt(size, *writer).ok()) << size;
    writer = Open();
    ASSERT_NE(writer, nullptr) << size;
    ExpectVerifiedAt(size);
  }
  EXPECT_TRUE(files_.Has("log/tile/1/000"));
  EXPECT_TRUE(files_.Has("log/tile/1/001.p/17"));
  EXPECT_TRUE(files_.Has("log/tile/2/000.p/1"));
}

TEST_F(TileWriterTest, ReadsOnlyNewEntriesAndOneFilePerLevel) {
  const auto writer = Open();
  ASSERT_TRUE(log_.PublishAt(69'990, *writer).ok());
  std::vector<uint64_t> read;
  ASSERT_TRUE(writer
                  ->WriteTiles(69'993,
                               [&](uint64_t index) {
                                 read.push_back(index);
                                 return log_.Reader()(index);
                               })
                  .ok());
  EXPECT_EQ(read, (std::vector<uint64_t>{69'990, 69'991, 69'992}));
}

TEST_F(TileWriterTest, StartsFromWhatAnUnpublishedSizeLeftBehind) {
  ASSERT_TRUE(log_.PublishAt(100, *Open()).ok());
  ASSERT_TRUE(Open()->WriteTiles(300, log_.Reader()).ok());
  files_.BytesOf("log/tile/0/000")[5] ^= 1;  // never covered by a checkpoint, so nobody vouches
  files_.Put("log/.new", "half a");
  const auto writer = Open();
  EXPECT_FALSE(files_.Has("log/.new"));
  EXPECT_EQ(writer->size(), 100U);
  ExpectVerifiedAt(100);
  ASSERT_TRUE(log_.PublishAt(310, *writer).ok());
  ExpectVerifiedAt(310);
}

TEST_F(TileWriterTest, RemovesAtOpenThePartialTilesThatACrashLeft) {
  const auto writer = Open();
  ASSERT_TRUE(log_.PublishAt(200, *writer).ok());
  ASSERT_TRUE(writer->WriteTiles(300, log_.Reader()).ok());
  files_.BytesOf("log/checkpoint") = log_.NoteAt(300);
  const auto reopened = Open();
  EXPECT_EQ(reopened->size(), 300U);
  EXPECT_FALSE(files_.Has("log/tile/0/000.p/200"));
  EXPECT_FALSE(files_.Has("log/tile/entries/000.p/200"));
  EXPECT_TRUE(files_.Has("log/tile/0/001.p/44"));
}

TEST_F(TileWriterTest, OpenNamesTheFileThatDoesNotLeadToTheRoot) {
  ASSERT_TRUE(log_.PublishAt(600, *Open()).ok());
  for (const std::string path : {"log/checkpoint", "log/tile/0/002.p/88", "log/tile/1/000.p/2",
                                 "log/tile/entries/002.p/88"}) {
    std::string& bytes = files_.BytesOf(path);
    const std::string whole = bytes;
    for (size_t i = 0; i < whole.size(); i += 7) {
      bytes[i] = static_cast<char>(bytes[i] ^ 1);
      const absl::Status status = TileWriter::Open(files_, "log", kOrigin).status();
      bytes = whole;
      if (path == "log/checkpoint") {
        // An edited size names the tile that it asks for; a signature needs the key to be judged.
        if (i > whole.find("\n\n")) continue;
        ASSERT_EQ(status.code(), kLost) << i << status;
      } else {
        ASSERT_EQ(status.code(), kLost) << path << " " << i << status;
        ASSERT_THAT(std::string(status.message()), HasSubstr(path)) << i;
      }
    }
    bytes = whole.substr(0, whole.size() / 2);
    EXPECT_EQ(TileWriter::Open(files_, "log", kOrigin).status().code(), kLost) << path;
    bytes = whole;
  }
  files_.BytesOf("log/tile/0/001")[0] ^= 1;  // full; the hash above it is the newest of level 1
  EXPECT_THAT(std::string(TileWriter::Open(files_, "log", kOrigin).status().message()),
              testing::AllOf(HasSubstr("log/tile/1/000.p/2"), HasSubstr("log/tile/0/001")));
  files_.BytesOf("log/tile/0/001")[0] ^= 1;
  ASSERT_TRUE(files_.Remove("log/tile/0/002.p/88").ok());
  EXPECT_THAT(std::string(TileWriter::Open(files_, "log", kOrigin).status().message()),
              HasSubstr("log/tile/0/002.p/88: is missing"));
}

TEST_F(TileWriterTest, OpenRefusesAnotherLogAndABadOrigin) {
  ASSERT_TRUE(log_.PublishAt(3, *Open()).ok());
  EXPECT_EQ(TileWriter::Open(files_, "log", "other.example").status().code(), kLost);
  EXPECT_EQ(TileWriter::Open(files_, "log", "https://a/").status().code(), kMalformed);
  EXPECT_EQ(TileWriter::Open(files_, "", kOrigin).status().code(), kMalformed);
}

TEST_F(TileWriterTest, CheckNoticesAnythingGoneSwappedOrChanged) {
  const auto writer = Open();
  EXPECT_TRUE(writer->Check().ok());
  ASSERT_TRUE(log_.PublishAt(300, *writer).ok());
  const std::string older = files_.BytesOf("log/checkpoint");
  ASSERT_TRUE(log_.PublishAt(600, *writer).ok());
  EXPECT_TRUE(writer->Check().ok());
  for (const std::string path : {"log/checkpoint", "log/tile/0/002.p/88", "log/tile/1/000.p/2",
                                 "log/tile/entries/002.p/88"}) {
    std::string& bytes = files_.BytesOf(path);
    const std::string whole = bytes;
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    ExpectChanged(*writer, path);
    ASSERT_TRUE(files_.Remove(path).ok());
    ExpectChanged(*writer, path);
    files_.Put(path, whole);
    EXPECT_TRUE(writer->Check().ok());
  }
  files_.Put("log/checkpoint", older);
  ExpectChanged(*writer, "log/checkpoint");
}

TEST_F(TileWriterTest, WriteTilesRefusesTilesThatWereChangedBehindItsBack) {
  const auto writer = Open();
  ASSERT_TRUE(log_.PublishAt(600, *writer).ok());
  for (const std::string path :
       {"log/tile/0/002.p/88", "log/tile/1/000.p/2", "log/tile/entries/002.p/88"}) {
    std::string& bytes = files_.BytesOf(path);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    ExpectChanged(*writer, path);
    EXPECT_EQ(writer->WriteTiles(601, log_.Reader()).status().code(), kLost);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
  }
  EXPECT_TRUE(log_.PublishAt(601, *writer).ok());
}

TEST_F(TileWriterTest, PublishRefusesACheckpointOfOtherTiles) {
  const auto writer = Open();
  ASSERT_TRUE(writer->WriteTiles(300, log_.Reader()).ok());
  EXPECT_EQ(writer->Publish(log_.NoteAt(299)).code(), kMalformed);
  EXPECT_EQ(
      writer->Publish(*SignCheckpoint({kOrigin, 300, log_.RootAt(299)}, log_.signer())).code(),
      kMalformed);
  EXPECT_EQ(
      writer->Publish(*SignCheckpoint({"other.example", 300, log_.RootAt(300)}, log_.signer()))
          .code(),
      kMalformed);
  EXPECT_EQ(writer->Publish("no note").code(), kMalformed);
  EXPECT_FALSE(files_.Has("log/checkpoint"));
  EXPECT_TRUE(writer->Publish(log_.NoteAt(300)).ok());
}

TEST_F(TileWriterTest, RefusesASmallerSizeALongEntryAndPassesReadErrorsOn) {
  const auto writer = Open();
  ASSERT_TRUE(log_.PublishAt(10, *writer).ok());
  EXPECT_EQ(writer->WriteTiles(9, log_.Reader()).status().code(), kMalformed);
  EXPECT_EQ(writer->WriteTiles(11, [](uint64_t) { return std::string(kMaxEntryBytes + 1, 'a'); })
                .status()
                .code(),
            kMalformed);
  EXPECT_EQ(writer->WriteTiles(11, [](uint64_t) { return absl::AbortedError("database"); })
                .status()
                .code(),
            absl::StatusCode::kAborted);
  EXPECT_EQ(writer->size(), 10U);
  EXPECT_TRUE(log_.PublishAt(11, *writer).ok());
  EXPECT_EQ(*writer->WriteTiles(11, log_.Reader()), log_.RootAt(11));
}

TEST_F(TileWriterTest, FilesOfTheMachineAreReadableByEverybodyWhateverTheUmask) {
  const ScratchDirectory scratch;
  const std::string directory = scratch.path() + "/published/log";
  const mode_t before = umask(0077);
  absl::StatusOr<std::unique_ptr<TileWriter>> writer =
      TileWriter::Open(crypto::RealFileSystem(), directory + "/", kOrigin);
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_TRUE(log_.PublishAt(300, **writer).ok());
  umask(before);
  int files = 0;
  for (const auto& found : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat info {};
    ASSERT_EQ(stat(found.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, S_ISDIR(info.st_mode) ? 0755U : 0644U) << found.path();
    files += S_ISREG(info.st_mode) ? 1 : 0;
  }
  EXPECT_EQ(files, 6);
  EXPECT_TRUE((*writer)->Check().ok());
  EXPECT_TRUE(LogDirectory(directory).Verify(log_.Key()).ok());
  std::filesystem::remove_all(directory + "/tile");
  EXPECT_EQ((*writer)->Check().code(), kLost);
}

}  // namespace
}  // namespace kluis::audit::tile_writer_test
