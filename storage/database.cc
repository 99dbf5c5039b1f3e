// SPDX-License-Identifier: Apache-2.0
#include "storage/database.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/write_batch.h"
#include "storage/engine.h"

namespace kluis::storage {
namespace {

absl::Status OpenError(const rocksdb::Status& status, const std::string& path) {
  const std::string text = status.ToString();
  const bool locked = status.IsIOError() && (text.find("While lock file") != std::string::npos ||
                                             text.find("lock hold by") != std::string::npos);
  if (locked) {
    return absl::FailedPreconditionError(
        absl::StrCat("storage: ", path, " is in use: another kluisd is running"));
  }
  const std::string message = absl::StrCat("storage: cannot open ", path, ": ", text);
  if (status.IsCorruption() || status.IsInvalidArgument()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

}  // namespace

Snapshot::Snapshot(const Engine* engine) : engine_(engine), snapshot_(engine->db->GetSnapshot()) {}

Snapshot::Snapshot(Snapshot&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)),
      snapshot_(std::exchange(other.snapshot_, nullptr)) {}

Snapshot& Snapshot::operator=(Snapshot&& other) noexcept {
  if (this == &other) return *this;
  Release();
  engine_ = std::exchange(other.engine_, nullptr);
  snapshot_ = std::exchange(other.snapshot_, nullptr);
  return *this;
}

Snapshot::~Snapshot() { Release(); }

void Snapshot::Release() {
  if (engine_ != nullptr) engine_->db->ReleaseSnapshot(snapshot_);
}

absl::StatusOr<std::optional<std::string>> Snapshot::Get(Column column,
                                                         std::string_view key) const {
  return engine_->Get(column, key, snapshot_);
}

absl::Status Snapshot::ScanRange(Column column, std::string_view begin, std::string_view end,
                                 const Visit& visit) const {
  return engine_->ScanRange(column, begin, end, visit, snapshot_);
}

absl::Status Snapshot::GetEach(Column column, std::span<const std::string> keys,
                               const VisitEach& visit) const {
  return engine_->GetEach(column, keys, visit, snapshot_);
}

Database::Database(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}

Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const Options& options) {
  if (options.path.empty()) return absl::InvalidArgumentError("path: must not be empty");
  auto engine = std::make_unique<Engine>(options);
  const rocksdb::IOStatus exists = engine->file_system->FileExists(
      absl::StrCat(options.path, "/CURRENT"), rocksdb::IOOptions(), nullptr);
  if (exists.IsNotFound() && !options.create_if_missing) {
    return absl::NotFoundError(absl::StrCat("storage: no database at ", options.path));
  }
  const rocksdb::Status status = engine->Open(options.create_if_missing);
  if (!status.ok()) return OpenError(status, options.path);
  return std::unique_ptr<Database>(new Database(std::move(engine)));
}

absl::StatusOr<std::optional<std::string>> Database::Get(Column column,
                                                         std::string_view key) const {
  return engine_->Get(column, key, nullptr);
}

absl::Status Database::ScanRange(Column column, std::string_view begin, std::string_view end,
                                 const Visit& visit) const {
  return engine_->ScanRange(column, begin, end, visit, nullptr);
}

absl::Status Database::GetEach(Column column, std::span<const std::string> keys,
                               const VisitEach& visit) const {
  return engine_->GetEach(column, keys, visit, nullptr);
}

absl::StatusOr<std::uint64_t> Database::Write(Batch&& batch) {
  const absl::Status alive = engine_->group.status();
  if (!alive.ok()) return alive;
  const Batch written = std::move(batch);
  rocksdb::WriteBatch changes(written.bytes() + 16 * written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    const Batch::Change change = written[i];
    rocksdb::ColumnFamilyHandle* column = engine_->Handle(change.column);
    rocksdb::Status status;
    switch (change.kind) {
      case Batch::Change::Kind::kPut:
        status = changes.Put(column, change.key, change.value);
        break;
      case Batch::Change::Kind::kDelete:
        status = changes.Delete(column, change.key);
        break;
    }
    if (!status.ok()) return absl::InvalidArgumentError("batch: a key or value is over 4 GiB");
  }
  const absl::Status applied =
      engine_->Check(engine_->db->Write(rocksdb::WriteOptions(), &changes));
  if (!applied.ok()) return applied;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const Batch::Change change = written[i];
    if (change.kind == Batch::Change::Kind::kDelete) CountAsDeleted(change.column, change.key);
  }
  return engine_->group.Written();
}

