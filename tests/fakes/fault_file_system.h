// SPDX-License-Identifier: Apache-2.0
// A file system over the real one that fails on command and can lose what was not synced.
//
// Every change of a file counts: append, sync, create, rename, delete and directory sync. Reads
// never fail. Crash() turns the machine off: no change gets through from then on. After the
// database is destroyed, LoseUnsynced() leaves the disk as a crash may: of each file its synced
// bytes and a part of the rest; new names that no directory sync covered are gone, and a file
// replaced without one is the old one again. Thread-safe. Source: RocksDB's FaultInjectionTestFS,
// which is not installed.
#ifndef KLUIS_TESTS_FAKES_FAULT_FILE_SYSTEM_H_
#define KLUIS_TESTS_FAKES_FAULT_FILE_SYSTEM_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "rocksdb/file_system.h"
#include "tests/fakes/file_bytes.h"

namespace kluis::storage {

class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  enum class Duration { kOnce, kFromThenOn };
  // How many bytes of a file survive: at least `synced`, at most `size`.
  using Survivor = std::function<std::uint64_t(const std::string& path, std::uint64_t synced,
                                               std::uint64_t size)>;

  FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultFileSystem"; }

  // The n-th change from now fails (n = 1: the next); a failing append leaves half of its bytes.
  void FailNth(std::uint64_t n, Duration duration) {
    const std::lock_guard lock(mutex_);
    fail_at_ = changes_ + n;
    duration_ = duration;
    hit_ = false;
  }
  // No change fails any more.
  void Heal() {
    const std::lock_guard lock(mutex_);
    fail_at_ = 0;
    crashed_ = false;
  }
  // Whether the change named by FailNth came.
  bool hit() const {
    const std::lock_guard lock(mutex_);
    return hit_;
  }
  void Crash() {
    const std::lock_guard lock(mutex_);
    crashed_ = true;
  }
  // Called without a lock before every sync of a WAL file.
  void BeforeWalSync(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    before_wal_sync_ = std::move(hook);
  }
  // Called without a lock before every new table.
  void BeforeTable(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    before_table_ = std::move(hook);
  }
  std::uint64_t wal_syncs() const {
    const std::lock_guard lock(mutex_);
    return wal_syncs_;
  }

