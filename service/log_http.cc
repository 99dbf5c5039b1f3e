#include "service/log_http.h"

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/host_port.h"
#include "audit/note.h"
#include "audit/tiles.h"
#include "crypto/file_system.h"

namespace kluis::service {
namespace {

constexpr size_t kThreads = 4;
constexpr time_t kSeconds = 10;             // for a request to arrive and an answer to leave
constexpr std::chrono::seconds kStart(10);  // for the thread that listens to come up
constexpr size_t kMaxFileBytes = audit::kTileWidth * (2 + audit::kMaxEntryBytes);

// What never changes may be kept; the checkpoint and partial tiles are short of that.
const char* CachingOf(const audit::Tile& tile) {
  return tile.width == audit::kTileWidth ? "public, max-age=31536000, immutable" : "no-cache";
}

void Serve(const std::string& directory, const httplib::Request& request,
           httplib::Response& response) {
  const std::string path = request.path.substr(1);
  const bool checkpoint = path == "checkpoint";
  const absl::StatusOr<audit::Tile> tile = audit::ParseTilePath(path);
  response.status = 404;
  if (!checkpoint && !tile.ok()) return;
  const absl::StatusOr<std::string> bytes = crypto::RealFileSystem().Read(
      absl::StrCat(directory, "/", path), checkpoint ? audit::kMaxNoteBytes : kMaxFileBytes);
  if (absl::IsNotFound(bytes.status())) return;
  response.status = bytes.ok() ? 200 : 503;
  if (!bytes.ok()) return;
  response.set_header("Cache-Control", checkpoint ? "no-cache" : CachingOf(*tile));
  response.set_content(*bytes,
                       checkpoint ? "text/plain; charset=utf-8" : "application/octet-stream");
}

}  // namespace

struct LogHttp::Server {
  httplib::Server http;
  std::thread thread;
  std::atomic<bool> ended = false;  // the thread is done with `http`
  int port = 0;
};

LogHttp::LogHttp(std::shared_ptr<Server> server) : server_(std::move(server)) {}

LogHttp::~LogHttp() {
  server_->http.stop();
  if (server_->thread.joinable()) server_->thread.join();
}

int LogHttp::port() const { return server_->port; }

absl::StatusOr<std::unique_ptr<LogHttp>> LogHttp::Start(const std::string& listen,
                                                        const std::string& directory) {
  const std::optional<audit::HostPort> place = audit::ParseHostPort(listen);
  if (!place.has_value()) {
    return absl::InvalidArgumentError("audit.http_listen: must be host:port");
  }
  auto server = std::make_shared<Server>();
  httplib::Server& http = server->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // httplib deletes it
  http.set_read_timeout(kSeconds);
  http.set_write_timeout(kSeconds);
  http.set_payload_max_length(0);
  http.Get("/.*", [directory](const httplib::Request& request, httplib::Response& response) {
    Serve(directory, request, response);
  });
  server->port = place->port == 0
                     ? http.bind_to_any_port(place->host.c_str())
                     : (http.bind_to_port(place->host.c_str(), place->port) ? place->port : -1);
  const absl::Status deaf =
      absl::UnavailableError(absl::StrCat("audit.http_listen: cannot listen on ", listen));
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
    server->thread.detach();  // it holds what it needs, and nobody could stop it
    return deaf;
  }
  return std::unique_ptr<LogHttp>(new LogHttp(std::move(server)));
}

}  // namespace kluis::service
