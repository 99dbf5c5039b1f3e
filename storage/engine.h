// SPDX-License-Identifier: Apache-2.0
// The open RocksDB behind a Database, and all it needs to outlive it. Of storage/ alone.
// Thread-safe; what is in order: construction, one Open, everything else.
#ifndef KLUIS_STORAGE_ENGINE_H_
#define KLUIS_STORAGE_ENGINE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/sst_file_manager.h"
#include "storage/database.h"
#include "storage/deleted_keys.h"
#include "storage/group_sync.h"
#include "storage/obsolete_files.h"
#include "storage/wal_order.h"

namespace kluis::storage {

// kDataLoss or kUnavailable. RocksDB's text may quote a key, so it does not go further than this.
absl::Status ReadError(const rocksdb::Status& status);

// kFailedPrecondition: somebody holds on to what was deleted.
absl::Status HeldOn();

class Engine {
 public:
  // From `begin` to `end`, both included; empty `end`: no end.
  struct KeyRange {
    std::string_view begin;
    std::string_view end;
  };

  explicit Engine(const Database::Options& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  rocksdb::Status Open(bool create_if_missing);
  void MeasureSpace();

  // OK, or the one error of a failed database; a failed `status` makes it so.
  absl::Status Check(const rocksdb::Status& status) {
    if (!status.ok()) group.Fail();
    return group.status();
  }

  rocksdb::ColumnFamilyHandle* Handle(Column column) const {
    return handles[static_cast<std::size_t>(column)];
  }

  // Reader's calls, as of `snapshot`; null: now.
  absl::StatusOr<std::optional<std::string>> Get(Column column, std::string_view key,
                                                 const rocksdb::Snapshot* snapshot) const;
  absl::Status ScanRange(Column column, std::string_view begin, std::string_view end,
                         const Reader::Visit& visit, const rocksdb::Snapshot* snapshot) const;
  absl::Status GetEach(Column column, std::span<const std::string> keys,
                       const Reader::VisitEach& visit, const rocksdb::Snapshot* snapshot) const;

  // Whether a snapshot lives that was taken before the last deletion; waits a fifth of a second for
  // its end. Those taken later keep nothing of it.
  bool HasSnapshotsBeforeDeleted() const;
  bool WaitUntilNoSnapshotSeesDeleted() const;

  std::size_t TableCount(Column column) const;

  // Whether a table or what is still in memory says that something was deleted.
  absl::StatusOr<bool> HasDeletions(Column column);

  // Flushes, rewrites the ranges and has the old files removed that nobody holds on to. Errors as
  // of Database::Compact.
  absl::Status Rewrite(Column column, std::span<const KeyRange> ranges);

  // False: somebody holds on to old files for longer than it waits, a fifth of a second.
  bool WaitUntilOldFilesAreGone();

  const std::shared_ptr<rocksdb::FileSystem> file_system;
  const std::string path;
  const std::unique_ptr<rocksdb::Env> env;
  const std::shared_ptr<rocksdb::SstFileManager> tables;
  ObsoleteFiles obsolete;
  WalOrder wal_order;
  GroupSync group;
  DeletedKeys deleted;
  std::atomic<std::uint64_t> deleted_at = 0;  // sequence number of the last deletion or a later one
  std::atomic<bool> interrupt = false;        // Rewrite must end
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

 private:
  absl::Status SyncWal();
  bool HasRoomToFlush() const;
  rocksdb::Status RemoveObsoleteFiles();
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_ENGINE_H_
