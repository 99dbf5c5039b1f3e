// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "audit/tiles.h"
#include "client/log_export.h"
#include "tests/fakes/fake_log.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::client::log_export_test {
namespace {

// Every file below `directory` by its path from there.
std::map<std::string, std::string> FilesOf(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& each : std::filesystem::recursive_directory_iterator(directory)) {
    if (!each.is_regular_file()) continue;
    std::ifstream file(each.path(), std::ios::binary);
    files[std::filesystem::relative(each.path(), directory).string()] =
        std::string((std::istreambuf_iterator<char>(file)), {});
  }
  return files;
}

absl::StatusOr<uint64_t> Export(FakeLog& log, const std::string& directory) {
  const absl::StatusOr<LogHead> head = ReadHead(log.session(), "");
  if (!head.ok()) return head.status();
  return ExportLog(log.session(), *head, directory, {});
}

TEST(ExportLog, WritesCheckpointKeyBundlesAndTheTilesOfAllLevels) {
  FakeLog log(600);
  const ScratchDirectory scratch;
  const std::string place = scratch.path() + "/copy";
  const absl::StatusOr<uint64_t> exported = Export(log, place);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(*exported, 0u);
  const std::map<std::string, std::string> files = FilesOf(place);
  std::string names;
  for (const auto& [name, bytes] : files) names += name + " ";
  EXPECT_EQ(names,
            "checkpoint tile/0/000 tile/0/001 tile/0/002.p/88 tile/1/000.p/2 tile/entries/000 "
            "tile/entries/001 tile/entries/002.p/88 vkey ");
  EXPECT_EQ(files.at("vkey"), log.VerifierKey() + "\n");
  EXPECT_EQ(files.at("checkpoint"), ReadHead(log.session(), "")->note);
  const auto last = audit::DecodeEntryBundle(files.at("tile/entries/002.p/88"), 88);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(last->back(), "entry 599");
}

TEST(ExportLog, GoesOnFromAnEarlierExportAndReadsOnlyWhatIsNew) {
  FakeLog log(600);
  const ScratchDirectory scratch;
  ASSERT_TRUE(Export(log, scratch.path() + "/grown").ok());
  log.GrowTo(1000);
  log.read = 0;
  const absl::StatusOr<uint64_t> again = Export(log, scratch.path() + "/grown");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, 600u);
  EXPECT_EQ(log.read, 400u);
  ASSERT_TRUE(Export(log, scratch.path() + "/fresh").ok());
  const std::map<std::string, std::string> grown = FilesOf(scratch.path() + "/grown");
  for (const auto& [name, bytes] : FilesOf(scratch.path() + "/fresh")) {
    ASSERT_TRUE(grown.contains(name)) << name;
    EXPECT_EQ(grown.at(name), bytes) << name;
  }
  log.read = 0;
  EXPECT_EQ(*Export(log, scratch.path() + "/grown"), 1000u);
  EXPECT_EQ(log.read, 0u);
}

TEST(ExportLog, LeavesNoCheckpointBesideEntriesThatDoNotLeadToIt) {
  FakeLog log(600);
  const ScratchDirectory scratch;
  log.shown[300] = "another entry";
  EXPECT_EQ(Export(log, scratch.path()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/checkpoint"));
}

TEST(ExportLog, KeepsAnEarlierExportWhenTheLogIsAnotherOrShorter) {
  FakeLog log(600);
  const ScratchDirectory scratch;
  ASSERT_TRUE(Export(log, scratch.path()).ok());
  const std::string checkpoint = FilesOf(scratch.path()).at("checkpoint");

  log.entries[17] = "another entry";  // the history is rewritten
  for (const size_t size : {600, 700}) {
    log.GrowTo(size);
    const absl::Status forked = Export(log, scratch.path()).status();
    EXPECT_EQ(forked.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(forked.message().find("another root"), std::string::npos) << forked;
  }
  log.entries.resize(500);
  log.Sign();
  const absl::Status shorter = Export(log, scratch.path()).status();
  EXPECT_EQ(shorter.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(shorter.message().find("600"), std::string::npos) << shorter;
  EXPECT_NE(shorter.message().find("500"), std::string::npos) << shorter;
  FakeLog other(600);
  const absl::Status foreign = Export(other, scratch.path()).status();
  EXPECT_EQ(foreign.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(foreign.message().find("vkey"), std::string::npos) << foreign;
  EXPECT_EQ(FilesOf(scratch.path()).at("checkpoint"), checkpoint);
}

}  // namespace
}  // namespace kluis::client::log_export_test
