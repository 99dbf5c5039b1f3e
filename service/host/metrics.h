// SPDX-License-Identifier: Apache-2.0
// What the machine's monitoring reads: counts, sizes and times, of no person, case, search or
// caller. Purposes are named, as they are in the published log. Thread-safe: functions of a vault.
// Source: Prometheus, text format 0.0.4 ("Exposition formats").
#ifndef KLUIS_SERVICE_HOST_METRICS_H_
#define KLUIS_SERVICE_HOST_METRICS_H_

#include <string>

#include "service/vault.h"

namespace kluis::service {

// All metrics as they are now. A sealed vault has those of its log, and no gallery. Reads the
// pending erasures; any error of the store leaves their metric out.
std::string MetricsText(Vault& vault);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HOST_METRICS_H_