  void LoseUnsynced(const Survivor& survivor) {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, synced] : synced_) {
      if (!std::filesystem::exists(path)) continue;
      const std::uint64_t size = std::filesystem::file_size(path);
      if (size > synced) std::filesystem::resize_file(path, survivor(path, synced, size));
    }
    for (const auto& [path, old_bytes] : unsynced_names_) {
      std::filesystem::remove_all(path);  // a renamed directory goes with what is in it
      if (old_bytes.has_value()) std::ofstream(path, std::ios::binary) << *old_bytes;
    }
    synced_.clear();
    unsynced_names_.clear();
    crashed_ = false;
    fail_at_ = 0;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (!Admit()) return Failure();
    if (path.ends_with(".sst")) Call(before_table_);
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, &file, debug);
    if (!status.ok()) return status;
    const std::lock_guard lock(mutex_);
    synced_[path] = 0;
    unsynced_names_.emplace(path, std::nullopt);
    *result = std::make_unique<File>(this, path, std::move(file));
    return status;
  }

  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    rocksdb::IOStatus status = target()->NewDirectory(path, options, &directory, debug);
    if (status.ok()) *result = std::make_unique<Directory>(this, path, std::move(directory));
    return status;
  }

  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    if (!Admit()) return Failure();
    std::optional<std::string> old_bytes;
    if (std::filesystem::exists(to)) old_bytes = FileBytes(to);
    rocksdb::IOStatus status = target()->RenameFile(from, to, options, debug);
    if (!status.ok()) return status;
    const std::lock_guard lock(mutex_);
    unsynced_names_.emplace(to, old_bytes);
    unsynced_names_.erase(from);
    if (const auto moved = synced_.extract(from); !moved.empty()) synced_[to] = moved.mapped();
    return status;
  }

  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    if (!Admit()) return Failure();
    rocksdb::IOStatus status = target()->DeleteFile(path, options, debug);
    const std::lock_guard lock(mutex_);
    synced_.erase(path);
    unsynced_names_.erase(path);
    return status;
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(FaultFileSystem* owner, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)), owner_(owner), path_(std::move(path)) {}

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      if (owner_->Admit()) return target()->Append(data, options, debug);
      if (!owner_->off()) {
        target()->Append({data.data(), data.size() / 2}, options, debug).PermitUncheckedError();
      }
      return Failure();
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo&,
                             rocksdb::IODebugContext* debug) override {
      return Append(data, options, debug);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      owner_->AnnounceSync(path_);
      if (!owner_->Admit()) return Failure();
      const std::uint64_t size = target()->GetFileSize(options, debug);
      owner_->MarkSynced(path_, size);
      return rocksdb::IOStatus::OK();
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      return Sync(options, debug);
    }

   private:
    FaultFileSystem* owner_;
    const std::string path_;
  };

  class Directory final : public rocksdb::FSDirectory {
   public:
    Directory(FaultFileSystem* owner, std::string path,
              std::unique_ptr<rocksdb::FSDirectory> directory)
        : owner_(owner), path_(std::move(path)), directory_(std::move(directory)) {}

    rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
      if (!owner_->Admit()) return Failure();
      owner_->MarkDirectorySynced(path_);
      return rocksdb::IOStatus::OK();
    }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options,
                                          rocksdb::IODebugContext* debug,
                                          const rocksdb::DirFsyncOptions&) override {
      return Fsync(options, debug);
    }
    rocksdb::IOStatus Close(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      return directory_->Close(options, debug);
    }

   private:
    FaultFileSystem* owner_;
    const std::string path_;
    const std::unique_ptr<rocksdb::FSDirectory> directory_;
  };

  static rocksdb::IOStatus Failure() { return rocksdb::IOStatus::IOError("fault"); }

  // Counts one change; false when it is to fail.
  bool Admit() {
    const std::lock_guard lock(mutex_);
    ++changes_;
    if (crashed_) return false;
    if (fail_at_ == 0 || changes_ < fail_at_) return true;
    if (changes_ == fail_at_) hit_ = true;
    return changes_ > fail_at_ && duration_ == Duration::kOnce;
  }
  bool off() const {
    const std::lock_guard lock(mutex_);
    return crashed_;
  }
  void AnnounceSync(const std::string& path) {
    if (!path.ends_with(".log")) return;
    {
      const std::lock_guard lock(mutex_);
      ++wal_syncs_;
    }
    Call(before_wal_sync_);
  }
  void Call(const std::function<void()>& hook) const {
    std::unique_lock lock(mutex_);
    const std::function<void()> copy = hook;
    lock.unlock();
    if (copy) copy();
  }
  void MarkSynced(const std::string& path, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (const auto file = synced_.find(path); file != synced_.end()) file->second = size;
  }
  void MarkDirectorySynced(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    const std::filesystem::path synced = std::filesystem::path(directory + "/").lexically_normal();
    std::erase_if(unsynced_names_, [&](const auto& name) {
      const auto parent = std::filesystem::path(name.first).lexically_normal().parent_path();
      return (parent / "") == synced;
    });
  }

  mutable std::mutex mutex_;
  std::uint64_t changes_ = 0;
  std::uint64_t fail_at_ = 0;  // 0: none
  Duration duration_ = Duration::kOnce;
  bool hit_ = false;
  bool crashed_ = false;
  std::uint64_t wal_syncs_ = 0;
  std::function<void()> before_wal_sync_;
  std::function<void()> before_table_;
  std::map<std::string, std::uint64_t> synced_;  // path -> bytes known to be on the disk
  std::map<std::string, std::optional<std::string>> unsynced_names_;  // path -> what it was before
};

}  // namespace kluis::storage

#endif  // KLUIS_TESTS_FAKES_FAULT_FILE_SYSTEM_H_
