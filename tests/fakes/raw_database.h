// SPDX-License-Identifier: Apache-2.0
// The RocksDB under a Database, opened as that opens it, for what needs it bare. Only while no
// Database has it open. Thread-safe, but for construction.
#ifndef KLUIS_TESTS_FAKES_RAW_DATABASE_H_
#define KLUIS_TESTS_FAKES_RAW_DATABASE_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/write_batch.h"
#include "storage/batch.h"
#include "storage/open_options.h"
#include "storage/wal_order.h"

namespace kluis::storage {

class RawDatabase {
 public:
  explicit RawDatabase(const std::string& path,
                       std::shared_ptr<rocksdb::FileSystem> files = rocksdb::FileSystem::Default())
      : env_(rocksdb::NewCompositeEnv(std::move(files))) {
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::Open(DatabaseOptions(/*create_if_missing=*/true, env_.get(), &wal_order_),
                          path, ColumnFamilies(), &handles_, &opened);
    EXPECT_TRUE(status.ok()) << status.ToString();
    db_.reset(opened);
  }
  ~RawDatabase() {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      EXPECT_TRUE(db_->DestroyColumnFamilyHandle(handle).ok());
    }
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  rocksdb::DB& db() { return *db_; }

  // Of puts and deletes.
  bool Write(const Batch& batch) {
    rocksdb::WriteBatch changes;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Batch::Change change = batch[i];
      rocksdb::ColumnFamilyHandle* column = handles_[static_cast<std::size_t>(change.column)];
      const rocksdb::Status status = change.kind == Batch::Change::Kind::kPut
                                         ? changes.Put(column, change.key, change.value)
                                         : changes.Delete(column, change.key);
      if (!status.ok()) return false;
    }
    return db_->Write(rocksdb::WriteOptions(), &changes).ok();
  }
  bool Sync() { return db_->SyncWAL().ok(); }

 private:
  const std::unique_ptr<rocksdb::Env> env_;
  WalOrder wal_order_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace kluis::storage

#endif  // KLUIS_TESTS_FAKES_RAW_DATABASE_H_
