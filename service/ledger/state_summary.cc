// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/state_summary.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kluis::service {
namespace {

// A task is a range of keys: one kind of record (the first byte), and a sixteenth of the ids.
constexpr size_t kTasks = size_t{256} * 16;

// The first key of a task, which ends the one before it. Empty: no beginning, and no end.
std::string KeyOf(size_t task) {
  if (task == 0 || task == kTasks) return "";
  return {static_cast<char>(task >> 4), static_cast<char>((task & 15) << 4)};
}

// Does tasks until none is left.
absl::StatusOr<StateSummary> SummarizeSome(const storage::Reader& reader,
                                           std::atomic<size_t>& next) {
  StateSummary summary;
  for (size_t task = next++; task < kTasks; task = next++) {
    const absl::Status scanned =
        reader.ScanRange(storage::Column::kState, KeyOf(task), KeyOf(task + 1),
                         [&](std::string_view key, std::string_view value) {
                           ++summary.records;
                           summary.digest.Add(key, value);
                           return true;
                         });
    if (!scanned.ok()) return scanned;
  }
  return summary;
}

}  // namespace

absl::StatusOr<StateSummary> Summarize(const storage::Reader& reader) {
  std::atomic<size_t> next = 0;
  std::vector<std::future<absl::StatusOr<StateSummary>>> threads;
  for (size_t cores = std::max(1U, std::thread::hardware_concurrency()); cores > 0; --cores) {
    threads.push_back(std::async(std::launch::async, [&] { return SummarizeSome(reader, next); }));
  }
  StateSummary summary;
  absl::Status status;
  for (auto& thread : threads) {
    const absl::StatusOr<StateSummary> part = thread.get();
    status.Update(part.status());
    if (!part.ok()) continue;  // the others still read
    summary.records += part->records;
    summary.digest.Merge(part->digest);
  }
  if (!status.ok()) return status;
  return summary;
}

}  // namespace kluis::service
