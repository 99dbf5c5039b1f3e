// Serves the published log by plain HTTP: GET and HEAD of checkpoint and tiles, nothing else. The
// files are public and verify themselves, so there is no TLS; a static web server does the same.
// Source: C2SP tlog-tiles.
#ifndef KLUIS_SERVICE_LOG_HTTP_H_
#define KLUIS_SERVICE_LOG_HTTP_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "service/http_server.h"

namespace kluis::service {

// Serves `directory` on `listen`. Errors as HttpServer::Start.
absl::StatusOr<std::unique_ptr<HttpServer>> ServeLog(const std::string& listen,
                                                     const std::string& directory);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LOG_HTTP_H_
