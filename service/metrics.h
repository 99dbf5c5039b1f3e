// What the machine's monitoring reads: counts, sizes and times, of no person, case, search or
// caller. Purposes are named, as they are in the published log. Thread-safe: functions of a vault.
// Source: Prometheus, text format 0.0.4 ("Exposition formats").
#ifndef KLUIS_SERVICE_METRICS_H_
#define KLUIS_SERVICE_METRICS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "service/http_server.h"
#include "service/vault.h"

namespace kluis::service {

// All metrics as they are now. A sealed vault has those of its log, and no gallery. Reads the
// pending erasures; any error of the store leaves their metric out.
std::string MetricsText(Vault& vault);

// Serves that as /metrics on `listen`, which is loopback. `vault` must outlive the server. Errors
// as HttpServer::Start.
absl::StatusOr<std::unique_ptr<HttpServer>> ServeMetrics(const std::string& listen, Vault& vault);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_METRICS_H_
