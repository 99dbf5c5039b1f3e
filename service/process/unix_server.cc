// SPDX-License-Identifier: Apache-2.0
#include "service/process/unix_server.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr int kBacklog = 64;
constexpr mode_t kSocketMode = 0660;
constexpr int kRestMilliseconds = 100;  // when the process has no descriptor left

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

// Whether a process listens at `path`.
bool IsListenedTo(const std::string& path) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return true;
  const sockaddr_un address = AddressOf(path);
  const int connected =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const bool refused = connected < 0 && errno == ECONNREFUSED;
  close(probe);
  return !refused;
}

// Nothing is left at `path` when this is OK.
absl::Status MakeRoom(const std::string& key, const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) < 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(key, ": cannot look at ", path));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(key, ": ", path, " is not a socket"));
  }
  if (IsListenedTo(path)) {
    return absl::UnavailableError(absl::StrCat(key, ": another process listens at ", path));
  }
  if (unlink(path.c_str()) < 0 && errno != ENOENT) {
    return absl::UnavailableError(absl::StrCat(key, ": cannot replace ", path));
  }
  return absl::OkStatus();
}

// Who may write the directory may put a socket of their own into the place of this one.
absl::Status CheckDirectory(const std::string& key, const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  struct stat found {};
  if (stat(directory.c_str(), &found) < 0 || !S_ISDIR(found.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(key, ": there is no directory ", directory));
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        key, ": ", directory, " may be written by group or others: chmod go-w ", directory));
  }
  return absl::OkStatus();
}

}  // namespace

UnixServer::UnixServer(std::string path, Take take)
    : path_(std::move(path)), take_(std::move(take)) {}

absl::StatusOr<std::unique_ptr<UnixServer>> UnixServer::Start(const std::string& key,
                                                              const std::string& path, Take take) {
  if (path.size() > kMaxSocketPathBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, ": must be at most ", kMaxSocketPathBytes, " bytes as a whole path"));
  }
  std::unique_ptr<UnixServer> server(new UnixServer(path, std::move(take)));
  const absl::Status listens = server->Listen(key);
  if (!listens.ok()) return listens;
  server->thread_ = std::thread([raw = server.get()] { raw->Run(); });
  return server;
}

absl::Status UnixServer::Listen(const std::string& key) {
  absl::Status ready = CheckDirectory(key, path_);
  if (ready.ok()) ready = MakeRoom(key, path_);
  if (!ready.ok()) return ready;
  const absl::Status deaf = absl::UnavailableError(absl::StrCat(key, ": cannot listen at ", path_));
  stop_ = eventfd(0, EFD_CLOEXEC);
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (stop_ < 0 || listener_ < 0) return deaf;
  const sockaddr_un address = AddressOf(path_);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    return deaf;
  }
  // Until it listens nobody can connect, so the mode comes in time.
  struct stat made {};
  if (chmod(path_.c_str(), kSocketMode) < 0 || lstat(path_.c_str(), &made) < 0) return deaf;
  device_ = made.st_dev;
  inode_ = made.st_ino;
  return listen(listener_, kBacklog) < 0 ? deaf : absl::OkStatus();
}

UnixServer::~UnixServer() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    while (write(stop_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  struct stat found {};
  const bool ours = inode_ != 0 && lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
                    found.st_ino == inode_;
  if (ours) unlink(path_.c_str());
  if (listener_ >= 0) close(listener_);
  if (stop_ >= 0) close(stop_);
}

void UnixServer::Run() {
  for (;;) {
    pollfd waits[] = {{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0) continue;  // a signal
    if (waits[0].revents != 0) return;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= 0) {
      take_(connection);
    } else if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED) {
      poll(waits, 1, kRestMilliseconds);  // the connection still waits: try again, but not at once
    }
  }
}

std::optional<uid_t> UserOf(const std::string& name) {
  uid_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data(), end, number);
  if (failure == std::errc() && stop == end) return number;
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(size_t{16} << 10);
  if (getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return entry.pw_uid;
}

uid_t PeerUser(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool known = getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  return known ? peer.uid : static_cast<uid_t>(-1);
}

}  // namespace kluis::service
