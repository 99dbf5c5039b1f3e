// SPDX-License-Identifier: Apache-2.0
// A file system whose sequential reads end when nobody wants them any more: RocksDB reads whole
// backups in one call that nothing else ends. Private to storage/. Safe to call from any thread, if
// `gone` is.
#ifndef KLUIS_STORAGE_STOPPABLE_READS_H_
#define KLUIS_STORAGE_STOPPABLE_READS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "rocksdb/file_system.h"

namespace kluis::storage {

class StoppableReads final : public rocksdb::FileSystemWrapper {
 public:
  using Gone = std::function<bool()>;

  // A read after `gone` is true fails with Aborted.
  StoppableReads(const std::shared_ptr<rocksdb::FileSystem>& files, Gone gone)
      : FileSystemWrapper(files), gone_(std::move(gone)) {}

  const char* Name() const override { return "StoppableReads"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* context) override {
    std::unique_ptr<rocksdb::FSSequentialFile> opened;
    rocksdb::IOStatus status = target()->NewSequentialFile(path, options, &opened, context);
    if (status.ok()) *file = std::make_unique<File>(std::move(opened), gone_);
    return status;
  }

 private:
  class File final : public rocksdb::FSSequentialFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSSequentialFile> file, const Gone& gone)
        : FSSequentialFileOwnerWrapper(std::move(file)), gone_(gone) {}

    rocksdb::IOStatus Read(size_t bytes, const rocksdb::IOOptions& options, rocksdb::Slice* result,
                           char* scratch, rocksdb::IODebugContext* context) override {
      if (gone_()) return rocksdb::IOStatus::Aborted("nobody waits for it");
      return FSSequentialFileOwnerWrapper::Read(bytes, options, result, scratch, context);
    }

   private:
    const Gone& gone_;  // of the file system, which outlives its files
  };

  const Gone gone_;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_STOPPABLE_READS_H_
