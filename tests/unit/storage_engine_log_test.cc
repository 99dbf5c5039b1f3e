// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "storage/engine_log.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/small_file_system.h"

namespace kluis::storage::engine_log_test {
namespace {

void Say(EngineLog& log, rocksdb::InfoLogLevel level, const std::string& text) {
  rocksdb::Log(level, &log, "%s", text.c_str());
}

TEST(EngineLog, KeepsWarningsAndErrorsOnly) {
  const ScratchDirectory scratch;
  EngineLog log(scratch.path());
  Say(log, rocksdb::InfoLogLevel::DEBUG_LEVEL, "a key");
  Say(log, rocksdb::InfoLogLevel::INFO_LEVEL, "a key");
  rocksdb::Header(&log, "options");
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/LOG"));
  Say(log, rocksdb::InfoLogLevel::WARN_LEVEL, "slow");
  Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, "bad");
  const std::string text = FileBytes(scratch.path() + "/LOG");
  EXPECT_NE(text.find("slow\n"), std::string::npos) << text;
  EXPECT_NE(text.find("bad\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("a key"), std::string::npos) << text;
  struct stat file {};
  ASSERT_EQ(stat((scratch.path() + "/LOG").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST(EngineLog, KeepsTheFileOfTheLastOpen) {
  const ScratchDirectory scratch;
  for (const char* text : {"first", "second"}) {
    EngineLog log(scratch.path());
    Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, text);
  }
  EXPECT_NE(FileBytes(scratch.path() + "/LOG").find("second"), std::string::npos);
  EXPECT_NE(FileBytes(scratch.path() + "/LOG.old").find("first"), std::string::npos);
}

TEST(EngineLog, CutsLongLinesAndStopsAtItsLimit) {
  const ScratchDirectory scratch;
  EngineLog log(scratch.path());
  for (int i = 0; i < 1000; ++i) {
    Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, std::string(5000, 'x'));
  }
  const std::string text = FileBytes(scratch.path() + "/LOG");
  EXPECT_LE(text.size(), EngineLog::kMaxBytes);
  EXPECT_GT(text.size(), EngineLog::kMaxBytes - 4096);
  EXPECT_LT(text.find('\n'), 2048u);
  EXPECT_EQ(text.back(), '\n');
}

TEST(EngineLog, SaysNothingWithoutADirectory) {
  const ScratchDirectory scratch;
  EngineLog log(scratch.path() + "/none");
  Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, "bad");
  std::filesystem::create_directory(scratch.path() + "/none");
  Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, "worse");
  EXPECT_NE(FileBytes(scratch.path() + "/none/LOG").find("worse"), std::string::npos);
}

TEST(EngineLog, LosesLinesOnAFullDiskAndGoesOn) {
  SmallFileSystem disk(/*mib=*/1);
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  EngineLog log(disk.path());
  Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, "before");
  disk.Fill();
  for (int i = 0; i < 1000; ++i) {
    Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, std::string(100, 'x'));
  }
  disk.Empty();
  Say(log, rocksdb::InfoLogLevel::ERROR_LEVEL, "after");
  EXPECT_NE(FileBytes(disk.path() + "/LOG").find("before"), std::string::npos);
  EXPECT_NE(FileBytes(disk.path() + "/LOG").find("after"), std::string::npos);
}

}  // namespace
}  // namespace kluis::storage::engine_log_test
