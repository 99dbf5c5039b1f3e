// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "service/ledger/state_summary.h"
#include "storage/database.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::state_summary_test {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

// The digest and number of records of a database that has these, and something in another column.
StateSummary SummaryOf(const Records& records) {
  const ScratchDirectory scratch;
  storage::Database::Options options;
  options.path = scratch.path() + "/data";
  options.create_if_missing = true;
  const auto database = storage::Database::Open(options);
  EXPECT_TRUE(database.ok()) << database.status();
  storage::Batch batch;
  for (const auto& [key, value] : records) batch.Put(storage::Column::kState, key, value);
  batch.Put(storage::Column::kDetails, "key", "value");
  EXPECT_TRUE((*database)->WriteSynced(std::move(batch)).ok());
  const absl::StatusOr<StateSummary> summary = Summarize(**database);
  EXPECT_TRUE(summary.ok()) << summary.status();
  return *summary;
}

// The same by one thread.
audit::StateDigest DigestOf(const Records& records) {
  audit::StateDigest digest;
  for (const auto& [key, value] : records) digest.Add(key, value);
  return digest;
}

// The n-th: kinds and ids are spread over all bytes, and some keys are a kind alone.
std::pair<std::string, std::string> RecordOf(size_t n) {
  const std::string number = std::to_string(n);
  std::string key(1, static_cast<char>(n * 7));
  if (n >= 256) key += static_cast<char>(n * 37) + number;
  return {key, std::string(number.size() * 7, 'v') + number};
}

TEST(StateSummary, OfManyThreadsIsThatOfOne) {
  Records records;
  for (const size_t count : {size_t{0}, size_t{1}, size_t{256}, size_t{20'000}}) {
    while (records.size() < count) records.push_back(RecordOf(records.size()));
    const StateSummary summary = SummaryOf(records);
    EXPECT_EQ(summary.records, count);
    EXPECT_EQ(summary.digest.Value(), DigestOf(records).Value()) << count;
  }
  std::reverse(records.begin(), records.end());
  EXPECT_EQ(SummaryOf(records).digest.Value(), DigestOf(records).Value());
  records[12'345].second += "x";
  const crypto::Hash altered = SummaryOf(records).digest.Value();
  records[12'345].second.pop_back();
  EXPECT_NE(altered, DigestOf(records).Value());
}

}  // namespace
}  // namespace kluis::service::state_summary_test
