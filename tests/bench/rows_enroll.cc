// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/failure.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "policy/record_key.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "storage/layout.h"
#include "tests/bench/load.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kEnrollPerSecond = {"enroll_per_s", "1/s", 2000, true};
constexpr Figure kEnrollVsRocksDb = {"enroll_vs_rocksdb", "ratio", 0.12, true};
constexpr char kPurpose[] = "bench-enroll";
constexpr uint64_t kWarmUp = 2000;  // enrolments

// Keys and bytes, of keys and values, in one batch or in a database.
struct Footprint {
  double keys = 0;
  double bytes = 0;
};

absl::StatusOr<Footprint> Measure(const storage::Reader& reader) {
  Footprint all;
  for (const storage::Column column : storage::kColumns) {
    const absl::Status scanned =
        reader.Scan(column, "", [&](std::string_view key, std::string_view value) {
          all.keys += 1;
          all.bytes += static_cast<double>(key.size() + value.size());
          return true;
        });
    if (!scanned.ok()) return scanned;
  }
  return all;
}

// What one enrolment writes: what `count` of them left, and the two records that each rewrites.
absl::StatusOr<Footprint> OfOneEnrolment(const storage::Reader& reader, const Footprint& before,
                                         double count) {
  const absl::StatusOr<Footprint> after = Measure(reader);
  if (!after.ok()) return after;
  Footprint one{(after->keys - before.keys) / count, (after->bytes - before.bytes) / count};
  const std::pair<storage::Column, std::string> rewritten[] = {
      {storage::Column::kLog, storage::LogSizeKey()},
      {storage::Column::kState, policy::key::Slots()}};
  for (const auto& [column, key] : rewritten) {
    const auto value = reader.Get(column, key);
    if (!value.ok()) return value.status();
    if (!value->has_value()) return absl::DataLossError("a record of every enrolment is missing");
    one.keys += 1;
    one.bytes += static_cast<double>(key.size() + (*value)->size());
  }
  return one;
}

// Enrolls people who are new in each run.
class Enroller {
 public:
  explicit Enroller(BenchVault& vault) : vault_(vault) {}

  absl::Status Connect() {
    auto channels = vault_.ConnectClients(kRegistrar);
    if (!channels.ok()) return channels.status();
    for (const auto& channel : *channels) {
      stubs_.push_back(v1::EnrollmentService::NewStub(channel));
    }
    return absl::OkStatus();
  }

  // At most `count` enrolments within `seconds`; signing and the templates are not in the time.
  absl::StatusOr<Load> Run(uint64_t count, double seconds) {
    const auto requests = vault_.Enrollments(kPurpose, next_person_, count);
    if (!requests.ok()) return requests.status();
    next_person_ += count;
    std::atomic<size_t> next = 0;
    return RunLoad(kClients, seconds, [&](int client) {
      const size_t i = next++;
      if (i >= requests->size()) return absl::OutOfRangeError("all enrolled");
      grpc::ClientContext context;
      v1::EnrollResponse response;
      return client::FromServer(
          stubs_[static_cast<size_t>(client)]->Enroll(&context, (*requests)[i], &response));
    });
  }

 private:
  BenchVault& vault_;
  uint64_t next_person_ = 0;
  std::vector<std::unique_ptr<v1::EnrollmentService::Stub>> stubs_;
};

// RocksDB with its defaults; threads that write at the same time share one sync there too.
class PlainRocksDb {
 public:
  absl::Status Open(const std::string& path) {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(options, path, &db);
    db_.reset(db);
    return status.ok() ? absl::OkStatus() : absl::UnavailableError(status.ToString());
  }

