// SPDX-License-Identifier: Apache-2.0
// Files of a database that it has replaced and that are still on the disk, because a scan or a
// backup holds on to them. What they hold is gone when they are. Thread-safe.
// Source: RocksDB 7.8, include/rocksdb/db.h (GetLiveFilesMetaData, DisableFileDeletions).
#ifndef KLUIS_STORAGE_OBSOLETE_FILES_H_
#define KLUIS_STORAGE_OBSOLETE_FILES_H_

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "rocksdb/db.h"
#include "rocksdb/env.h"

namespace kluis::storage {

class ObsoleteFiles {
 public:
  // `directory`: of the database.
  ObsoleteFiles(rocksdb::Env* env, std::string directory)
      : env_(env), directory_(std::move(directory)) {}

  // Names of the write-ahead logs on the disk, also obsolete ones.
  rocksdb::Status Logs(std::set<std::string>& names) const { return List(".log", names); }

  // To be called after a flush and a compaction: `logs` are those that the flush replaced. Gathers
  // them, and every table that is not live; also one that somebody writes just now, until it is.
  rocksdb::Status Gather(rocksdb::DB& db, const std::set<std::string>& logs);

  // Whether all that was gathered has left the disk or become live.
  bool AllGone(rocksdb::DB& db);

 private:
  rocksdb::Status List(std::string_view suffix, std::set<std::string>& names) const;
  bool Leaves(const std::string& name, const std::set<std::string>& live) const;

  rocksdb::Env* const env_;
  const std::string directory_;

  std::mutex mutex_;
  std::set<std::string> gathered_;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_OBSOLETE_FILES_H_
