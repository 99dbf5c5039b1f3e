// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "audit/log/verify_log.h"
#include "base/codec.h"

namespace kluis::audit::verify_log_test {
namespace {

using testing::HasSubstr;

constexpr auto kFails = absl::StatusCode::kDataLoss;

// The golden log's checkpoint at size 1000.
Checkpoint Golden() {
  Checkpoint checkpoint{"vault.example/audit", 1000, {}};
  const std::string root = *base::FromBase64("NGxrnLicS3b6ydyyDNqG46AcCldBfBOQKOrNRTj96Vs=");
  std::copy(root.begin(), root.end(), checkpoint.root.begin());
  return checkpoint;
}

// "entry 0" to "entry <count - 1>"; entry `changed` reads otherwise.
class CountedEntries {
 public:
  explicit CountedEntries(uint64_t count, uint64_t changed = ~uint64_t{0})
      : count_(count), changed_(changed) {}

  EntryReader Reader() {
    return [this]() -> absl::StatusOr<std::optional<std::string>> {
      if (next_ == count_) return std::nullopt;
      const uint64_t i = next_++;
      return (i == changed_ ? "Entry " : "entry ") + std::to_string(i);
    };
  }

  uint64_t given() const { return next_; }

 private:
  uint64_t count_;
  uint64_t changed_;
  uint64_t next_ = 0;
};

TEST(VerifyEntries, ReproducesTheGoldenRoot) {
  CountedEntries entries(1000);
  const absl::StatusOr<LogReport> report = VerifyEntries(entries.Reader(), Golden());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->entries, 1000U);
  EXPECT_EQ(report->root, Golden().root);
}

TEST(VerifyEntries, AcceptsTheEmptyLog) {
  CountedEntries entries(0);
  const auto report = VerifyEntries(entries.Reader(), {"vault.example/audit", 0, EmptyRoot()});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->entries, 0U);
}

TEST(VerifyEntries, RefusesAnyChangedEntryAndSaysBothRoots) {
  for (const uint64_t changed : {0, 1, 255, 256, 511, 998, 999}) {
    CountedEntries entries(1000, changed);
    const absl::Status status = VerifyEntries(entries.Reader(), Golden()).status();
    EXPECT_EQ(status.code(), kFails);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(base::ToHex(crypto::Bytes(Golden().root))));
  }
}

TEST(VerifyEntries, RefusesALogThatIsTooShortAndSaysBothSizes) {
  CountedEntries entries(999);
  const absl::Status status = VerifyEntries(entries.Reader(), Golden()).status();
  EXPECT_EQ(status.code(), kFails);
  EXPECT_THAT(std::string(status.message()), HasSubstr("999"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("1000"));
}

TEST(VerifyEntries, RefusesAnEntryBeyondTheCheckpointAndStopsThere) {
  CountedEntries entries(5000);
  EXPECT_EQ(VerifyEntries(entries.Reader(), Golden()).status().code(), kFails);
  EXPECT_EQ(entries.given(), 1001U);
}

TEST(VerifyEntries, PassesAReadErrorOn) {
  const EntryReader broken = []() -> absl::StatusOr<std::optional<std::string>> {
    return absl::UnavailableError("disk");
  };
  EXPECT_EQ(VerifyEntries(broken, Golden()).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kluis::audit::verify_log_test
