// SPDX-License-Identifier: Apache-2.0
// Listens on a Unix socket, which is a file that only some may open, and hands each connection on
// without reading from it. Thread-safe.
// Source: unix(7).
#ifndef KLUIS_SERVICE_PROCESS_UNIX_SERVER_H_
#define KLUIS_SERVICE_PROCESS_UNIX_SERVER_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace kluis::service {

inline constexpr size_t kMaxSocketPathBytes = 107;  // what sockaddr_un holds, without its zero

class UnixServer {
 public:
  // Called on the server's one thread with a connected socket: non-blocking, closed on exec, and
  // `take`'s to close. The next connection waits until it returns.
  using Take = std::function<void(int connection)>;

  // Makes the socket at `path` with mode 0660 and calls `take` from now on. Its group is that of
  // its directory when that has the set-group-ID bit, else the process's. A socket that a dead
  // process left there is replaced. `key` is the setting that messages name.
  // kInvalidArgument: `path` is longer than kMaxSocketPathBytes. kFailedPrecondition: its directory
  // is not there or may be written by group or others, or something else than a socket is at
  // `path`. kUnavailable: another process listens there, or the system refuses.
  static absl::StatusOr<std::unique_ptr<UnixServer>> Start(const std::string& key,
                                                           const std::string& path, Take take);

  // Waits for a `take` that runs, and removes the socket unless another one took its place.
  ~UnixServer();
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;

 private:
  UnixServer(std::string path, Take take);

  absl::Status Listen(const std::string& key);
  void Run();

  const std::string path_;
  const Take take_;
  int listener_ = -1;
  int stop_ = -1;  // an eventfd; readable when the thread must end
  dev_t device_ = 0;
  ino_t inode_ = 0;  // of the socket's file; 0: none was made
  std::thread thread_;
};

// The user that `name` is, or whose number it is; nullopt: there is none of that name.
std::optional<uid_t> UserOf(const std::string& name);

// The user at the other end of a connected Unix socket, as it was when it connected; -1: unknown.
uid_t PeerUser(int connection);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_UNIX_SERVER_H_
