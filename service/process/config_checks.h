// SPDX-License-Identifier: Apache-2.0
// What makes a configuration unsafe, as "<key>: <rule>"; nothing: it is in order.
// Thread-safe: functions of a value.
#ifndef KLUIS_SERVICE_PROCESS_CONFIG_CHECKS_H_
#define KLUIS_SERVICE_PROCESS_CONFIG_CHECKS_H_

#include <optional>
#include <string>

#include "service/process/config.h"

namespace kluis::service {

// Looks at the values only; paths are absolute.
std::optional<std::string> UnsafeValue(const Config& config);

// Looks at the files that the configuration names.
std::optional<std::string> UnsafeFile(const Config& config);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_CONFIG_CHECKS_H_
