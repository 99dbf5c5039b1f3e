// SPDX-License-Identifier: Apache-2.0
// POSTs to one URL, one at a time, on a thread of its own, so that whoever waits for an answer can
// stop waiting. Thread-safe. Over cpp-httplib; https verifies against the system's certificates.
#ifndef KLUIS_SERVICE_PUBLISH_HTTP_POST_H_
#define KLUIS_SERVICE_PUBLISH_HTTP_POST_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/statusor.h"

namespace httplib {
class ClientImpl;
}

namespace kluis::service {

// The parts of "http[s]://host[:port][/prefix]".
struct HttpUrl {
  bool tls = false;
  std::string host;    // a name or an IPv4 address
  int port = 0;        // 80 or 443 unless told
  std::string prefix;  // empty, or begins with a slash and does not end with one
};

// kInvalidArgument: another form, among them user names, IPv6 addresses, queries and fragments.
absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url);

class HttpPost {
 public:
  // More bytes than that are no answer.
  static constexpr size_t kMaxAnswerBytes = size_t{64} << 10;

  struct Answer {
    int status = 0;  // 0: none, and `failure` says why
    std::string content_type;
    std::string body;
    std::string failure;  // holds no text of the other side
  };

  // POSTs to `url` and `path`. Each step of a call (connect, send, receive) may take `timeout`.
  HttpPost(const HttpUrl& url, std::string_view path, std::chrono::microseconds timeout);

  // Cuts off what runs and waits for its end: at once, unless a name is being resolved.
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  // Sends `body`; `done` is called once, on the object's thread, also after Abort. False, and
  // `done` is not called, when an earlier call has not ended yet.
  bool Start(std::string body, std::function<void(Answer)> done);

  // Cuts off the call that runs, if any; never waits. While a name is being resolved there is
  // nothing to cut off, and the call goes on by itself.
  void Abort();

 private:
  struct Call {
    std::string body;
    std::function<void(Answer)> done;
  };

  void Run();
  Answer Exchange(const std::string& body);
  std::unique_ptr<httplib::ClientImpl> MakeClient();
  void Watch(int socket);
  void Forget();

  const HttpUrl url_;
  const std::string path_;
  const std::chrono::microseconds timeout_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::optional<Call> call_;  // from Start until its answer
  int socket_ = -1;           // a second descriptor of the call's socket, to cut it off with
  bool stop_ = false;
  bool ended_ = false;  // the thread has left Run
  std::thread thread_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PUBLISH_HTTP_POST_H_
