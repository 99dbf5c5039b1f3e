// SPDX-License-Identifier: Apache-2.0
#include "audit/tool/http_client.h"

#include <fcntl.h>
#include <httplib.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::audit {
namespace {

// A call that no server can draw out: when it ends late, its socket is shut. Waiting for one byte
// after the other has its own, shorter bound in the client; this bounds their sum.
class Deadline {
 public:
  Deadline() = default;
  ~Deadline() { Forget(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  // The connection that the next calls use.
  void Watch(int socket) {
    Forget();
    const std::lock_guard lock(mutex_);
    socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  }

  // Runs `call`. False: it took longer than `limit`, and was cut off.
  bool Run(std::chrono::seconds limit, const std::function<void()>& call) {
    bool ended = false;
    bool late = false;
    std::thread watch([&, until = std::chrono::steady_clock::now() + limit] {
      std::unique_lock lock(mutex_);
      if (ended_.wait_until(lock, until, [&] { return ended; })) return;
      late = true;
      // Again and again, as the call may be about to open its socket.
      do {
        if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
      } while (!ended_.wait_for(lock, kAgain, [&] { return ended; }));
    });
    call();
    {
      const std::lock_guard lock(mutex_);
      ended = true;
    }
    ended_.notify_all();
    watch.join();
    return !late;
  }

 private:
  static constexpr std::chrono::milliseconds kAgain{50};

  void Forget() {
    const std::lock_guard lock(mutex_);
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  int socket_ = -1;  // a duplicate, so that its number stays ours; guarded by mutex_
};

class HttpLog final : public LogSource {
 public:
  // `server`: schema, host and port; `prefix`: "" or "/path".
  HttpLog(std::string server, std::string prefix, int timeout_seconds)
      : server_(std::move(server)),
        prefix_(std::move(prefix)),
        timeout_(timeout_seconds),
        client_(server_) {
    client_.set_connection_timeout(timeout_);
    client_.set_read_timeout(timeout_);
    client_.set_write_timeout(timeout_);
    client_.set_keep_alive(true);
    client_.set_socket_options([this](socket_t socket) { deadline_.Watch(socket); });
  }

  bool is_valid() const { return client_.is_valid(); }

  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    const std::string target = absl::StrCat(prefix_, "/", path);
    const std::string where = absl::StrCat(server_, target);
    std::string body;
    int status = 0;
    bool too_large = false;
    httplib::Error error = httplib::Error::Unknown;
    const bool in_time = deadline_.Run(timeout_, [&] {
      const httplib::Result result = client_.Get(
          target,
          [&](const httplib::Response& response) {
            status = response.status;
            return status == 200;  // what an error page says, and how long it is, is no matter
          },
          [&](const char* bytes, size_t count) {
            too_large = body.size() + count > max_bytes;
            if (!too_large) body.append(bytes, count);
            return !too_large;
          });
      error = result.error();
    });
    if (status == 404) return absl::NotFoundError(absl::StrCat(where, ": not found"));
    if (status != 0 && status != 200) {
      return absl::UnavailableError(absl::StrCat(where, ": status ", status));
    }
    if (too_large) return absl::DataLossError(absl::StrCat(where, ": too large"));
    if (!in_time) {
      return absl::UnavailableError(
          absl::StrCat(where, ": took longer than ", timeout_.count(), " s"));
    }
    if (error != httplib::Error::Success) {
      return absl::UnavailableError(absl::StrCat(where, ": ", httplib::to_string(error)));
    }
    return body;
  }

 private:
  std::string server_;
  std::string prefix_;
  std::chrono::seconds timeout_;
  Deadline deadline_;  // outlives the client, which tells it of its sockets
  httplib::Client client_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LogSource>> OpenHttpLog(std::string_view url, int timeout_seconds) {
  const size_t schema = url.find("://");
  const bool known = url.starts_with("http://") || url.starts_with("https://");
  while (url.ends_with('/')) url.remove_suffix(1);
  if (!known || schema + 3 >= url.size() || url.find_first_of("?#") != std::string_view::npos) {
    return absl::InvalidArgumentError("URL: must be http://HOST[:PORT][/PATH] or https://...");
  }
  signal(SIGPIPE, SIG_IGN);  // a server that closes early must not end the process
  const size_t path = std::min(url.find('/', schema + 3), url.size());
  auto log = std::make_unique<HttpLog>(std::string(url.substr(0, path)),
                                       std::string(url.substr(path)), timeout_seconds);
  if (!log->is_valid()) return absl::InvalidArgumentError("URL: not one");
  return log;
}

}  // namespace kluis::audit
