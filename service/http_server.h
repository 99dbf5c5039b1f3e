// Plain HTTP with GET and HEAD only, for what is public or does not leave the machine: the
// published log and metrics. Thread-safe.
// Source: cpp-httplib.
#ifndef KLUIS_SERVICE_HTTP_SERVER_H_
#define KLUIS_SERVICE_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kluis::service {

struct HttpAnswer {
  int status = 404;
  std::string body = {};
  std::string content_type = {};
  std::string cache_control = {};  // empty: no such header
};

class HttpServer {
 public:
  // Called from several threads with the path after the first slash, decoded.
  using Handler = std::function<HttpAnswer(std::string_view path)>;

  // Listens on `listen`, host:port with port 0 for one that the system chooses. `key` is the
  // setting that messages name. kInvalidArgument: `listen` is not audit::HostPort. kUnavailable: it
  // cannot be bound, or nobody listens after 10 seconds.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& key,
                                                           const std::string& listen,
                                                           Handler handler);
  ~HttpServer();  // lets running answers end

  int port() const;

 private:
  struct Server;
  explicit HttpServer(std::shared_ptr<Server> server);

  const std::shared_ptr<Server> server_;  // with the thread that listens
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HTTP_SERVER_H_
