// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "audit/replay/scratch_state.h"
#include "policy/record_key.h"

namespace kluis::audit::scratch_state_test {
namespace {

using Records = std::map<std::string, std::string>;

ScratchState::Options Tiny() {
  ScratchState::Options options;
  options.memory_bytes = 32 * 1024;
  options.filter_bytes = 1024;  // soon full: then every look-up asks the database
  options.segment_bytes = 1000;
  return options;
}

std::unique_ptr<ScratchState> Make(const ScratchState::Options& options) {
  auto state = ScratchState::Create(options);
  EXPECT_TRUE(state.ok()) << state.status();
  return *std::move(state);
}

Records AllOf(const ScratchState& state, std::string_view prefix = "") {
  Records all;
  EXPECT_TRUE(state
                  .ForEachUnder(prefix,
                                [&](std::string_view key, std::string_view value) {
                                  EXPECT_TRUE(all.emplace(key, value).second) << "twice: " << key;
                                })
                  .ok());
  return all;
}

std::optional<std::string> Find(const Records& records, const std::string& key) {
  const auto found = records.find(key);
  if (found == records.end()) return std::nullopt;
  return found->second;
}

class Comparison {
 public:
  Comparison(const ScratchState::Options& options, uint64_t seed)
      : state_(Make(options)), random_(seed) {}

  void Step() {
    const std::string key = "key " + std::to_string(Below(Below(4) == 0 ? 20 : 3000));
    const auto expected = Find(plain_, key);
    switch (Below(4)) {
      case 0:
        EXPECT_EQ(state_->Read(key).value(), expected);
        return;
      case 1:
        EXPECT_EQ(state_->Write(key, std::nullopt).value(), expected);
        plain_.erase(key);
        return;
      default:
        const std::string value(Below(80), static_cast<char>('a' + Below(26)));
        EXPECT_EQ(state_->Write(key, value).value(), expected);
        plain_[key] = value;
    }
  }

  void CheckAll() {
    EXPECT_EQ(AllOf(*state_), plain_);
    for (const auto& [key, value] : plain_) EXPECT_EQ(state_->Read(key).value(), value);
  }

  const ScratchState& state() const { return *state_; }

 private:
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  std::unique_ptr<ScratchState> state_;
  std::mt19937_64 random_;
  Records plain_;
};

TEST(ScratchState, IsAPlainMapWhateverSpills) {
  const char* text = std::getenv("KLUIS_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
  std::printf("KLUIS_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Comparison tiny(Tiny(), seed);
  for (int i = 0; i < 60'000 && !testing::Test::HasFailure(); ++i) {
    tiny.Step();
    if (i % 10'000 == 9'999) tiny.CheckAll();
  }
  EXPECT_GT(tiny.state().spilled(), 1000u);
}

TEST(ScratchState, IsAPlainMapThatNeverSpills) {
  Comparison roomy({}, 7);
  for (int i = 0; i < 20'000; ++i) roomy.Step();
  roomy.CheckAll();
  EXPECT_EQ(roomy.state().spilled(), 0u);
}

TEST(ScratchState, StaysWithinItsBudget) {
  const auto state = Make(Tiny());
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(state->Write("key " + std::to_string(i), std::string(20, 'v')).ok());
    ASSERT_LE(state->memory(), Tiny().memory_bytes + Tiny().segment_bytes + 16 * 1024);
  }
  EXPECT_EQ(AllOf(*state).size(), 20'000u);
}

TEST(ScratchState, KeepsWhatIsReadInMemory) {
  const auto state = Make(Tiny());
  ASSERT_TRUE(state->Write("hot", "value").ok());
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(state->Write("key " + std::to_string(i), std::string(20, 'v')).ok());
    if (i % 10 == 0) {
      ASSERT_EQ(state->Read("hot").value(), "value");
    }
  }
  // Rewritten in memory, so that its copy on disk would be the old one.
  ASSERT_EQ(state->Write("hot", "new").value(), "value");
  EXPECT_EQ(state->Read("hot").value(), "new");
}

TEST(ScratchState, ForgetsARemovedRecordThatStandsOnDisk) {
  const auto state = Make(Tiny());
  ASSERT_TRUE(state->Write("cold", "value").ok());
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(state->Write("key " + std::to_string(i), std::string(20, 'v')).ok());
  }
  EXPECT_EQ(state->Write("cold", std::nullopt).value(), "value");
  EXPECT_EQ(state->Read("cold").value(), std::nullopt);
  for (int i = 5'000; i < 10'000; ++i) {  // the removal spills too
    ASSERT_TRUE(state->Write("key " + std::to_string(i), std::string(20, 'v')).ok());
  }
  EXPECT_EQ(state->Read("cold").value(), std::nullopt);
  EXPECT_EQ(AllOf(*state, "cold").size(), 0u);
}

TEST(ScratchState, ListsWhatIsUnderAPrefixInMemoryAndOnDisk) {
  const auto state = Make(Tiny());
  Records expected;
  for (int i = 0; i < 3'000; ++i) {
    const std::string key = (i % 3 == 0 ? "one/" : "two/") + std::to_string(i);
    ASSERT_TRUE(state->Write(key, "v").ok());
    if (i % 3 == 0) expected[key] = "v";
  }
  ASSERT_GT(state->spilled(), 0u);
  EXPECT_EQ(AllOf(*state, "one/"), expected);
}

TEST(ScratchState, TakesEmptyValuesAndRefusesEmptyAndTooLongKeys) {
  const auto state = Make(Tiny());
  EXPECT_TRUE(state->Write("empty", "").ok());
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(state->Write("key " + std::to_string(i), "").ok());
  }
  EXPECT_EQ(state->Read("empty").value(), "");
  EXPECT_EQ(state->Write("", "v").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(state->Write(std::string(1000, 'k'), "v").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ScratchState, ForgetsTheParsedRecordThatIsWritten) {
  const auto state = Make({});
  v1::AuthorityRecord record;
  record.set_name("before");
  const std::string key = policy::key::Authority(std::string(16, 'a'));
  ASSERT_TRUE(state->Write(key, record.SerializeAsString()).ok());
  ASSERT_EQ((*policy::FindShared<v1::AuthorityRecord>(*state, key))->name(), "before");
  record.set_name("after");
  ASSERT_TRUE(state->Write(key, record.SerializeAsString()).ok());
  EXPECT_EQ((*policy::FindShared<v1::AuthorityRecord>(*state, key))->name(), "after");
}

}  // namespace
}  // namespace kluis::audit::scratch_state_test
