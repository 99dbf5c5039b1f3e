#include "storage/database.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/listener.h"
#include "rocksdb/sst_file_manager.h"
#include "rocksdb/write_batch.h"
#include "storage/deleted_keys.h"
#include "storage/engine_log.h"
#include "storage/group_sync.h"
#include "storage/open_options.h"
#include "storage/wal_order.h"

namespace kluis::storage {
namespace {

// A compaction writes before it deletes. It is put off unless this much stays free.
constexpr std::uint64_t kFreeAfterCompaction = std::uint64_t{32} << 20;
// RocksDB knows one limit for all tables, and a flush over it fails the database. Only compactions
// are to be held back: the limit is so far off that no flush meets it, and compactions keep as far.
constexpr std::uint64_t kOutOfReach = std::uint64_t{1} << 50;

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

// RocksDB's text may quote a key, so it does not go further than this.
absl::Status ReadError(const rocksdb::Status& status) {
  if (status.IsCorruption()) return absl::DataLossError("storage: damaged record");
  return absl::UnavailableError("storage: the disk failed a read");
}

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

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace

// The open RocksDB and all it needs to outlive it, in the order of construction.
class Engine {
 public:
  explicit Engine(const Database::Options& options)
      : file_system(options.file_system != nullptr ? options.file_system
                                                   : rocksdb::FileSystem::Default()),
        path(options.path),
        env(rocksdb::NewCompositeEnv(file_system)),
        tables(rocksdb::NewSstFileManager(env.get(), file_system)),
        group([this] { return SyncWal(); }) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  ~Engine() {
    if (db == nullptr) return;
    if (group.status().ok()) group.Sync(group.last_ticket()).IgnoreError();
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    }
    db->Close().PermitUncheckedError();
  }

  rocksdb::Status Open(bool create_if_missing) {
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

  void MeasureSpace() {
    std::uint64_t free = 0;
    if (!file_system->GetFreeSpace(path, rocksdb::IOOptions(), &free, nullptr).ok()) return;
    tables->SetMaxAllowedSpaceUsage(tables->GetTotalSize() + free + kOutOfReach);
  }

  // OK, or the one error of a failed database; a failed `status` makes it so.
  absl::Status Check(const rocksdb::Status& status) {
    if (!status.ok()) group.Fail();
    return group.status();
  }

  absl::Status SyncWal() {
    if (db->FlushWAL(/*sync=*/true).ok()) return absl::OkStatus();
    return absl::UnavailableError("storage: sync failed");
  }

  rocksdb::ColumnFamilyHandle* Handle(Column column) const {
    return handles[static_cast<std::size_t>(column)];
  }

  absl::StatusOr<std::optional<std::string>> Get(Column column, std::string_view key,
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

  absl::Status ScanRange(Column column, std::string_view begin, std::string_view end,
                         const Reader::Visit& visit, const rocksdb::Snapshot* snapshot) const {
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

  bool HasSnapshots() const {
    std::uint64_t count = 0;
    return !db->GetIntProperty(rocksdb::DB::Properties::kNumSnapshots, &count) || count > 0;
  }

  // Whether a table or what is still in memory says that something was deleted.
  absl::StatusOr<bool> HasDeletions(Column column) {
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

  // RocksDB deletes what it no longer needs some time later, in the background; this waits for
  // that, then deletes what is left.
  rocksdb::Status RemoveObsoleteFiles() {
    rocksdb::Status status = db->DisableFileDeletions();
    if (!status.ok()) return status;
    rocksdb::VectorLogPtr ignored;
    status = db->GetSortedWalFiles(ignored);  // with deletions disabled, waits for running ones
    const rocksdb::Status enabled = db->EnableFileDeletions(/*force=*/false);
    return status.ok() ? enabled : status;
  }

  const std::shared_ptr<rocksdb::FileSystem> file_system;
  const std::string path;
  const std::unique_ptr<rocksdb::Env> env;
  const std::shared_ptr<rocksdb::SstFileManager> tables;
  WalOrder wal_order;
  GroupSync group;
  DeletedKeys deleted;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
};

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

absl::StatusOr<std::uint64_t> Database::Write(Batch&& batch) {
  const absl::Status alive = engine_->group.status();
  if (!alive.ok()) return alive;
  const Batch written = std::move(batch);
  rocksdb::WriteBatch changes(written.bytes() + 16 * written.changes().size());
  for (const Batch::Change& change : written.changes()) {
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
  for (const Batch::Change& change : written.changes()) {
    if (change.kind == Batch::Change::Kind::kDelete)
      engine_->deleted.Add(change.column, change.key);
  }
  return engine_->group.Written();
}

absl::Status Database::Sync(std::uint64_t ticket) { return engine_->group.Sync(ticket); }

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
  absl::Status status = Flush();
  if (!status.ok()) return status;
  rocksdb::CompactRangeOptions options;
  // Also rewrites the lowest level, where a record may lie that was deleted above.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const rocksdb::Slice first(begin.data(), begin.size());
  const rocksdb::Slice last(end.data(), end.size());
  MeasureSpace();
  const rocksdb::Status compacted = engine_->db->CompactRange(
      options, engine_->Handle(column), &first, end.empty() ? nullptr : &last);
  if (compacted.IsCompactionTooLarge()) {
    return absl::ResourceExhaustedError("storage: too little space to rewrite the tables");
  }
  status = engine_->Check(compacted);
  if (!status.ok()) return status;
  return engine_->Check(engine_->RemoveObsoleteFiles());
}

absl::StatusOr<bool> Database::CompactDeleted(Column column) {
  const absl::Status alive = engine_->group.status();
  if (!alive.ok()) return alive;
  const DeletedKeys::InColumn deleted = engine_->deleted.Take(column);
  if (!deleted.all && deleted.keys.empty()) return false;
  if (engine_->HasSnapshots()) {  // they hold on to what was deleted
    engine_->deleted.PutBack(column, deleted);
    return false;
  }
  const absl::StatusOr<bool> left = engine_->HasDeletions(column);
  if (left.ok() && !*left) return false;  // RocksDB has compacted them by itself
  absl::Status status = left.status();
  if (status.ok() && deleted.all) status = Compact(column, "", "");
  for (const std::string& key : deleted.keys) {
    if (status.ok()) status = Compact(column, key, key);
  }
  if (status.ok()) return true;
  engine_->deleted.PutBack(column, deleted);
  return status;
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
