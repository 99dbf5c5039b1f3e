// Serves the published log by plain HTTP: GET and HEAD of checkpoint and tiles, nothing else. The
// files are public and verify themselves, so there is no TLS; a static web server does the same.
// Thread-safe.
// Source: C2SP tlog-tiles; cpp-httplib.
#ifndef KLUIS_SERVICE_LOG_HTTP_H_
#define KLUIS_SERVICE_LOG_HTTP_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace kluis::service {

class LogHttp {
 public:
  // Listens on `listen`, host:port with port 0 for one that the system chooses, and serves
  // `directory`. kInvalidArgument: `listen` is not audit::HostPort. kUnavailable: it cannot be
  // bound, or nobody listens after 10 seconds.
  static absl::StatusOr<std::unique_ptr<LogHttp>> Start(const std::string& listen,
                                                        const std::string& directory);
  ~LogHttp();

  int port() const;

 private:
  struct Server;
  explicit LogHttp(std::shared_ptr<Server> server);

  const std::shared_ptr<Server> server_;  // with the thread that listens
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LOG_HTTP_H_
