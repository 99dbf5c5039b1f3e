// SPDX-License-Identifier: Apache-2.0
#include "crypto/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_descriptor.h"

namespace kluis::crypto {
namespace {

absl::Status Refused(std::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat(path, ": cannot ", std::string(what),
                                           " it: ", std::generic_category().message(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EEXIST) return absl::AlreadyExistsError(message);
  return absl::UnavailableError(message);
}

absl::Status WriteAll(int fd, std::span<const uint8_t> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return Refused("write", path, errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Reads all of `bytes` from a file that is that long.
absl::Status ReadAll(int fd, std::span<uint8_t> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t got = read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Refused("read", path, errno);
    if (got == 0) return absl::UnavailableError(absl::StrCat("read ", path, ": it shrank"));
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

// The length of a regular file of at most `max_bytes`; kFailedPrecondition: it is not one.
absl::StatusOr<size_t> LengthOf(const struct stat& info, size_t max_bytes,
                                const std::string& path) {
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": not a regular file"));
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size > max_bytes) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": larger than ", max_bytes, " bytes"));
  }
  return size;
}

absl::Status Create(const std::string& path, std::span<const uint8_t> bytes, mode_t mode) {
  const base::FileDescriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0) return Refused("create", path, errno);
  if (fchmod(file.get(), mode) != 0) return Refused("chmod", path, errno);
  const absl::Status written = WriteAll(file.get(), bytes, path);
  if (!written.ok()) return written;
  if (fsync(file.get()) != 0) return Refused("sync", path, errno);
  return absl::OkStatus();
}

class PosixFileSystem final : public FileSystem {
 public:
  absl::StatusOr<SecretBytes> ReadPrivate(const std::string& path, size_t max_bytes) override {
    const base::FileDescriptor file(
        open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() < 0) return Refused("open", path, errno);
    struct stat info {};
    if (fstat(file.get(), &info) != 0) return Refused("stat", path, errno);
    const absl::StatusOr<size_t> size = LengthOf(info, max_bytes, path);
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 && S_ISREG(info.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": open to group or others, run: chmod 600 ", path));
    }
    if (!size.ok()) return size.status();
    SecretBytes bytes = SecretBytes::Zero(*size);
    const absl::Status done = ReadAll(file.get(), bytes.ExposeMutable(), path);
    if (!done.ok()) return done;
    return bytes;
  }

  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    const base::FileDescriptor file(
        open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() < 0) return Refused("open", path, errno);
    struct stat info {};
    if (fstat(file.get(), &info) != 0) return Refused("stat", path, errno);
    const absl::StatusOr<size_t> size = LengthOf(info, max_bytes, path);
    if (!size.ok()) return size.status();
    std::string bytes(*size, '\0');
    const absl::Status done =
        ReadAll(file.get(), {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, path);
    if (!done.ok()) return done;
    return bytes;
  }

  absl::Status CreateSynced(const std::string& path, std::span<const uint8_t> bytes) override {
    return Create(path, bytes, 0600);
  }

  absl::Status CreateReadable(const std::string& path, std::string_view bytes) override {
    return Create(path, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, 0644);
  }

  absl::Status WriteSynced(const std::string& path, std::span<const FilePiece> pieces) override {
    const base::FileDescriptor file(
        open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() < 0) return Refused("open", path, errno);
    struct stat info {};
    if (fstat(file.get(), &info) != 0) return Refused("stat", path, errno);
    if (!S_ISREG(info.st_mode)) {
      return absl::UnavailableError(absl::StrCat(path, ": not a regular file"));
    }
    for (const FilePiece& piece : pieces) {
      if (lseek(file.get(), static_cast<off_t>(piece.offset), SEEK_SET) < 0) {
        return Refused("seek", path, errno);
      }
      const absl::Status written = WriteAll(file.get(), piece.bytes, path);
      if (!written.ok()) return written;
    }
    if (fsync(file.get()) != 0) return Refused("sync", path, errno);
    return absl::OkStatus();
  }

  absl::Status Wipe(const std::string& path) override {
    const base::FileDescriptor file(
        open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() < 0) return Refused("open", path, errno);
    struct stat info {};
    if (fstat(file.get(), &info) != 0) return Refused("stat", path, errno);
    static constexpr std::array<uint8_t, 4096> kZeros{};
    for (auto left = static_cast<size_t>(info.st_size); left > 0;) {
      const size_t step = std::min(left, kZeros.size());
      const absl::Status written = WriteAll(file.get(), std::span(kZeros).first(step), path);
      if (!written.ok()) return written;
      left -= step;
    }
    if (fsync(file.get()) != 0) return Refused("sync", path, errno);
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return Refused("rename", from, errno);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return Refused("remove", path, errno);
    return absl::OkStatus();
  }

  absl::Status MakeDirectory(const std::string& path) override {
    if (mkdir(path.c_str(), 0755) != 0) return Refused("make", path, errno);
    if (chmod(path.c_str(), 0755) != 0) return Refused("chmod", path, errno);
    return absl::OkStatus();
  }

  absl::Status RemoveDirectory(const std::string& path) override {
    // ENOTEMPTY has EEXIST's meaning here, which is not "the path is taken".
    if (rmdir(path.c_str()) != 0) {
      return Refused("remove", path, errno == EEXIST ? ENOTEMPTY : errno);
    }
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& directory) override {
    const base::FileDescriptor file(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (file.get() < 0) return Refused("open", directory, errno);
    if (fsync(file.get()) != 0) return Refused("sync", directory, errno);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> handle(opendir(directory.c_str()), &closedir);
    if (handle == nullptr) return Refused("open", directory, errno);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* const entry = readdir(handle.get());
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    if (errno != 0) return Refused("list", directory, errno);
    return names;
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static PosixFileSystem file_system;
  return file_system;
}

absl::Status MakeDirectories(FileSystem& files, const std::string& path) {
  absl::Status made = files.MakeDirectory(path);
  const std::string above = DirectoryOf(path);
  if (absl::IsNotFound(made) && above != path) {
    made = MakeDirectories(files, above);
    if (made.ok()) made = files.MakeDirectory(path);
  }
  if (absl::IsAlreadyExists(made)) return absl::OkStatus();
  if (!made.ok()) return made;
  const absl::Status synced = files.SyncDirectory(above);
  // Else the next call would take the name for one that is on disk.
  if (!synced.ok()) files.RemoveDirectory(path).IgnoreError();
  return synced;
}

absl::Status ReplaceReadable(FileSystem& files, const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  const absl::Status removed = files.Remove(fresh);  // of a write that was cut off
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  absl::Status status = files.CreateReadable(fresh, bytes);
  if (status.ok()) status = files.Rename(fresh, path);
  if (status.ok()) status = files.SyncDirectory(DirectoryOf(path));
  return status;
}

std::string DirectoryOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::string FileNameOf(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace kluis::crypto
