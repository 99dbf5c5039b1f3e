// SPDX-License-Identifier: Apache-2.0
// Fails and cuts off every file operation of the tile writer in turn, n = 1, 2, ... until none
// fails, over a history of checkpoints: the directory always verifies at its checkpoint.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>

#include "audit/log/log_directory.h"
#include "audit/log/tile_writer.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/test_log.h"

namespace kluis::audit::tile_writer_fault_test {
namespace {

using crypto::MemoryFileSystem;
using Failure = MemoryFileSystem::Failure;
using Leaves = MemoryFileSystem::Leaves;

constexpr std::array<uint64_t, 9> kHistory = {1, 3, 255, 256, 257, 300, 512, 600, 800};
constexpr uint64_t kLast = 800;
constexpr int kMaxOperations = 2000;

const TestLog& Log() {
  static const TestLog log(kLast);
  return log;
}

absl::StatusOr<std::unique_ptr<TileWriter>> Open(MemoryFileSystem& files) {
  return TileWriter::Open(files, "log", TestLog::kOrigin);
}

// What a run of the history did before it ended or failed.
struct History {
  absl::Status status;
  uint64_t published = 0;  // the last size whose Publish returned OK
  uint64_t begun = 0;      // the size it was at
};

History Publish(MemoryFileSystem& files, uint64_t from = 0) {
  History history{absl::OkStatus(), from, from};
  const absl::StatusOr<std::unique_ptr<TileWriter>> writer = Open(files);
  history.status = writer.status();
  for (const uint64_t size : kHistory) {
    if (!history.status.ok()) break;
    if (size <= from) continue;
    history.begun = size;
    history.status = Log().PublishAt(size, **writer);
    if (history.status.ok()) history.published = size;
  }
  return history;
}

// The size at which the directory verifies; 0: there is no checkpoint.
absl::StatusOr<uint64_t> VerifiedSize(MemoryFileSystem& files) {
  VerifyOptions options;
  options.threads = 1;
  const auto report = LogDirectory("log", files).Verify(Log().Key(), options);
  if (absl::IsNotFound(report.status())) return 0;
  if (!report.ok()) return report.status();
  return report->log.entries;
}

// The directory verifies at a size that was published or was being published, and another writer
// goes on from there to the right root.
void ExpectWholeAndContinuable(MemoryFileSystem& files, const History& history) {
  files.FailAt(0, Failure::kOnce);
  const absl::StatusOr<uint64_t> size = VerifiedSize(files);
  ASSERT_TRUE(size.ok()) << size.status();
  ASSERT_TRUE(*size == history.published || *size == history.begun)
      << *size << " " << history.published << " " << history.begun;
  const History rest = Publish(files, *size);
  ASSERT_TRUE(rest.status.ok()) << rest.status;
  const absl::StatusOr<uint64_t> last = VerifiedSize(files);
  ASSERT_TRUE(last.ok()) << last.status();
  ASSERT_EQ(*last, kLast);
  ASSERT_FALSE(files.Has("log/.new"));
}

// Calls `run` with n = 1, 2, ... until it says that operation n was not reached.
template <typename Run>
void ForEachOperation(const Run& run) {
  int reached = 0;
  for (int n = 1; n < kMaxOperations; ++n) {
    SCOPED_TRACE(testing::Message() << "operation " << n);
    if (!run(n) || testing::Test::HasFatalFailure()) break;
    reached = n;
  }
  EXPECT_GT(reached, 100);
}

class TileWriterFault : public testing::TestWithParam<Leaves> {};

TEST_P(TileWriterFault, AnyFailingOperationLeavesALogThatVerifies) {
  ForEachOperation([&](int n) {
    MemoryFileSystem files;
    files.RequireDirectories();
    files.FailAt(n, Failure::kOnce, GetParam());
    const History history = Publish(files);
    if (!files.Failed()) return false;
    ExpectWholeAndContinuable(files, history);
    return true;
  });
}

TEST_P(TileWriterFault, TheSameWriterGoesOnWhenTheDiskWorksAgain) {
  ForEachOperation([&](int n) {
    MemoryFileSystem files;
    files.RequireDirectories();
    auto writer = Open(files);
    EXPECT_TRUE(writer.ok());
    files.FailAt(n, Failure::kOnce, GetParam());
    for (const uint64_t size : kHistory) {
      if (Log().PublishAt(size, **writer).ok()) continue;
      EXPECT_TRUE((*writer)->Check().ok()) << (*writer)->Check();
      const absl::Status again = Log().PublishAt(size, **writer);
      EXPECT_TRUE(again.ok()) << again;
    }
    if (!files.Failed()) return false;
    const absl::StatusOr<uint64_t> size = VerifiedSize(files);
    EXPECT_TRUE(size.ok() && *size == kLast) << size.status();
    // It lost nothing that it took for written, either.
    MemoryFileSystem crashed = files.AfterCrash(0);
    const absl::StatusOr<uint64_t> durable = VerifiedSize(crashed);
    EXPECT_TRUE(durable.ok() && *durable == kLast) << durable.status();
    return !testing::Test::HasFailure();
  });
}

TEST_P(TileWriterFault, AFullDiskThatIsFreedLaterLeavesALogThatVerifies) {
  ForEachOperation([&](int n) {
    MemoryFileSystem files;
    files.RequireDirectories();
    files.FailAt(n, Failure::kFromThenOn, GetParam());
    const History history = Publish(files);
    if (!files.Failed()) return false;
    ExpectWholeAndContinuable(files, history);
    return true;
  });
}

TEST_P(TileWriterFault, ACrashAnywhereLeavesALogThatVerifies) {
  ForEachOperation([&](int n) {
    MemoryFileSystem files;
    files.RequireDirectories();
    files.FailAt(n, Failure::kFromThenOn, GetParam());
    const History history = Publish(files);
    if (!files.Failed()) return false;
    // Of the names that were not synced the disk may have any first part.
    for (size_t kept = 0; kept <= files.pending(); ++kept) {
      SCOPED_TRACE(testing::Message() << kept << " of " << files.pending() << " names kept");
      MemoryFileSystem crashed = files.AfterCrash(kept);
      ExpectWholeAndContinuable(crashed, history);
      if (testing::Test::HasFatalFailure()) return false;
    }
    return true;
  });
}

TEST_P(TileWriterFault, ACrashDuringTheRunAfterACrashLeavesALogThatVerifies) {
  ForEachOperation([&](int n) {
    MemoryFileSystem files;
    files.RequireDirectories();
    files.FailAt(60, Failure::kFromThenOn, GetParam());  // in the tiles of size 255
    Publish(files);
    MemoryFileSystem second = files.AfterCrash(files.pending());
    second.FailAt(n, Failure::kFromThenOn, GetParam());
    const absl::StatusOr<std::unique_ptr<TileWriter>> opened = Open(second);
    Publish(second, opened.ok() ? (*opened)->size() : 0);
    if (!second.Failed()) return false;
    MemoryFileSystem third = second.AfterCrash(0);
    third.FailAt(0, Failure::kOnce);
    const absl::StatusOr<uint64_t> size = VerifiedSize(third);
    EXPECT_TRUE(size.ok()) << size.status();
    EXPECT_TRUE(Publish(third, size.ok() ? *size : 0).status.ok());
    return !testing::Test::HasFailure();
  });
}

INSTANTIATE_TEST_SUITE_P(, TileWriterFault, testing::Values(Leaves::kHalf, Leaves::kNothing),
                         [](const auto& leaves) {
                           return leaves.param == Leaves::kHalf ? "NoSpace" : "InputOutputError";
                         });

}  // namespace
}  // namespace kluis::audit::tile_writer_fault_test
