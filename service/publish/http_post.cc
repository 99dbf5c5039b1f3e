// SPDX-License-Identifier: Apache-2.0
#include "service/publish/http_post.h"

#include <fcntl.h>
#include <httplib.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "base/host_port.h"

namespace kluis::service {
namespace {

bool IsOneOf(std::string_view text, std::string_view marks) {
  for (const char c : text) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alphanumeric && marks.find(c) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url) {
  HttpUrl parsed;
  if (url.starts_with("http://")) {
    url.remove_prefix(7);
    parsed.port = 80;
  } else if (url.starts_with("https://")) {
    url.remove_prefix(8);
    parsed.tls = true;
    parsed.port = 443;
  } else {
    return absl::InvalidArgumentError("must begin with http:// or https://");
  }
  const size_t slash = url.find('/');
  const std::string_view host = url.substr(0, slash);
  if (slash != std::string_view::npos) parsed.prefix = std::string(url.substr(slash));
  while (parsed.prefix.ends_with('/')) parsed.prefix.pop_back();
  parsed.host = std::string(host);
  if (host.find(':') != std::string_view::npos) {
    const std::optional<base::HostPort> place = base::ParseHostPort(host);
    if (!place.has_value() || place->port == 0) {
      return absl::InvalidArgumentError("must have a host, and a port of 1 to 65535 or none");
    }
    parsed.host = place->host;
    parsed.port = place->port;
  }
  if (parsed.host.empty() || !IsOneOf(parsed.host, ".-")) {
    return absl::InvalidArgumentError("the host must be a name or an IPv4 address");
  }
  if (!IsOneOf(parsed.prefix, "/.-_~%")) {
    return absl::InvalidArgumentError("the path must be a plain prefix");
  }
  return parsed;
}

HttpPost::HttpPost(const HttpUrl& url, std::string_view path, std::chrono::microseconds timeout)
    : url_(url), path_(url.prefix + std::string(path)), timeout_(timeout) {
  thread_ = std::thread([this] { Run(); });
}

HttpPost::~HttpPost() {
  std::unique_lock lock(mutex_);
  stop_ = true;
  wake_.notify_all();
  // Again and again, as the call may be about to open its socket.
  while (!wake_.wait_for(lock, std::chrono::milliseconds(10), [this] { return ended_; })) {
    if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
  }
  lock.unlock();
  thread_.join();
}

bool HttpPost::Start(std::string body, std::function<void(Answer)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (call_.has_value()) return false;
    call_ = Call{std::move(body), std::move(done)};
  }
  wake_.notify_all();
  return true;
}

// Not by the client's own stop(): that waits while a connection is being made.
void HttpPost::Abort() {
  const std::lock_guard lock(mutex_);
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

void HttpPost::Watch(int socket) {
  Forget();
  const std::lock_guard lock(mutex_);
  socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
}

void HttpPost::Forget() {
  const std::lock_guard lock(mutex_);
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

void HttpPost::Run() {
  // A server that closes early must not raise a signal that ends the process.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || call_.has_value(); });
    if (!call_.has_value()) break;
    Answer answer;
    answer.failure = "given up";
    const bool given_up = stop_;
    const std::string& body = call_->body;  // nobody else touches call_ until it is reset
    lock.unlock();
    if (!given_up) answer = Exchange(body);
    Forget();
    lock.lock();
    const std::function<void(Answer)> done = std::move(call_->done);
    call_.reset();
    lock.unlock();
    done(std::move(answer));
    lock.lock();
  }
  ended_ = true;
  wake_.notify_all();
}

std::unique_ptr<httplib::ClientImpl> HttpPost::MakeClient() {
  std::unique_ptr<httplib::ClientImpl> client;
  if (url_.tls) {
    client = std::make_unique<httplib::SSLClient>(url_.host, url_.port);
  } else {
    client = std::make_unique<httplib::ClientImpl>(url_.host, url_.port);
  }
  client->set_connection_timeout(timeout_);
  client->set_write_timeout(timeout_);
  client->set_read_timeout(timeout_);
  client->set_follow_location(false);
  client->set_decompress(false);  // no answer is larger than its bytes
  client->set_socket_options([this](socket_t socket) { Watch(socket); });
  return client;
}

HttpPost::Answer HttpPost::Exchange(const std::string& body) {
  httplib::Request request;
  request.method = "POST";
  request.path = path_;
  request.set_header("Content-Type", "text/plain; charset=utf-8");
  request.body = body;
  Answer answer;
  bool too_long = false;
  request.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    too_long = answer.body.size() + size > kMaxAnswerBytes;
    if (!too_long) answer.body.append(data, size);
    return !too_long;
  };
  const httplib::Result result = MakeClient()->send(request);
  if (!result) {
    answer.body.clear();
    answer.failure = too_long ? "answer is too long" : httplib::to_string(result.error());
    return answer;
  }
  answer.status = result->status;
  answer.content_type = result->get_header_value("Content-Type");
  return answer;
}

}  // namespace kluis::service
