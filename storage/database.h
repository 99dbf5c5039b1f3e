// SPDX-License-Identifier: Apache-2.0
// RocksDB as ordered records with atomic batches and snapshots. Bytes in, bytes out: what is secret
// is sealed before it comes here. Thread-safe.
//
// A write has two steps. Write makes a batch visible; Sync makes it durable. Threads that sync at
// the same time share one fdatasync (storage/group_sync.h). After a crash, what is left is a prefix
// of the batches in write order, each of them whole, and at least every batch whose Sync returned
// OK.
//
// Fails closed: after any failed write or sync, nobody can know what is on the disk, so every
// further call returns kUnavailable until the database is closed and opened again. Source:
// RocksDB 7.8, include/rocksdb/db.h (FlushWAL, atomic_flush) and options.h (WALRecoveryMode).
#ifndef KLUIS_STORAGE_DATABASE_H_
#define KLUIS_STORAGE_DATABASE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/backup.h"
#include "storage/batch.h"
#include "storage/layout.h"
#include "storage/reader.h"

namespace rocksdb {
class FileSystem;
class Snapshot;
}  // namespace rocksdb

namespace kluis::storage {

class Engine;

// All records as they were at one moment. Movable; must be destroyed before its Database. While it
// lives, Compact cannot remove what was deleted after it was taken: keep it short.
class Snapshot final : public Reader {
 public:
  Snapshot(Snapshot&& other) noexcept;
  Snapshot& operator=(Snapshot&& other) noexcept;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() override;

  absl::StatusOr<std::optional<std::string>> Get(Column column,
                                                 std::string_view key) const override;
  absl::Status ScanRange(Column column, std::string_view begin, std::string_view end,
                         const Visit& visit) const override;
  absl::Status GetEach(Column column, std::span<const std::string> keys,
                       const VisitEach& visit) const override;

 private:
  friend class Database;
  explicit Snapshot(const Engine* engine);
  void Release();

  const Engine* engine_;
  const rocksdb::Snapshot* snapshot_;
};

class Database final : public Reader {
 public:
  struct Options {
    std::string path;                // directory; its parent must exist
    bool create_if_missing = false;  // else opening an absent database is kNotFound
    std::shared_ptr<rocksdb::FileSystem> file_system;  // null: the machine's own
  };

  struct Stats {
    std::uint64_t bytes_on_disk = 0;                        // all files in the directory
    std::array<std::uint64_t, kColumnCount> table_bytes{};  // sorted tables per column, without WAL
    std::uint64_t writes = 0;                               // batches written since Open
    std::uint64_t syncs = 0;  // fdatasyncs of the WAL asked for since Open
  };

  // kNotFound: no database at the path and not create_if_missing. kFailedPrecondition: another
  // process (or another Database) has it open. kDataLoss: acknowledged data is damaged or missing.
  // kInvalidArgument: empty path. kUnavailable: any other failure of the disk.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const Options& options);

  // Makes what was written durable, unless failed. No other call may be running.
  ~Database() override;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::StatusOr<std::optional<std::string>> Get(Column column,
                                                 std::string_view key) const override;
  absl::Status ScanRange(Column column, std::string_view begin, std::string_view end,
                         const Visit& visit) const override;
  absl::Status GetEach(Column column, std::span<const std::string> keys,
                       const VisitEach& visit) const override;

  // Applies the whole batch, visible to readers at once, NOT yet durable. Returns its ticket, above
  // that of every Write that returned before this one was called. kUnavailable: failed, now or
  // earlier; the batch may or may not be there after reopening.
  absl::StatusOr<std::uint64_t> Write(Batch&& batch);

  // Returns when every batch with this ticket or a lower one is durable. kInvalidArgument: no Write
  // returned that ticket. kUnavailable: failed, now or earlier.
  absl::Status Sync(std::uint64_t ticket);

  // Sync of all that was written before the call: whoever acts on what he read, and writes nothing
  // of his own. Errors as Sync.
  absl::Status SyncWritten() const;

  // Write, then Sync.
  absl::Status WriteSynced(Batch&& batch);

  Snapshot TakeSnapshot() const;

  // Moves everything from memory and WAL into sorted tables, durable at return. kUnavailable:
  // failed.
  absl::Status Flush();

  // Rewrites the tables that hold keys with begin <= key <= end (empty `end`: no end) and removes
  // the old files, tables and WAL: bytes deleted or overwritten before the call are in no file at
  // return, unless a Snapshot or scan from before their deletion still lives. Keys may remain as
  // table bounds in the manifest: they are random ids, digests and numbers. kUnavailable: failed.
  // kResourceExhausted: the disk has no room for the new tables beside the old ones; nothing
  // failed. kFailedPrecondition: InterruptCompactions.
  absl::Status Compact(Column column, std::string_view begin, std::string_view end);

  // Compact of what was deleted from the column since the last call, also by an earlier process,
  // and of what CountAsDeleted names; at once when there is nothing. Of more keys than the column
  // has tables, the whole column. OK: none of these bytes is in any file; true when something was
  // rewritten. Errors as of Compact, and kFailedPrecondition: a Snapshot, a scan or a backup still
  // holds on to them, for longer than a fifth of a second. After an error the next call tries
  // again.
  absl::StatusOr<bool> CompactDeleted(Column column);

  // While true, Compact and CompactDeleted that run end soon, and others at once, with
  // kFailedPrecondition: for who must not wait for minutes.
  void InterruptCompactions(bool interrupt);

  // A Put replaced this record: what it held before counts as deleted.
  void CountAsDeleted(Column column, std::string_view key);

  // Backup::Create of this database while it is read and written, with its errors; kUnavailable
  // also when it has failed. Bytes that are in a backup, Compact does not reach.
  absl::StatusOr<BackupInfo> BackUp(const BackupPlace& place,
                                    const Backup::Progress& progress = {});

  // Looks how much of the disk is free, so that no compaction begins that would fill it: such a
  // failure would be one of the database. Call it every second.
  void MeasureSpace();

  // OK, or kUnavailable once failed: only opening it again helps then.
  absl::Status status() const;

  absl::StatusOr<Stats> GetStats() const;

 private:
  explicit Database(std::unique_ptr<Engine> engine);

  std::unique_ptr<Engine> engine_;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_DATABASE_H_
