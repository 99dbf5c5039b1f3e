// SPDX-License-Identifier: Apache-2.0
#include "base/utc_text.h"

#include "absl/time/time.h"

namespace kluis::base {

std::string UtcText(int64_t unix_seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_seconds),
                          absl::UTCTimeZone());
}

}  // namespace kluis::base
