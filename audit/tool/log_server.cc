// SPDX-License-Identifier: Apache-2.0
#include "audit/tool/log_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <list>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/tool/log_answer.h"

namespace kluis::audit {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kBacklog = 128;
constexpr size_t kMostThrownAway = size_t{64} << 10;  // bytes of a body, unread
constexpr std::chrono::milliseconds kRest{100};       // when the process has no descriptor left

struct Connection {
  enum class State { kReading, kSending, kLeaving };

  int socket = -1;
  std::string source;
  State state = State::kReading;
  SteadyClock::time_point end;
  std::string bytes = {};  // the request so far, then the answer's head
  size_t done = 0;         // of `bytes` sent, or thrown away while leaving
  int file = -1;           // the answer's body; -1: none
  off_t at = 0;
  off_t size = 0;
};

// What one sender is counted as.
std::string SourceOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address).sin_addr;
    return std::string(reinterpret_cast<const char*>(&v4), sizeof(v4));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  return std::string(reinterpret_cast<const char*>(&v6), 8);
}

}  // namespace

class LogServer::Loop {
 public:
  Loop(std::string directory, LogServerLimits limits)
      : directory_(std::move(directory)), limits_(limits) {}
  ~Loop() {
    while (!connections_.empty()) End(connections_.begin());
    if (listener_ >= 0) close(listener_);
    if (stop_ >= 0) close(stop_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The port; 0: it cannot be listened on.
  int Listen(const base::HostPort& address);
  void Run();
  void Stop() {
    const uint64_t one = 1;
    while (write(stop_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
  }

 private:
  using Connections = std::list<Connection>;

  void Accept();
  bool Step(Connection& connection);  // false: it is over
  bool Read(Connection& connection);
  bool Send(Connection& connection);
  bool Leave(Connection& connection);
  void Begin(Connection& connection, LogAnswer answer);
  static void Reset(const Connection& connection);
  Connections::iterator End(Connections::iterator connection);

  const std::string directory_;
  const LogServerLimits limits_;
  int listener_ = -1;
  int stop_ = -1;  // an eventfd; readable when the thread must end
  SteadyClock::time_point rest_until_{};
  Connections connections_;
  std::map<std::string, size_t> sources_;  // how many of each
};

int LogServer::Loop::Listen(const base::HostPort& address) {
  stop_ = eventfd(0, EFD_CLOEXEC);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* places = nullptr;
  if (stop_ < 0 || getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints,
                               &places) != 0) {
    return 0;
  }
  for (const addrinfo* place = places; place != nullptr && listener_ < 0; place = place->ai_next) {
    const int one = 1;
    const int made =
        socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, place->ai_protocol);
    if (made < 0) continue;
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (place->ai_family == AF_INET6) {
      setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    if (bind(made, place->ai_addr, place->ai_addrlen) == 0 && listen(made, kBacklog) == 0) {
      listener_ = made;
    } else {
      close(made);
    }
  }
  freeaddrinfo(places);
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (listener_ < 0 || getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size) < 0) {
    return 0;
  }
  // The port stands at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

void LogServer::Loop::Run() {
  // A client that closes early must not raise a signal that ends the process.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

  std::vector<pollfd> waits;
  for (;;) {
    const SteadyClock::time_point now = SteadyClock::now();
    const bool room = connections_.size() < limits_.connections && now >= rest_until_;
    waits.assign({{stop_, POLLIN, 0}, {room ? listener_ : -1, POLLIN, 0}});
    SteadyClock::time_point next = room ? now + std::chrono::minutes(1) : now + kRest;
    for (const Connection& connection : connections_) {
      const bool sends = connection.state == Connection::State::kSending;
      waits.push_back({connection.socket, static_cast<short>(sends ? POLLOUT : POLLIN), 0});
      next = std::min(next, connection.end);
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
    poll(waits.data(), waits.size(), static_cast<int>(std::max<int64_t>(wait, 0)));
    if (waits[0].revents != 0) return;
    const SteadyClock::time_point then = SteadyClock::now();
    size_t i = 2;  // in the order in which they were put there
    for (auto connection = connections_.begin(); connection != connections_.end(); ++i) {
      const bool is_late = then >= connection->end;
      if (is_late) Reset(*connection);
      const bool over = is_late || (waits[i].revents != 0 && !Step(*connection));
      connection = over ? End(connection) : std::next(connection);
    }
    if (waits[1].revents != 0) Accept();
  }
}

void LogServer::Loop::Accept() {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  const int socket = accept4(listener_, reinterpret_cast<sockaddr*>(&address), &size,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) {
    const bool transient = errno == EINTR || errno == EAGAIN || errno == ECONNABORTED;
    if (!transient) rest_until_ = SteadyClock::now() + kRest;
    return;
  }
  const std::string source = SourceOf(address);
  size_t& count = sources_[source];
  if (count >= limits_.per_source) {
    close(socket);
    return;
  }
  ++count;
  connections_.push_back(
      {.socket = socket, .source = source, .end = SteadyClock::now() + limits_.request});
}

// What was sent and not read goes with the connection; else the system keeps it for minutes.
void LogServer::Loop::Reset(const Connection& connection) {
  const linger at_once = {1, 0};
  setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

LogServer::Loop::Connections::iterator LogServer::Loop::End(Connections::iterator connection) {
  close(connection->socket);
  if (connection->file >= 0) close(connection->file);
  const auto source = sources_.find(connection->source);
  if (--source->second == 0) sources_.erase(source);
  return connections_.erase(connection);
}

bool LogServer::Loop::Step(Connection& connection) {
  switch (connection.state) {
    case Connection::State::kReading:
      return Read(connection);
    case Connection::State::kSending:
      return Send(connection);
    case Connection::State::kLeaving:
      return Leave(connection);
  }
  return false;
}

bool LogServer::Loop::Read(Connection& connection) {
  char bytes[2048];
  const size_t room = std::min(sizeof(bytes), kMaxRequestBytes - connection.bytes.size());
  const ssize_t count = recv(connection.socket, bytes, room, 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  connection.bytes.append(bytes, static_cast<size_t>(count));
  if (connection.bytes.find("\r\n\r\n") != std::string::npos) {
    Begin(connection, AnswerTo(directory_, connection.bytes));
  } else if (connection.bytes.size() >= kMaxRequestBytes) {
    Begin(connection, AnswerToTooLong());
  }
  return true;
}

void LogServer::Loop::Begin(Connection& connection, LogAnswer answer) {
  connection.bytes = std::move(answer.head);
  connection.file = answer.file;
  connection.size = answer.body;
  connection.state = Connection::State::kSending;
  connection.end = SteadyClock::now() + limits_.answer +
                   std::chrono::seconds(connection.size / limits_.bytes_per_second);
}

bool LogServer::Loop::Send(Connection& connection) {
  const auto waits = [] { return errno == EAGAIN || errno == EINTR; };
  while (connection.done < connection.bytes.size()) {
    const ssize_t sent = send(connection.socket, connection.bytes.data() + connection.done,
                              connection.bytes.size() - connection.done,
                              connection.size > 0 ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
    if (sent < 0) return waits();
    connection.done += static_cast<size_t>(sent);
  }
  if (connection.at < connection.size) {
    const auto left = static_cast<size_t>(connection.size - connection.at);
    const ssize_t sent = sendfile(connection.socket, connection.file, &connection.at, left);
    if (sent < 0) return waits();
    if (sent == 0) return false;  // the file became shorter
    if (connection.at < connection.size) return true;
  }
  // Lets the client close first: a socket closed over unread bytes would take its answer back.
  shutdown(connection.socket, SHUT_WR);
  connection.state = Connection::State::kLeaving;
  connection.done = 0;
  return true;
}

bool LogServer::Loop::Leave(Connection& connection) {
  char bytes[4096];
  const ssize_t count = recv(connection.socket, bytes, sizeof(bytes), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  connection.done += static_cast<size_t>(count);
  return connection.done < kMostThrownAway;
}

LogServer::LogServer(std::unique_ptr<Loop> loop, int port)
    : loop_(std::move(loop)), port_(port), thread_([this] { loop_->Run(); }) {}

LogServer::~LogServer() {
  loop_->Stop();
  thread_.join();
}

absl::StatusOr<std::unique_ptr<LogServer>> LogServer::Start(const std::string& directory,
                                                            const base::HostPort& address,
                                                            LogServerLimits limits) {
  auto loop = std::make_unique<Loop>(directory, limits);
  const int port = loop->Listen(address);
  if (port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address.host));
  }
  return std::unique_ptr<LogServer>(new LogServer(std::move(loop), port));
}

}  // namespace kluis::audit
