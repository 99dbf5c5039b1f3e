// SPDX-License-Identifier: Apache-2.0
// Whose the probes of an evaluation are: one line a probe, in their order.
#ifndef KLUIS_CLIENT_PROBE_LABELS_H_
#define KLUIS_CLIENT_PROBE_LABELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kluis::client {

// The labels of `probes` probes: "subjects/<32 hex digits>", or empty for "-" and an empty line, a
// probe of nobody enrolled. White space around a line is left out. kInvalidArgument: the file
// cannot be read or is over 1 MiB, a line is neither, or there are more or fewer lines; the message
// names path and line, counted from 1.
absl::StatusOr<std::vector<std::string>> ReadProbeLabels(const std::string& path, uint64_t probes);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_PROBE_LABELS_H_
