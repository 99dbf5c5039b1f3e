// SPDX-License-Identifier: Apache-2.0
#include "storage/backup.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/utilities/backup_engine.h"
#include "storage/stoppable_reads.h"

namespace kluis::storage {
namespace {

namespace fs = std::filesystem;

constexpr char kIncomplete[] = "a file of it is missing, or the list of its files is damaged";

absl::Status BackupError(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat("backup: ", what, ": ", status.ToString());
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

absl::Status Damaged(std::uint32_t id, const std::string& why) {
  return absl::DataLossError(absl::StrCat("backup: number ", id, " is damaged: ", why));
}

// What reads a backup reports a file that is not there as an error of the disk.
absl::Status ReadError(const rocksdb::Status& status, std::uint32_t id) {
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound()) {
    return Damaged(id, status.ToString());
  }
  return BackupError(status, absl::StrCat("number ", id));
}

std::string WithoutSlashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// Whether `path` is `directory` or lies in it, through symbolic links.
bool LiesIn(const std::string& path, const std::string& directory) {
  std::error_code failed;
  const fs::path inner = fs::weakly_canonical(fs::absolute(WithoutSlashes(path)), failed);
  if (failed) return true;
  const fs::path outer = fs::weakly_canonical(fs::absolute(WithoutSlashes(directory)), failed);
  if (failed) return true;
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

std::shared_ptr<rocksdb::FileSystem> FilesOf(const BackupPlace& place) {
  return place.file_system != nullptr ? place.file_system : rocksdb::FileSystem::Default();
}

// The file system and what RocksDB wants it wrapped in.
class Disk {
 public:
  explicit Disk(const BackupPlace& place)
      : files_(FilesOf(place)), env_(rocksdb::NewCompositeEnv(files_)) {}

  rocksdb::Env* env() const { return env_.get(); }

  rocksdb::IOStatus MakeDirectory(const std::string& path) const {
    return files_->CreateDirIfMissing(path, {}, nullptr);
  }
  rocksdb::IOStatus Rename(const std::string& from, const std::string& to) const {
    return files_->RenameFile(from, to, {}, nullptr);
  }
  bool Has(const std::string& path) const { return files_->FileExists(path, {}, nullptr).ok(); }

  rocksdb::IOStatus Sync(const std::string& directory) const {
    std::unique_ptr<rocksdb::FSDirectory> opened;
    rocksdb::IOStatus status = files_->NewDirectory(directory, {}, &opened, nullptr);
    if (status.ok()) status = opened->Fsync({}, nullptr);
    return status;
  }

  rocksdb::IOStatus List(const std::string& directory, std::vector<std::string>& names) const {
    rocksdb::IOStatus status = files_->GetChildren(directory, {}, &names, nullptr);
    std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
    return status;
  }

  // A new file, on disk at return.
  rocksdb::IOStatus Make(const std::string& directory, const BackupMark& mark) const {
    const std::string path = directory + "/" + mark.name;
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus status = files_->NewWritableFile(path, {}, &file, nullptr);
    if (status.ok()) status = file->Append(mark.bytes, {}, nullptr);
    if (status.ok()) status = file->Fsync({}, nullptr);
    if (status.ok()) status = file->Close({}, nullptr);
    return status.ok() ? Sync(directory) : status;
  }

  // A directory of files. OK when there is none.
  rocksdb::IOStatus RemoveDirectory(const std::string& directory) const {
    if (!Has(directory)) return rocksdb::IOStatus::OK();
    std::vector<std::string> names;
    rocksdb::IOStatus status = List(directory, names);
    for (const std::string& name : names) {
      if (status.ok()) status = files_->DeleteFile(directory + "/" + name, {}, nullptr);
    }
    if (status.ok()) status = files_->DeleteDir(directory, {}, nullptr);
    return status;
  }

 private:
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::unique_ptr<rocksdb::Env> env_;
};

// Keeps a second process or thread from changing the same backups.
class Lock {
 public:
  static absl::StatusOr<Lock> Take(const Disk& disk, const std::string& directory) {
    rocksdb::FileLock* lock = nullptr;
    const rocksdb::Status status = disk.env()->LockFile(directory + "/LOCK", &lock);
    if (status.ok()) return Lock(disk.env(), lock);
    return absl::FailedPreconditionError(
        absl::StrCat("backup: another one works in ", directory, ": ", status.ToString()));
  }
  Lock(Lock&& other) noexcept : env_(other.env_), lock_(std::exchange(other.lock_, nullptr)) {}
  Lock& operator=(Lock&&) = delete;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (lock_ != nullptr) env_->UnlockFile(lock_).PermitUncheckedError();
  }

 private:
  Lock(rocksdb::Env* env, rocksdb::FileLock* lock) : env_(env), lock_(lock) {}

  rocksdb::Env* env_;
  rocksdb::FileLock* lock_;
};

rocksdb::BackupEngineOptions OptionsFor(const Disk& disk, const std::string& directory) {
  return rocksdb::BackupEngineOptions(directory, disk.env());
}

// Null: there is no backup in the directory.
absl::StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenToRead(
    const Disk& disk, const std::string& directory) {
  if (!disk.Has(directory + "/meta")) return nullptr;
  rocksdb::BackupEngineReadOnly* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::BackupEngineReadOnly::Open(OptionsFor(disk, directory), disk.env(), &opened);
  std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(opened);
  if (!status.ok()) return BackupError(status, absl::StrCat("cannot read ", directory));
  return engine;
}

absl::StatusOr<std::unique_ptr<rocksdb::BackupEngine>> OpenToWrite(const Disk& disk,
                                                                   const std::string& directory,
                                                                   rocksdb::Env* database_env) {
  rocksdb::BackupEngine* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::BackupEngine::Open(OptionsFor(disk, directory), database_env, &opened);
  std::unique_ptr<rocksdb::BackupEngine> engine(opened);
  if (!status.ok()) return BackupError(status, absl::StrCat("cannot open ", directory));
  return engine;
}

BackupInfo InfoOf(const rocksdb::BackupInfo& found) {
  return {found.backup_id, found.timestamp, found.size, false};
}

std::vector<BackupInfo> InfosIn(const rocksdb::BackupEngineReadOnlyBase& engine) {
  std::vector<BackupInfo> infos;
  std::vector<rocksdb::BackupInfo> sound;
  engine.GetBackupInfo(&sound);
  for (const rocksdb::BackupInfo& found : sound) infos.push_back(InfoOf(found));
  std::vector<rocksdb::BackupID> damaged;
  engine.GetCorruptedBackups(&damaged);
  for (const rocksdb::BackupID id : damaged) infos.push_back({id, 0, 0, true});
  std::sort(infos.begin(), infos.end(),
            [](const BackupInfo& a, const BackupInfo& b) { return a.id < b.id; });
  return infos;
}

absl::Status NoBackup(const std::string& directory) {
  return absl::NotFoundError(absl::StrCat("backup: there is none in ", directory));
}

// Before anything of the database's may be copied to where it does not belong.
absl::Status CheckTarget(const Disk& disk, const std::string& target) {
  if (target.empty()) return absl::InvalidArgumentError("target: must not be empty");
  if (!disk.Has(target)) return absl::OkStatus();
  std::vector<std::string> names;
  const rocksdb::Status listed = disk.List(target, names);
  if (listed.ok() && names.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("backup: ", target, " is there already; move it away first"));
}

}  // namespace

absl::StatusOr<BackupInfo> Backup::Create(rocksdb::DB& database, const BackupPlace& place,
                                          const Progress& progress) {
  const std::string directory = WithoutSlashes(place.directory);
  if (directory.empty() || LiesIn(directory, database.GetName())) {
    return absl::InvalidArgumentError("backup: its directory must lie outside of the database's");
  }
  const Disk disk(place);
  absl::Status status =
      BackupError(disk.MakeDirectory(directory), absl::StrCat("cannot make ", directory));
  if (!status.ok()) return status;
  const absl::StatusOr<Lock> lock = Lock::Take(disk, directory);
  if (!lock.ok()) return lock.status();
  const auto engine = OpenToWrite(disk, directory, database.GetEnv());
  if (!engine.ok()) return engine.status();

  rocksdb::CreateBackupOptions options;
  options.flush_before_backup = true;  // what is in tables can be shared with the next backup
  const std::uint64_t step = OptionsFor(disk, directory).callback_trigger_interval_size;
  options.progress_callback = [&progress, step, copied = std::uint64_t{0}]() mutable {
    copied += step;
    if (progress) progress(copied);
  };
  rocksdb::BackupID id = 0;
  status = BackupError((*engine)->CreateNewBackup(options, &database, &id), "failed");
  if (!status.ok()) return status;
  // Batches that were written meanwhile are in it with their WAL. A backup must not know of a batch
  // that a crash could still take from the database, which would go on with another one.
  status = BackupError(database.FlushWAL(/*sync=*/true), "the database failed");
  rocksdb::BackupInfo made;
  if (status.ok()) status = BackupError((*engine)->GetBackupInfo(id, &made), "failed");
  if (status.ok()) return InfoOf(made);
  (*engine)->DeleteBackup(id).PermitUncheckedError();
  return status;
}

absl::StatusOr<std::vector<BackupInfo>> Backup::List(const BackupPlace& place) {
  const Disk disk(place);
  const auto engine = OpenToRead(disk, WithoutSlashes(place.directory));
  if (!engine.ok()) return engine.status();
  return *engine == nullptr ? std::vector<BackupInfo>() : InfosIn(**engine);
}

absl::StatusOr<std::vector<BackupInfo>> Backup::Inspect(const BackupPlace& place,
                                                        const Gone& gone) {
  const auto is_gone = [&gone] { return gone && gone(); };
  const Disk disk({place.directory, std::make_shared<StoppableReads>(FilesOf(place), is_gone)});
  const std::string directory = WithoutSlashes(place.directory);
  if (!disk.Has(directory + "/meta")) return std::vector<BackupInfo>();
  const absl::StatusOr<Lock> lock = Lock::Take(disk, directory);  // what is deleted is not damaged
  if (!lock.ok()) return lock.status();
  const auto engine = OpenToRead(disk, directory);
  if (!engine.ok()) return engine.status();
  std::vector<BackupInfo> infos = InfosIn(**engine);
  for (BackupInfo& info : infos) {
    if (info.damaged) continue;
    const absl::Status read =
        ReadError((*engine)->VerifyBackup(info.id, /*verify_with_checksum=*/true), info.id);
    if (is_gone())
      return absl::CancelledError("backup: nobody waits for the end of the inspection");
    if (!read.ok() && !absl::IsDataLoss(read)) return read;
    if (!read.ok()) info = {info.id, 0, 0, true};
  }
  return infos;
}

absl::Status Backup::Verify(const BackupPlace& place) {
  const Disk disk(place);
  const auto engine = OpenToRead(disk, WithoutSlashes(place.directory));
  if (!engine.ok()) return engine.status();
  if (*engine == nullptr) return NoBackup(place.directory);
  const std::vector<BackupInfo> infos = InfosIn(**engine);
  if (infos.empty()) return NoBackup(place.directory);
  for (const BackupInfo& info : infos) {
    if (info.damaged) return Damaged(info.id, kIncomplete);
    const rocksdb::Status same = (*engine)->VerifyBackup(info.id, /*verify_with_checksum=*/true);
    if (!same.ok()) return ReadError(same, info.id);
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupInfo> Backup::Restore(const BackupPlace& place,
                                           std::optional<std::uint32_t> id,
                                           const std::string& target, const BackupMark& mark) {
  const Disk disk(place);
  const std::string to = WithoutSlashes(target);
  absl::Status status = CheckTarget(disk, to);
  if (!status.ok()) return status;
  auto engine = OpenToRead(disk, WithoutSlashes(place.directory));
  if (!engine.ok()) return engine.status();
  if (*engine == nullptr) return NoBackup(place.directory);
  const std::vector<BackupInfo> infos = InfosIn(**engine);
  const auto wanted = std::find_if(infos.rbegin(), infos.rend(), [&](const BackupInfo& info) {
    return !id.has_value() || info.id == *id;
  });
  if (wanted == infos.rend()) return NoBackup(place.directory);
  if (wanted->damaged) return Damaged(wanted->id, kIncomplete);

  const std::string temporary = to + ".restoring";
  status = BackupError(disk.MakeDirectory(temporary), absl::StrCat("cannot make ", temporary));
  if (!status.ok()) return status;
  // Empties the directory first; all of it is on disk at return.
  const rocksdb::Status copied =
      (*engine)->RestoreDBFromBackup(rocksdb::RestoreOptions(), wanted->id, temporary, temporary);
  engine->reset();  // after a failure its thread may still be copying
  if (!copied.ok()) {
    disk.RemoveDirectory(temporary).PermitUncheckedError();
    return ReadError(copied, wanted->id);
  }
  const std::string parent = fs::path(to).parent_path().string();
  rocksdb::IOStatus moved;
  if (!mark.name.empty()) moved = disk.Make(temporary, mark);
  if (moved.ok()) moved = disk.Rename(temporary, to);
  if (moved.ok()) moved = disk.Sync(parent.empty() ? "." : parent);
  if (!moved.ok()) return BackupError(moved, absl::StrCat("cannot make ", to));
  return *wanted;
}

absl::Status Backup::PurgeOld(const BackupPlace& place, std::uint32_t keep) {
  if (keep == 0) return absl::InvalidArgumentError("keep: must be at least 1");
  const Disk disk(place);
  const std::string directory = WithoutSlashes(place.directory);
  if (!disk.Has(directory + "/meta")) return NoBackup(directory);
  const absl::StatusOr<Lock> lock = Lock::Take(disk, directory);
  if (!lock.ok()) return lock.status();
  const auto engine = OpenToWrite(disk, directory, disk.env());
  if (!engine.ok()) return engine.status();
  std::vector<BackupInfo> infos = InfosIn(**engine);
  std::uint32_t kept = 0;
  for (; !infos.empty() && kept < keep; infos.pop_back()) kept += infos.back().damaged ? 0U : 1U;
  for (const BackupInfo& info : infos) {
    const rocksdb::Status deleted = (*engine)->DeleteBackup(info.id);
    if (!deleted.ok()) return BackupError(deleted, absl::StrCat("cannot delete ", info.id));
  }
  return absl::OkStatus();
}

}  // namespace kluis::storage
