#include "service/state_summary.h"

#include <algorithm>
#include <deque>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace kluis::service {
namespace {

constexpr size_t kRecordsPerTask = 4096;

using Records = std::vector<std::pair<std::string, std::string>>;

audit::StateDigest DigestOf(const Records& records) {
  audit::StateDigest digest;
  for (const auto& [key, value] : records) digest.Add(key, value);
  return digest;
}

}  // namespace

absl::StatusOr<StateSummary> Summarize(const storage::Reader& reader) {
  const size_t cores = std::max(1U, std::thread::hardware_concurrency());
  StateSummary summary;
  std::deque<std::future<audit::StateDigest>> tasks;
  Records records;
  const auto collect = [&] {
    summary.digest.Merge(tasks.front().get());
    tasks.pop_front();
  };
  const auto hand_out = [&] {
    if (tasks.size() == cores) collect();
    tasks.push_back(std::async(std::launch::async, DigestOf, std::exchange(records, {})));
  };
  const absl::Status scanned =
      reader.Scan(storage::Column::kState, "", [&](std::string_view key, std::string_view value) {
        ++summary.records;
        records.emplace_back(key, value);
        if (records.size() == kRecordsPerTask) hand_out();
        return true;
      });
  if (!records.empty()) hand_out();
  while (!tasks.empty()) collect();
  if (!scanned.ok()) return scanned;
  return summary;
}

}  // namespace kluis::service
