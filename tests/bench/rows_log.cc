// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/draft.h"
#include "service/publish/publisher.h"
#include "storage/layout.h"
#include "tests/bench/load.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kAppend = {"append_64_per_s", "1/s", 10'000, true};
constexpr Figure kOverhead = {"log_overhead_bytes", "B", 150, false};
constexpr Figure kCheckpoint = {"checkpoint_1m_ms", "ms", 50, false};
constexpr int kWriters = 64;
constexpr uint64_t kEntries = 1'000'000;
constexpr size_t kBatch = 500;
constexpr int kCheckpoints = 20;
constexpr size_t kBatchBytes = size_t{4} << 20;

// An officer lists its cases: allowed, and nothing but an entry comes of it.
service::Act Consultation() {
  service::Act act;
  act.kind = v1::LOG_KIND_CONSULTATION;
  act.command.set_method("ListCases");
  act.command.mutable_caller()->set_role(v1::ROLE_OFFICER);
  act.command.mutable_caller()->set_name("anna");
  act.command.mutable_read_case();
  return act;
}

absl::Status MeasureAppend(service::Ledger& ledger, Report& report) {
  std::vector<double> rates;
  std::vector<double> latencies;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("append: sample ", i + 1, " of ", report.plan().samples));
    const absl::StatusOr<Load> load = RunLoad(kWriters, report.plan().seconds, [&](int) {
      return ledger.Commit(Consultation()).status();
    });
    if (!load.ok()) return load.status();
    rates.push_back(load->per_second);
    latencies.insert(latencies.end(), load->latencies_ms.begin(), load->latencies_ms.end());
  }
  report.Add(kAppend, rates, latencies);
  report.Note(absl::StrCat("append: 64 threads, each entry synced before its writer goes on; p99 ",
                           Quantile(latencies, 0.99), " ms"));
  return absl::OkStatus();
}

absl::Status Fill(service::Ledger& ledger, const Report& report) {
  while (ledger.size() < kEntries) {
    std::vector<service::Act> acts(kBatch);
    for (service::Act& act : acts) {
      act = Consultation();
      // No such case, so refused; and no two entries, and so hashes, are the same.
      act.command.mutable_read_case()->set_case_id(client::NewRequestId().substr(0, 16));
    }
    const absl::StatusOr<service::Appended> appended = ledger.Append(std::move(acts));
    if (!appended.ok()) return appended.status();
    report.Progress(absl::StrCat("log: ", ledger.size(), " of ", kEntries, " entries"));
  }
  return absl::OkStatus();
}

absl::Status MeasureCheckpoint(service::Vault& vault, Report& report) {
  std::vector<double> times;
  for (int i = 0; i < kCheckpoints; ++i) {
    const auto committed = vault.ledger().Commit(Consultation());
    if (!committed.ok()) return committed.status();
    const auto start = std::chrono::steady_clock::now();
    const auto checkpoint = vault.publisher().Sign();
    if (!checkpoint.ok()) return checkpoint.status();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  report.Add(kCheckpoint, times);
  return absl::OkStatus();
}

// The log column as it is, but with empty entries, in a database of its own: entries compress, and
// would hide what stands beside them. Returns the bytes of its tables.
absl::StatusOr<double> BytesWithoutEntries(const storage::Database& log,
                                           const std::string& directory, uint64_t& entries) {
  storage::Database::Options options;
  options.path = directory + "/bare-log";
  options.create_if_missing = true;
  auto bare = storage::Database::Open(options);
  if (!bare.ok()) return bare.status();
  storage::Batch batch;
  absl::Status status;
  const absl::Status scanned =
      log.Scan(storage::Column::kLog, "", [&](std::string_view key, std::string_view value) {
        const bool entry = storage::EntryIndexOf(key).has_value();
        if (entry) ++entries;
        batch.Put(storage::Column::kLog, key, entry ? std::string_view() : value);
        if (batch.bytes() < kBatchBytes) return true;
        status = (*bare)->Write(std::exchange(batch, storage::Batch())).status();
        return status.ok();
      });
  for (const absl::Status& step :
       {scanned, status, (*bare)->WriteSynced(std::move(batch)), (*bare)->Flush(),
        (*bare)->Compact(storage::Column::kLog, "", "")}) {
    if (!step.ok()) return step;
  }
  const auto stats = (*bare)->GetStats();
  if (!stats.ok()) return stats.status();
  return static_cast<double>(stats->table_bytes[static_cast<size_t>(storage::Column::kLog)]);
}

// What the database and the published log keep beyond the entries' own bytes. The published bundles
// hold each entry a second time; that copy is the publication and not counted, but for the two
// bytes of its length.
absl::Status MeasureOverhead(const storage::Database& database, const std::string& directory,
                             Report& report) {
  uint64_t entries = 0;
  const absl::StatusOr<double> beside = BytesWithoutEntries(database, directory, entries);
  if (!beside.ok()) return beside.status();
  double hashes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory + "/log/tile")) {
    const bool bundle = file.path().string().find("/tile/entries/") != std::string::npos;
    if (file.is_regular_file() && !bundle) hashes += static_cast<double>(file.file_size());
  }
  const auto count = static_cast<double>(entries);
  report.Add(kOverhead, {(*beside + hashes) / count + 2});
  report.Note(absl::StrCat("log: beside each entry ", *beside / count,
                           " bytes in the database and ", hashes / count + 2,
                           " in the published log"));
  return absl::OkStatus();
}

}  // namespace

absl::Status LogRows(BenchVault& bench, const std::string& directory, Report& report) {
  service::Vault& vault = bench.daemon().vault();
  if (report.Wants(kAppend)) {
    const absl::Status measured = MeasureAppend(vault.ledger(), report);
    if (!measured.ok()) return measured;
  }
  if (!report.Wants(kCheckpoint) && !report.Wants(kOverhead)) return absl::OkStatus();
  absl::Status status = Fill(vault.ledger(), report);
  report.Progress("log: publishing");
  if (status.ok()) status = vault.publisher().Sign().status();
  if (status.ok() && report.Wants(kCheckpoint)) status = MeasureCheckpoint(vault, report);
  if (status.ok() && report.Wants(kOverhead)) {
    status = MeasureOverhead(vault.database(), directory, report);
  }
  return status;
}

}  // namespace kluis::bench