absl::Status Database::Sync(std::uint64_t ticket) { return engine_->group.Sync(ticket); }

absl::Status Database::SyncWritten() const {
  return engine_->group.Sync(engine_->group.last_ticket());
}

absl::Status Database::WriteSynced(Batch&& batch) {
  const absl::StatusOr<std::uint64_t> ticket = Write(std::move(batch));
  return ticket.ok() ? Sync(*ticket) : ticket.status();
}

Snapshot Database::TakeSnapshot() const { return Snapshot(engine_.get()); }

absl::Status Database::Flush() {
  const absl::Status alive = engine_->group.status();
  if (!alive.ok()) return alive;
  return engine_->Check(engine_->db->Flush(rocksdb::FlushOptions(), engine_->handles));
}

absl::Status Database::Compact(Column column, std::string_view begin, std::string_view end) {
  const Engine::KeyRange range{begin, end};
  return engine_->Rewrite(column, {&range, 1});
}

absl::StatusOr<bool> Database::CompactDeleted(Column column) {
  const absl::Status alive = engine_->group.status();
  if (!alive.ok()) return alive;
  DeletedKeys::InColumn deleted = engine_->deleted.Take(column);
  absl::Status status;
  if (deleted.all && !deleted.certain) {
    const absl::StatusOr<bool> left = engine_->HasDeletions(column);
    status = left.status();
    deleted.all = !left.ok() || *left;
  }
  if (status.ok() && deleted.empty()) {
    if (!engine_->WaitUntilOldFilesAreGone()) return HeldOn();
    return false;
  }
  if (status.ok() && !engine_->WaitUntilNoSnapshotSeesDeleted()) status = HeldOn();
  if (status.ok()) {
    std::vector<Engine::KeyRange> ranges;
    for (const std::string& key : deleted.keys) ranges.push_back({key, key});
    if (deleted.all || ranges.size() > engine_->TableCount(column)) ranges = {{"", ""}};
    status = engine_->Rewrite(column, ranges);
  }
  if (!status.ok()) {
    engine_->deleted.PutBack(column, deleted);
    return status;
  }
  if (!engine_->WaitUntilOldFilesAreGone()) return HeldOn();
  return true;
}

void Database::InterruptCompactions(bool interrupt) { engine_->interrupt = interrupt; }

void Database::CountAsDeleted(Column column, std::string_view key) {
  engine_->deleted.Add(column, key);
  engine_->deleted_at = engine_->db->GetLatestSequenceNumber();
}

absl::StatusOr<BackupInfo> Database::BackUp(const BackupPlace& place,
                                            const Backup::Progress& progress) {
  const absl::Status alive = engine_->group.status();
  if (!alive.ok()) return alive;
  return Backup::Create(*engine_->db, place, progress);
}

void Database::MeasureSpace() { engine_->MeasureSpace(); }

absl::Status Database::status() const { return engine_->group.status(); }

absl::StatusOr<Database::Stats> Database::GetStats() const {
  const absl::Status alive = engine_->group.status();
  if (!alive.ok()) return alive;
  Stats stats;
  for (const Column column : kColumns) {
    engine_->db->GetIntProperty(engine_->Handle(column),
                                rocksdb::DB::Properties::kTotalSstFilesSize,
                                &stats.table_bytes[static_cast<std::size_t>(column)]);
  }
  std::vector<rocksdb::Env::FileAttributes> files;
  const rocksdb::Status listed = engine_->env->GetChildrenFileAttributes(engine_->path, &files);
  if (!listed.ok()) return ReadError(listed);
  for (const rocksdb::Env::FileAttributes& file : files) stats.bytes_on_disk += file.size_bytes;
  stats.writes = engine_->group.last_ticket();
  stats.syncs = engine_->group.syncs();
  return stats;
}

}  // namespace kluis::storage
