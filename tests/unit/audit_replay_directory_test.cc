// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "audit/log/log_directory.h"
#include "audit/note.h"
#include "audit/replay/details.h"
#include "audit/replay/replay.h"
#include "tests/fakes/long_log.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::audit::replay_directory_test {
namespace {

using testing::HasSubstr;

constexpr uint64_t kEntries = 6000;

class ReplayDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<ReplayReport> Replayed(const ReplayOptions& options = {}) const {
    return ReplayDirectory(directory_.path(), key_, {}, 0, options);
  }
  std::string PathOf(const std::string& file) const { return directory_.path() + "/" + file; }

  ScratchDirectory directory_;
  VerifierKey key_ = WriteLongLog(directory_.path(), kEntries, 3);
};

TEST_F(ReplayDirectoryTest, FindsNothingInALongHonestLogThatVerifies) {
  const auto verified = LogDirectory(directory_.path()).Verify(key_);
  ASSERT_TRUE(verified.ok()) << verified.status();
  uint64_t told = 0;
  ReplayOptions options;
  options.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, told);
    EXPECT_LE(done, total);
    told = done;
  };
  const auto report = Replayed(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->clean()) << ReplayText(*report, 20);
  EXPECT_EQ(told, report->checkpoint.size);
  EXPECT_GE(report->checkpoint.size, kEntries);
  EXPECT_GT(report->decisions.erased, 0u);
  EXPECT_GT(report->completeness.searches, 0u);
  EXPECT_EQ(report->integrity.root, report->checkpoint.root);
}

TEST_F(ReplayDirectoryTest, SaysTheSameWithTheLeastMemoryAndAnyNumberOfThreads) {
  const auto expected = Replayed();
  ASSERT_TRUE(expected.ok());
  for (const size_t threads : {1, 3}) {
    ReplayOptions options;
    options.threads = threads;
    options.scratch.memory_bytes = 256 * 1024;
    options.scratch.filter_bytes = 16 * 1024;
    options.scratch.segment_bytes = 72 * 1024;
    const auto report = Replayed(options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(ReplayJson(*report, 20), ReplayJson(*expected, 20));
  }
}

TEST_F(ReplayDirectoryTest, NamesTheEntryThatWasChanged) {
  const std::string path = PathOf("tile/entries/003");
  std::ifstream stream(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  const auto report = Replayed();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->clean());
  EXPECT_THAT(std::string(report->integrity.status.message()), HasSubstr("768"));
}

TEST_F(ReplayDirectoryTest, WantsItsCheckpointItsKeyAndItsWitnesses) {
  const auto witness = VerifierKey::Create("witness.example/w", KeyType::kEd25519Cosignature,
                                           crypto::SigningKey::Generate().public_key());
  const auto cosigned = ReplayDirectory(directory_.path(), key_, {*witness}, 1, {});
  EXPECT_EQ(cosigned.status().code(), absl::StatusCode::kDataLoss);
  const auto other = VerifierKey::Create(key_.name(), KeyType::kEd25519,
                                         crypto::SigningKey::Generate().public_key());
  EXPECT_EQ(ReplayDirectory(directory_.path(), *other, {}, 0, {}).status().code(),
            absl::StatusCode::kDataLoss);
  std::filesystem::remove(PathOf("checkpoint"));
  EXPECT_EQ(Replayed().status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kluis::audit::replay_directory_test
