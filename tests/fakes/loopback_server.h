// SPDX-License-Identifier: Apache-2.0
// Servers on 127.0.0.1 for a test of an HTTP client: a well-behaved one whose answers a function
// makes, and one that does with each connection what a function says.
#ifndef KLUIS_TESTS_FAKES_LOOPBACK_SERVER_H_
#define KLUIS_TESTS_FAKES_LOOPBACK_SERVER_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace kluis {

struct LoopbackAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
};

// Answers POST /w/add-checkpoint; url() is the prefix.
class LoopbackServer {
 public:
  explicit LoopbackServer(std::function<LoopbackAnswer(const std::string& body)> answer) {
    server_.Post("/w/add-checkpoint", [answer = std::move(answer)](const httplib::Request& request,
                                                                   httplib::Response& response) {
      const LoopbackAnswer made = answer(request.body);
      response.status = made.status;
      response.set_content(made.body, made.content_type);
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~LoopbackServer() {
    server_.stop();
    thread_.join();
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/w"; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

// Hands each connection to a function and closes it afterwards; one at a time.
class RawServer {
 public:
  class Connection {
   public:
    Connection(int fd, const std::atomic<bool>& stop) : fd_(fd), stop_(stop) {}

    // False once the other side is gone or the server is to end.
    bool Send(std::string_view bytes) {
      return !stop_ && send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                           static_cast<ssize_t>(bytes.size());
    }
    // Reads the request to its end. Whoever answers before that may have the answer lost: to close
    // with bytes unread resets the connection.
    void ReadRequest() {
      std::string request;
      size_t wanted = std::string::npos;
      char buffer[4096];
      while (request.size() < wanted) {
        const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
        if (got <= 0) return;
        request.append(buffer, static_cast<size_t>(got));
        const size_t end = request.find("\r\n\r\n");
        const size_t length = request.find("Content-Length: ");
        if (end != std::string::npos && length != std::string::npos) {
          wanted = end + 4 + std::stoul(request.substr(length + 16));
        }
      }
    }
    // Reads and drops what comes until the other side closes or the server is to end.
    void Hang() {
      char buffer[4096];
      while (!stop_) {
        pollfd waiting{fd_, POLLIN, 0};
        if (poll(&waiting, 1, 10) > 0 && recv(fd_, buffer, sizeof(buffer), 0) <= 0) return;
      }
    }

   private:
    int fd_;
    const std::atomic<bool>& stop_;
  };

  explicit RawServer(std::function<void(Connection&)> serve) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve)] {
      while (!stop_) {
        pollfd waiting{listener_, POLLIN, 0};
        if (poll(&waiting, 1, 10) <= 0) continue;
        const int fd = accept(listener_, nullptr, nullptr);
        if (fd < 0) continue;
        Connection connection(fd, stop_);
        serve(connection);
        close(fd);
      }
    });
  }
  ~RawServer() {
    stop_ = true;
    thread_.join();
    close(listener_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/w"; }

 private:
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_LOOPBACK_SERVER_H_
