// SPDX-License-Identifier: Apache-2.0
#include "service/upkeep/disk_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/file_system.h"

namespace kluis::service {
namespace {

constexpr uint64_t kBlock = 512;  // the unit of st_blocks

absl::Status DiskError(const std::string& path, int error) {
  const std::string message = absl::StrCat("reserve: ", path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

class RealDiskSpace final : public DiskSpace {
 public:
  // Takes over `directory`, which is open.
  RealDiskSpace(int directory, std::string path) : directory_(directory), path_(std::move(path)) {}
  ~RealDiskSpace() override { close(directory_); }
  RealDiskSpace(const RealDiskSpace&) = delete;
  RealDiskSpace& operator=(const RealDiskSpace&) = delete;

  absl::StatusOr<uint64_t> FreeBytes() override {
    struct statvfs space {};
    if (fstatvfs(directory_, &space) != 0) return DiskError(path_, errno);
    return uint64_t{space.f_bavail} * uint64_t{space.f_frsize};
  }

  bool IsReserved(uint64_t bytes) override {
    struct stat file {};
    if (fstatat(directory_, Name().c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) return false;
    return S_ISREG(file.st_mode) && static_cast<uint64_t>(file.st_size) == bytes &&
           static_cast<uint64_t>(file.st_blocks) * kBlock >= bytes;
  }

  absl::Status Reserve(uint64_t bytes) override {
    const absl::Status released = Release();
    if (!released.ok()) return released;
    const int file = openat(directory_, Name().c_str(),
                            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return DiskError(path_, errno);
    const int error = posix_fallocate(file, 0, static_cast<off_t>(bytes));
    close(file);
    if (error == 0) return absl::OkStatus();
    Release().IgnoreError();  // the next look sees what is left
    return DiskError(path_, error);
  }

  // Cut to nothing first: a backup that has the file open would keep the space taken.
  absl::Status Release() override {
    const int file = openat(directory_, Name().c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return errno == ENOENT ? absl::OkStatus() : DiskError(path_, errno);
    const int cut = ftruncate(file, 0) == 0 ? 0 : errno;
    close(file);
    if (unlinkat(directory_, Name().c_str(), 0) != 0) return DiskError(path_, errno);
    return cut == 0 ? absl::OkStatus() : DiskError(path_, cut);
  }

 private:
  std::string Name() const { return crypto::FileNameOf(path_); }

  const int directory_;
  const std::string path_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DiskSpace>> OpenDiskSpace(const std::string& data,
                                                         const std::string& reserve_path) {
  const std::string place = crypto::DirectoryOf(reserve_path);
  const int directory = open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return DiskError(place, errno);
  auto disk = std::make_unique<RealDiskSpace>(directory, reserve_path);
  struct stat reserve {};
  struct stat database {};
  if (fstat(directory, &reserve) != 0) return DiskError(place, errno);
  if (stat(data.c_str(), &database) != 0 &&
      (errno != ENOENT || stat(crypto::DirectoryOf(data).c_str(), &database) != 0)) {
    return DiskError(data, errno);
  }
  if (reserve.st_dev != database.st_dev) {
    return absl::FailedPreconditionError(absl::StrCat(
        "reserve: ", reserve_path, " must lie on the file system of the database, ", data));
  }
  return std::unique_ptr<DiskSpace>(std::move(disk));
}

}  // namespace kluis::service
