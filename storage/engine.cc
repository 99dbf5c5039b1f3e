// SPDX-License-Identifier: Apache-2.0
#include "storage/engine.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "rocksdb/listener.h"
#include "rocksdb/transaction_log.h"
#include "storage/engine_log.h"
#include "storage/open_options.h"

namespace kluis::storage {
namespace {

// A compaction writes before it deletes. It is put off unless this much stays free.
constexpr std::uint64_t kFreeAfterCompaction = std::uint64_t{32} << 20;
// So does the flush before it, which gives back as much of the write-ahead log.
constexpr std::uint64_t kFreeAfterFlush = std::uint64_t{8} << 20;
// RocksDB knows one limit for all tables, and a flush over it fails the database. Only compactions
// are to be held back: the limit is so far off that no flush meets it, and compactions keep as far.
constexpr std::uint64_t kOutOfReach = std::uint64_t{1} << 50;

// So long CompactDeleted waits for scans that end soon.
constexpr std::chrono::milliseconds kPatience{200};
constexpr std::chrono::milliseconds kPatienceStep{5};

constexpr int kSteps = 4;  // of GetEach

template <class Condition>
bool WaitFor(const Condition& condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kPatienceStep);
  }
  return true;
}

// A failed background flush or compaction also fails the database, not only a failed call.
class FailOnBackgroundError final : public rocksdb::EventListener {
 public:
  explicit FailOnBackgroundError(GroupSync* group) : group_(group) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status*) override {
    group_->Fail();
  }

 private:
  GroupSync* group_;
};

absl::Status NoRoom() {
  return absl::ResourceExhaustedError("storage: too little space to rewrite the tables");
}

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Takes back one DisableFileDeletions. RocksDB 7 must be told that it is one and not all; 9 knows.
template <class Db>
rocksdb::Status EnableFileDeletions(Db& db) {
  if constexpr (requires { db.EnableFileDeletions(/*force=*/false); }) {
    return db.EnableFileDeletions(/*force=*/false);
  } else {
    return db.EnableFileDeletions();
  }
}

}  // namespace

absl::Status ReadError(const rocksdb::Status& status) {
  if (status.IsCorruption()) return absl::DataLossError("storage: damaged record");
  return absl::UnavailableError("storage: the disk failed a read");
}

absl::Status HeldOn() {
  return absl::FailedPreconditionError(
      "storage: a snapshot, a scan or a backup still holds what was deleted");
}

Engine::Engine(const Database::Options& options)
    : file_system(options.file_system != nullptr ? options.file_system
                                                 : rocksdb::FileSystem::Default()),
      path(options.path),
      env(rocksdb::NewCompositeEnv(file_system)),
      tables(rocksdb::NewSstFileManager(env.get(), file_system)),
      obsolete(env.get(), path),
      group([this] { return SyncWal(); }) {}

Engine::~Engine() {
  if (db == nullptr) return;
  if (group.status().ok()) group.Sync(group.last_ticket()).IgnoreError();
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  db->Close().PermitUncheckedError();
}

rocksdb::Status Engine::Open(bool create_if_missing) {
  rocksdb::DBOptions options = DatabaseOptions(create_if_missing, env.get(), &wal_order);
  options.listeners.push_back(std::make_shared<FailOnBackgroundError>(&group));
  options.info_log = std::make_shared<EngineLog>(path);
  options.sst_file_manager = tables;
  tables->SetCompactionBufferSize(kOutOfReach + kFreeAfterCompaction);
  MeasureSpace();  // the tables are not counted yet: compactions that Open starts have to fit
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(options, path, ColumnFamilies(), &handles, &opened);
  db.reset(opened);
  if (status.ok()) MeasureSpace();
  return status;
}

void Engine::MeasureSpace() {
  std::uint64_t free = 0;
  if (!file_system->GetFreeSpace(path, rocksdb::IOOptions(), &free, nullptr).ok()) return;
  tables->SetMaxAllowedSpaceUsage(tables->GetTotalSize() + free + kOutOfReach);
}

absl::Status Engine::SyncWal() {
  if (db->FlushWAL(/*sync=*/true).ok()) return absl::OkStatus();
  return absl::UnavailableError("storage: sync failed");
}

absl::StatusOr<std::optional<std::string>> Engine::Get(Column column, std::string_view key,
                                                       const rocksdb::Snapshot* snapshot) const {
  const absl::Status alive = group.status();
  if (!alive.ok()) return alive;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db->Get(options, Handle(column), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return ReadError(status);
  return std::optional<std::string>(std::move(value));
}

absl::Status Engine::ScanRange(Column column, std::string_view begin, std::string_view end,
                               const Reader::Visit& visit,
                               const rocksdb::Snapshot* snapshot) const {
  const absl::Status alive = group.status();
  if (!alive.ok()) return alive;
  const rocksdb::Slice upper(end.data(), end.size());
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> record(db->NewIterator(options, Handle(column)));
  for (record->Seek(begin); record->Valid(); record->Next()) {
    if (!visit(View(record->key()), View(record->value()))) return absl::OkStatus();
  }
  return record->status().ok() ? absl::OkStatus() : ReadError(record->status());
}

absl::Status Engine::GetEach(Column column, std::span<const std::string> keys,
                             const Reader::VisitEach& visit,
                             const rocksdb::Snapshot* snapshot) const {
  const absl::Status alive = group.status();
  if (!alive.ok()) return alive;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> record(db->NewIterator(options, Handle(column)));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const rocksdb::Slice key = keys[i];
    // To step over a few records is cheaper than to look for one.
    for (int steps = 0;
         i > 0 && steps < kSteps && record->Valid() && record->key().compare(key) < 0; ++steps) {
      record->Next();
    }
    if (i == 0 || (record->Valid() && record->key().compare(key) < 0)) record->Seek(key);
    if (!record->status().ok()) return ReadError(record->status());
    const bool found = record->Valid() && record->key() == key;
    if (!visit(i, found ? std::optional(View(record->value())) : std::nullopt)) break;
  }
  return absl::OkStatus();
}

