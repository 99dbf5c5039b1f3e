#include "service/http_server.h"

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/host_port.h"

namespace kluis::service {
namespace {

constexpr size_t kThreads = 4;
constexpr time_t kSeconds = 10;             // for a request to arrive and an answer to leave
constexpr std::chrono::seconds kStart(10);  // for the thread that listens to come up

}  // namespace

struct HttpServer::Server {
  httplib::Server http;
  std::thread thread;
  std::atomic<bool> ended = false;     // the thread is done with `http`
  std::atomic<bool> given_up = false;  // nobody waits for the thread: the handler is not called
  int port = 0;
};

HttpServer::HttpServer(std::shared_ptr<Server> server) : server_(std::move(server)) {}

HttpServer::~HttpServer() {
  server_->http.stop();
  if (server_->thread.joinable()) server_->thread.join();
}

int HttpServer::port() const { return server_->port; }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& key,
                                                              const std::string& listen,
                                                              Handler handler) {
  const std::optional<audit::HostPort> place = audit::ParseHostPort(listen);
  if (!place.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(key, ": must be host:port"));
  }
  auto server = std::make_shared<Server>();
  httplib::Server& http = server->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // httplib deletes it
  http.set_read_timeout(kSeconds);
  http.set_write_timeout(kSeconds);
  http.set_payload_max_length(0);
  http.Get("/.*", [handler = std::move(handler), &given_up = server->given_up](
                      const httplib::Request& request, httplib::Response& response) {
    if (given_up) {
      response.status = 503;
      return;
    }
    const HttpAnswer answer = handler(std::string_view(request.path).substr(1));
    response.status = answer.status;
    if (!answer.cache_control.empty()) response.set_header("Cache-Control", answer.cache_control);
    if (answer.status == 200) response.set_content(answer.body, answer.content_type);
  });
  server->port = place->port == 0
                     ? http.bind_to_any_port(place->host.c_str())
                     : (http.bind_to_port(place->host.c_str(), place->port) ? place->port : -1);
  const absl::Status deaf =
      absl::UnavailableError(absl::StrCat(key, ": cannot listen on ", listen));
  if (server->port <= 0) return deaf;
  server->thread = std::thread([server] {
    server->http.listen_after_bind();
    server->ended = true;
  });
  // httplib stops only what runs.
  const auto deadline = std::chrono::steady_clock::now() + kStart;
  while (!http.is_running() && !server->ended && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (!http.is_running()) {
    server->given_up = true;  // what the handler works on may go now
    server->thread.detach();  // it holds the rest, and nobody could stop it
    return deaf;
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(server)));
}

}  // namespace kluis::service
