// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "service/process/logging.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::logging_test {
namespace {

static_assert(!std::is_constructible_v<Word, std::string>);
static_assert(!std::is_constructible_v<Word, std::string_view>);
static_assert(!std::is_constructible_v<LogField, Word, std::string>);
static_assert(!std::is_constructible_v<LogField, Word, const char*>);
static_assert(!std::is_constructible_v<LogField, Word, double>);

std::vector<nlohmann::json> Lines(const std::string& path) {
  std::ifstream stream(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(Logger, WritesOneJsonObjectALineAtOnce) {
  ScratchDirectory scratch;
  const std::string path = scratch.path() + "/kluisd.log";
  auto logger = Logger::Create("info", path);
  ASSERT_TRUE(logger.ok()) << logger.status();
  (*logger)->Info("started", {{"port", 7443}, {"reflection", false}, {"mode", Word("sealed")}});
  (*logger)->Warn("slow", {{"log_index", ~uint64_t{0}}, {"delta", int64_t{-5}}});
  const auto lines = Lines(path);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["event"], "started");
  EXPECT_EQ(lines[0]["port"], 7443);
  EXPECT_EQ(lines[0]["reflection"], false);
  EXPECT_EQ(lines[0]["mode"], "sealed");
  EXPECT_EQ(lines[0]["time"].get<std::string>().size(), sizeof("2026-01-02T03:04:05.678Z") - 1);
  EXPECT_EQ(lines[1]["log_index"], ~uint64_t{0});
  EXPECT_EQ(lines[1]["delta"], -5);
}

TEST(Logger, DropsWhatIsBelowItsLevel) {
  ScratchDirectory scratch;
  const std::string path = scratch.path() + "/kluisd.log";
  auto logger = Logger::Create("warn", path);
  ASSERT_TRUE(logger.ok());
  (*logger)->Debug("a");
  (*logger)->Info("b");
  (*logger)->Warn("c");
  (*logger)->Error("d");
  const auto lines = Lines(path);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["event"], "c");
  EXPECT_EQ(lines[1]["event"], "d");
}

TEST(Logger, AppendsToAFileOfItsOwnerOnly) {
  ScratchDirectory scratch;
  const std::string path = scratch.path() + "/kluisd.log";
  for (int i = 0; i < 2; ++i) (*Logger::Create("info", path))->Info("started");
  EXPECT_EQ(Lines(path).size(), 2U);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(Logger, RefusesAnUnknownLevelAndAFileItCannotOpen) {
  ScratchDirectory scratch;
  EXPECT_EQ(Logger::Create("verbose", "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Logger::Create("info", scratch.path() + "/no/such/file").status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Logger::Create("error", "").ok());
}

TEST(Vocabulary, KnowsNothingButItsWords) {
  const std::vector<std::string> words = {"kluis.v1.SearchService/Identify", "WARRANT_EXPIRED",
                                          "Jan \"Jansen\""};
  const Vocabulary vocabulary(words);
  EXPECT_EQ(vocabulary.Find("WARRANT_EXPIRED").text(), "WARRANT_EXPIRED");
  EXPECT_EQ(vocabulary.Find("kluis.v1.SearchService/Identify").text(), words[0]);
  EXPECT_EQ(vocabulary.Find("Jan \"Jansen\"").text(), "other");
  EXPECT_EQ(vocabulary.Find("").text(), "other");
}

}  // namespace
}  // namespace kluis::service::logging_test