bool Engine::HasSnapshotsBeforeDeleted() const {
  std::uint64_t count = 0;
  std::uint64_t oldest = 0;
  if (!db->GetIntProperty(rocksdb::DB::Properties::kNumSnapshots, &count)) return true;
  if (count == 0) return false;
  return !db->GetIntProperty(rocksdb::DB::Properties::kOldestSnapshotSequence, &oldest) ||
         oldest < deleted_at;
}

std::size_t Engine::TableCount(Column column) const {
  rocksdb::ColumnFamilyMetaData meta;
  db->GetColumnFamilyMetaData(Handle(column), &meta);
  return meta.file_count;
}

absl::StatusOr<bool> Engine::HasDeletions(Column column) {
  rocksdb::ColumnFamilyHandle* const handle = Handle(column);
  for (const std::string& property : {rocksdb::DB::Properties::kNumDeletesActiveMemTable,
                                      rocksdb::DB::Properties::kNumDeletesImmMemTables}) {
    std::uint64_t count = 0;
    if (!db->GetIntProperty(handle, property, &count) || count > 0) return true;
  }
  rocksdb::TablePropertiesCollection tables_of_column;
  const rocksdb::Status status = db->GetPropertiesOfAllTables(handle, &tables_of_column);
  if (!status.ok()) return ReadError(status);
  return std::any_of(tables_of_column.begin(), tables_of_column.end(),
                     [](const auto& table) { return table.second->num_deletions > 0; });
}

// A flush that meets a full disk fails the database.
bool Engine::HasRoomToFlush() const {
  std::uint64_t free = 0;
  if (!file_system->GetFreeSpace(path, rocksdb::IOOptions(), &free, nullptr).ok()) return true;
  std::uint64_t in_memory = 0;
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    std::uint64_t bytes = 0;
    db->GetIntProperty(handle, rocksdb::DB::Properties::kSizeAllMemTables, &bytes);
    in_memory += bytes;
  }
  return free >= kFreeAfterFlush + in_memory;
}

// RocksDB deletes what it no longer needs some time later, in the background; this waits for that,
// then deletes what is left.
rocksdb::Status Engine::RemoveObsoleteFiles() {
  rocksdb::Status status = db->DisableFileDeletions();
  if (!status.ok()) return status;
  rocksdb::VectorLogPtr ignored;
  status = db->GetSortedWalFiles(ignored);  // with deletions disabled, waits for running ones
  const rocksdb::Status enabled = EnableFileDeletions(*db);
  return status.ok() ? enabled : status;
}

absl::Status Engine::Rewrite(Column column, std::span<const KeyRange> ranges) {
  const absl::Status alive = group.status();
  if (!alive.ok()) return alive;
  if (!HasRoomToFlush()) return NoRoom();
  std::set<std::string> logs;
  absl::Status status = Check(obsolete.Logs(logs));
  if (status.ok()) status = Check(db->Flush(rocksdb::FlushOptions(), handles));
  std::unique_ptr<rocksdb::LogFile> current;
  if (status.ok()) status = Check(db->GetCurrentWalFile(&current));
  if (!status.ok()) return status;
  // With nothing to flush the log goes on, and what comes into it now was not deleted before.
  logs.erase(std::filesystem::path(current->PathName()).filename().string());
  rocksdb::CompactRangeOptions options;
  // Also rewrites the lowest level, where a record may lie that was deleted above.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.canceled = &interrupt;
  MeasureSpace();
  for (const KeyRange& range : ranges) {
    const rocksdb::Slice first(range.begin.data(), range.begin.size());
    const rocksdb::Slice last(range.end.data(), range.end.size());
    const rocksdb::Status compacted =
        db->CompactRange(options, Handle(column), &first, range.end.empty() ? nullptr : &last);
    if (compacted.IsCompactionTooLarge()) return NoRoom();
    if (compacted.IsManualCompactionPaused()) {
      return absl::FailedPreconditionError("storage: a compaction was interrupted");
    }
    status = Check(compacted);
    if (!status.ok()) return status;
  }
  status = Check(RemoveObsoleteFiles());
  return status.ok() ? Check(obsolete.Gather(*db, logs)) : status;
}

bool Engine::WaitUntilOldFilesAreGone() {
  return WaitFor([this] { return obsolete.AllGone(*db); });
}

bool Engine::WaitUntilNoSnapshotSeesDeleted() const {
  return WaitFor([this] { return !HasSnapshotsBeforeDeleted(); });
}

}  // namespace kluis::storage
