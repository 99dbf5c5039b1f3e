// SPDX-License-Identifier: Apache-2.0
// Backups of an open database in a directory of their own, each as the database was at one moment.
// Tables are shared between backups, so that a further one copies only what is new. A backup holds
// what the database's directory holds: ciphertext and the public log, never a key.
// Safe to call from any thread; one Create or PurgeOld at a time works in a directory, the next is
// refused. Do not purge what is being restored. Source: RocksDB 7.8,
// include/rocksdb/utilities/backup_engine.h.
#ifndef KLUIS_STORAGE_BACKUP_H_
#define KLUIS_STORAGE_BACKUP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rocksdb {
class DB;
class FileSystem;
}  // namespace rocksdb

namespace kluis::storage {

// Where backups lie.
struct BackupPlace {
  std::string directory;
  std::shared_ptr<rocksdb::FileSystem> file_system = nullptr;  // null: the machine's own
};

// A file that a restored directory has from its first moment on.
struct BackupMark {
  std::string name;  // none of RocksDB's own; empty: no file
  std::string bytes;
};

struct BackupInfo {
  std::uint32_t id = 0;      // 1, 2, 3, ... in the order they were made
  std::int64_t made_at = 0;  // unix seconds; 0 when damaged
  std::uint64_t bytes = 0;   // of all its files, also those it shares; 0 when damaged
  bool damaged = false;      // a file or the list of its files is missing; Verify finds all damage
};

class Backup {
 public:
  // Told how many bytes have been copied, every 4 MiB, by another thread that waits meanwhile.
  using Progress = std::function<void(std::uint64_t bytes)>;

  // Makes a backup of `database` while it is read and written. It holds at least every batch that
  // was durable before the call, and of the later ones a prefix; all it holds is durable in the
  // database at return. Leaves no part of a backup behind when it fails. Tables that an older
  // backup copied are not read again: Verify finds what their disk has done to them since.
  // kInvalidArgument: the directory is empty or lies in the database's. kFailedPrecondition:
  // another Create or PurgeOld works there. kResourceExhausted: no room. kUnavailable: another
  // failure of a disk; one of the database's own also fails that.
  static absl::StatusOr<BackupInfo> Create(rocksdb::DB& database, const BackupPlace& place,
                                           const Progress& progress = {});

  // All backups, oldest first; none when there is no such directory. Looks at names only.
  // kUnavailable: the disk failed.
  static absl::StatusOr<std::vector<BackupInfo>> List(const BackupPlace& place);

  // Whether nobody waits for an answer any more; called by one thread.
  using Gone = std::function<bool()>;

  // As List, after reading every byte of every backup: what is not marked as damaged is whole.
  // kFailedPrecondition: a Create or PurgeOld works there. kUnavailable: the disk failed.
  // kCancelled: `gone`, which is asked before each read, 5 MiB at most.
  static absl::StatusOr<std::vector<BackupInfo>> Inspect(const BackupPlace& place,
                                                         const Gone& gone = {});

  // Reads every byte of every backup. kDataLoss: one is damaged; the message names it.
  // kNotFound: there is no backup. kUnavailable: the disk failed.
  static absl::Status Verify(const BackupPlace& place);

  // Makes the directory `target` from the backup `id`, or the newest, and returns its info when it
  // is on disk. The files come in `target`.restoring, which is renamed when it is whole: after a
  // crash `target` is as before, and Restore may be called again. With a `mark` nobody ever finds a
  // database there that is not marked.
  // kFailedPrecondition: `target` exists and is not an empty directory. kNotFound: no such backup.
  // kDataLoss: it is damaged, also when it is the newest of several: nothing older is taken unless
  // named. kResourceExhausted: no room. kUnavailable: the disk failed.
  static absl::StatusOr<BackupInfo> Restore(const BackupPlace& place,
                                            std::optional<std::uint32_t> id,
                                            const std::string& target, const BackupMark& mark = {});

  // Deletes what is older than the `keep` newest that are not known to be damaged, and tables that
  // only those needed.
  // kInvalidArgument: `keep` is 0. kNotFound: no backup. kFailedPrecondition: another Create or
  // PurgeOld works there. kUnavailable: the disk failed; some may be gone.
  static absl::Status PurgeOld(const BackupPlace& place, std::uint32_t keep);
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_BACKUP_H_
