// SPDX-License-Identifier: Apache-2.0
#include "service/upkeep/directory_watch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr size_t kMaxPinnedBytes = 4096;

absl::Status SystemError(const std::string& path, int error) {
  const std::string message = absl::StrCat("watch: ", path, ": ", std::strerror(error));
  return error == ENOENT || error == ENOTDIR ? absl::NotFoundError(message)
                                             : absl::UnavailableError(message);
}

absl::Status Lost(const std::string& path, const char* what) {
  return absl::DataLossError(absl::StrCat("watch: ", path, " ", what, " while the vault runs"));
}

// OK when `path` leads to what is open as `held`.
absl::Status CheckSame(const std::string& path, int held) {
  struct stat opened {};
  struct stat named {};
  if (fstat(held, &opened) != 0) return SystemError(path, errno);
  if (stat(path.c_str(), &named) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Lost(path, "was moved or deleted")
                                               : SystemError(path, errno);
  }
  const bool same = opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
  return same ? absl::OkStatus() : Lost(path, "was replaced by another");
}

absl::StatusOr<std::string> ReadStart(const std::string& path, int file) {
  std::array<char, kMaxPinnedBytes> bytes{};
  const ssize_t count = pread(file, bytes.data(), bytes.size(), 0);
  if (count < 0) return SystemError(path, errno);
  return std::string(bytes.data(), static_cast<size_t>(count));
}

}  // namespace

DirectoryWatch::Held::Held(Held&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryWatch::Held::~Held() {
  if (descriptor_ >= 0) close(descriptor_);
}

DirectoryWatch::DirectoryWatch(Watched watched, Held directory)
    : watched_(std::move(watched)), directory_(std::move(directory)) {}

DirectoryWatch::Watched DirectoryWatch::DatabaseAt(std::string path) {
  return {std::move(path), {"IDENTITY"}, {"CURRENT"}};
}

absl::StatusOr<std::unique_ptr<DirectoryWatch>> DirectoryWatch::Start(Watched watched) {
  const std::string path = watched.path;
  Held directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory.descriptor() < 0) return SystemError(path, errno);
  std::unique_ptr<DirectoryWatch> watch(
      new DirectoryWatch(std::move(watched), std::move(directory)));
  for (const std::string& name : watch->watched_.pinned) {
    const std::string file = absl::StrCat(path, "/", name);
    Held held(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (held.descriptor() < 0) return SystemError(file, errno);
    absl::StatusOr<std::string> content = ReadStart(file, held.descriptor());
    if (!content.ok()) return content.status();
    watch->pinned_.push_back({file, std::move(held), *std::move(content)});
  }
  const absl::Status all_there = watch->Check();
  if (absl::IsDataLoss(all_there)) return absl::NotFoundError(all_there.message());
  if (!all_there.ok()) return all_there;
  return watch;
}

absl::Status DirectoryWatch::Check() const {
  const absl::Status directory = CheckSame(watched_.path, directory_.descriptor());
  if (!directory.ok()) return directory;
  for (const Pinned& pinned : pinned_) {
    const absl::Status same = CheckSame(pinned.path, pinned.held.descriptor());
    if (!same.ok()) return same;
    const absl::StatusOr<std::string> content = ReadStart(pinned.path, pinned.held.descriptor());
    if (!content.ok()) return content.status();
    if (*content != pinned.content) return Lost(pinned.path, "was changed");
  }
  for (const std::string& name : watched_.present) {
    const std::string path = absl::StrCat(watched_.path, "/", name);
    struct stat ignored {};
    if (stat(path.c_str(), &ignored) == 0) continue;
    return errno == ENOENT || errno == ENOTDIR ? Lost(path, "was moved or deleted")
                                               : SystemError(path, errno);
  }
  return absl::OkStatus();
}

}  // namespace kluis::service
