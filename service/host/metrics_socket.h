// SPDX-License-Identifier: Apache-2.0
// Tells its metrics to whoever connects to a Unix socket. What a reader sends is never looked at,
// so that `curl --unix-socket` gets an answer and nobody gets a parser. Thread-safe.
// Source: HTTP/1.0 (RFC 1945), of which the answer is the only part.
#ifndef KLUIS_SERVICE_HOST_METRICS_SOCKET_H_
#define KLUIS_SERVICE_HOST_METRICS_SOCKET_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "service/process/unix_server.h"

namespace kluis::service {

// Answers every connection to `path` with what `text` returns then, one reader after the other. A
// reader that has not taken its answer and closed within two seconds is cut off. `text` is called
// on the server's thread. Errors as UnixServer::Start; they name metrics.socket.
absl::StatusOr<std::unique_ptr<UnixServer>> ServeMetrics(const std::string& path,
                                                         std::function<std::string()> text);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HOST_METRICS_SOCKET_H_