  // Synced batches of that size, with random keys and bytes that do not compress.
  absl::StatusOr<Load> Run(const Footprint& batch, double seconds) {
    const auto keys = static_cast<size_t>(batch.keys + 0.5);
    const size_t record = static_cast<size_t>(batch.bytes) / keys;
    std::vector<client::Xoshiro256pp> random;
    for (int i = 0; i < kClients; ++i) random.emplace_back(++seed_);
    return RunLoad(kClients, seconds, [&](int client) {
      rocksdb::WriteBatch writes;
      std::string bytes(record, '\0');
      for (size_t i = 0; i < keys; ++i) {
        for (size_t at = 0; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
          const uint64_t word = random[static_cast<size_t>(client)].Next();
          std::memcpy(bytes.data() + at, &word, sizeof word);
        }
        const rocksdb::Slice key(bytes.data(), std::min<size_t>(bytes.size(), 24));
        writes.Put(key, rocksdb::Slice(bytes.data() + key.size(), bytes.size() - key.size()));
      }
      rocksdb::WriteOptions options;
      options.sync = true;
      const rocksdb::Status status = db_->Write(options, &writes);
      return status.ok() ? absl::OkStatus() : absl::UnavailableError(status.ToString());
    });
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  uint64_t seed_ = 0;
};

}  // namespace

absl::Status EnrollRows(BenchVault& vault, const std::string& directory, Report& report) {
  const bool compare = report.Wants(kEnrollVsRocksDb);
  if (!compare && !report.Wants(kEnrollPerSecond)) return absl::OkStatus();
  report.Progress("enroll: preparing");
  absl::Status status = vault.RegisterPurpose(kPurpose);
  if (!status.ok()) return status;
  Enroller enroller(vault);
  status = enroller.Connect();
  if (!status.ok()) return status;

  const storage::Reader& reader = vault.daemon().vault().database();
  const absl::StatusOr<Footprint> before = Measure(reader);
  if (!before.ok()) return before.status();
  const absl::StatusOr<Load> warm_up = enroller.Run(kWarmUp, 60);
  if (!warm_up.ok()) return warm_up.status();
  const absl::StatusOr<Footprint> one =
      OfOneEnrolment(reader, *before, static_cast<double>(warm_up->latencies_ms.size()));
  if (!one.ok()) return one.status();
  PlainRocksDb plain;
  if (compare) status = plain.Open(directory + "/plain-rocksdb");
  if (!status.ok()) return status;

  std::vector<double> rates;
  std::vector<double> plain_rates;
  std::vector<double> ratios;
  std::vector<double> latencies;
  std::vector<double> cpu;
  double fastest = warm_up->per_second;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("enroll: sample ", i + 1, " of ", report.plan().samples));
    const double seconds = report.plan().seconds;
    const absl::StatusOr<Load> load =
        enroller.Run(static_cast<uint64_t>(1.5 * fastest * seconds), seconds);
    if (!load.ok()) return load.status();
    fastest = std::max(fastest, load->per_second);
    rates.push_back(load->per_second);
    cpu.push_back(load->cpu_ms);
    latencies.insert(latencies.end(), load->latencies_ms.begin(), load->latencies_ms.end());
    if (!compare) continue;
    const absl::StatusOr<Load> writes = plain.Run(*one, seconds);
    if (!writes.ok()) return writes.status();
    plain_rates.push_back(writes->per_second);
    ratios.push_back(load->per_second / writes->per_second);
  }
  report.Add(kEnrollPerSecond, rates);
  report.Note(absl::StrCat("enroll: ", static_cast<int64_t>(one->bytes), " bytes in ",
                           static_cast<int64_t>(one->keys + 0.5), " records each; latency p50 ",
                           Quantile(latencies, 0.5), " ms, p99 ", Quantile(latencies, 0.99),
                           " ms with ", kClients, " clients; ", Quantile(cpu, 0.5),
                           " ms of CPU each, clients included"));
  if (compare) {
    report.Add(kEnrollVsRocksDb, ratios);
    report.Note(absl::StrCat("enroll: RocksDB alone syncs ",
                             static_cast<int64_t>(Quantile(plain_rates, 0.5)),
                             " such batches a second"));
  }
  return absl::OkStatus();
}

}  // namespace kluis::bench
