// SPDX-License-Identifier: Apache-2.0
// Fails the n-th change of the disk, n = 1, 2, ... until none fails: once, from then on, and as a
// crash that also loses what was not synced.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "storage/database.h"
#include "tests/fakes/fault_file_system.h"
#include "tests/fakes/numbered_batches.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::write_fault_test {
namespace {

constexpr std::size_t kSize = 700;
constexpr std::uint64_t kBatches = 9;

// RocksDB rests for a second after each failed flush, so of the changes of kMaintenance, which
// flushes, every sixth is failed; of kWrites, each.
enum class Work { kWrites, kMaintenance };

struct Outcome {
  std::uint64_t acknowledged = 0;  // batches whose Sync returned OK
  std::uint64_t tried = 0;
  bool failed = false;
};

void ExpectFailedForGood(Database& database) {
  EXPECT_EQ(database.Write(NumberedBatch(99, 1)).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database.Sync(0).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database.Flush().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database.Compact(Column::kLog, "", "").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database.Get(Column::kLog, "m").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(database.TakeSnapshot().Get(Column::kLog, "m").status().code(),
            absl::StatusCode::kUnavailable);
}

// Opens, writes and syncs in turn, and with kMaintenance flushes and compacts, until something
// fails.
Outcome RunUntilFailure(const Database::Options& options, Work work) {
  Outcome outcome;
  const auto database = Database::Open(options);
  outcome.failed = !database.ok();
  for (std::uint64_t k = 0; k < kBatches && !outcome.failed; ++k) {
    outcome.tried = k + 1;
    const auto ticket = (*database)->Write(NumberedBatch(k, kSize));
    bool ok = ticket.ok();
    if (ok && k % 2 == 0) {  // every second batch waits for the sync of the next
      ok = (*database)->Sync(*ticket).ok();
      if (ok) outcome.acknowledged = k + 1;
    }
    if (ok && k == 2 && work == Work::kMaintenance) ok = (*database)->Flush().ok();
    if (ok && k == 5 && work == Work::kMaintenance)
      ok = (*database)->Compact(Column::kSealed, "", "").ok();
    outcome.failed = !ok;
    if (!ok) ExpectFailedForGood(**database);
  }
  return outcome;
}

void ExpectIntact(const Database::Options& options, const Outcome& outcome) {
  const auto reopened = Database::Open(options);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  const std::uint64_t count = CountNumberedBatches(**reopened, kSize);
  EXPECT_GE(count, outcome.acknowledged);
  EXPECT_LE(count, outcome.tried);
  ASSERT_TRUE((*reopened)->WriteSynced(NumberedBatch(count, kSize)).ok());
  EXPECT_EQ(CountNumberedBatches(**reopened, kSize), count + 1);
}

// Losing all or a part of the unsynced bytes alternates; n is the seed.
void ForEachChange(FaultFileSystem::Duration duration, bool lose_unsynced, Work work) {
  const std::uint64_t step = work == Work::kMaintenance ? 6 : 1;
  std::uint64_t n = 1;
  for (bool hit = true; hit; n += step) {
    SCOPED_TRACE("change " + std::to_string(n));
    const ScratchDirectory scratch;
    const auto file_system = std::make_shared<FaultFileSystem>();
    const Database::Options options = {scratch.path() + "/db", true, file_system};
    file_system->FailNth(n, duration);
    const Outcome outcome = RunUntilFailure(options, work);
    hit = file_system->hit();
    file_system->Heal();
    if (lose_unsynced) {
      std::minstd_rand random(static_cast<std::uint32_t>(n));
      file_system->LoseUnsynced([&](const auto&, std::uint64_t synced, std::uint64_t size) {
        if (n / step % 2 == 0) return synced;
        return std::uniform_int_distribution<std::uint64_t>(synced, size)(random);
      });
    }
    ExpectIntact(options, outcome);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(n, 50U) << "too few changes were seen: is the file system used?";
}

TEST(WriteFault, OneFailedChangeLosesNoAcknowledgedBatchAndLeavesNoPart) {
  ForEachChange(FaultFileSystem::Duration::kOnce, false, Work::kWrites);
}

TEST(WriteFault, ADiskThatFailsFromThenOnLosesNoAcknowledgedBatchAndLeavesNoPart) {
  ForEachChange(FaultFileSystem::Duration::kFromThenOn, false, Work::kWrites);
}

TEST(WriteFault, ACrashAtAnyChangeLosesNoAcknowledgedBatchAndLeavesNoPart) {
  ForEachChange(FaultFileSystem::Duration::kFromThenOn, true, Work::kWrites);
}

TEST(WriteFault, OneFailedChangeDuringFlushOrCompactionDoesNeither) {
  ForEachChange(FaultFileSystem::Duration::kOnce, false, Work::kMaintenance);
}

TEST(WriteFault, ACrashDuringFlushOrCompactionDoesNeither) {
  ForEachChange(FaultFileSystem::Duration::kFromThenOn, true, Work::kMaintenance);
}

}  // namespace
}  // namespace kluis::storage::write_fault_test
