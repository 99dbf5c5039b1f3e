// SPDX-License-Identifier: Apache-2.0
// The id of a record: 16 random bytes. Pure functions, thread-safe.
#ifndef KLUIS_BASE_ID_H_
#define KLUIS_BASE_ID_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::base {

using Id = std::array<uint8_t, 16>;

// kDataLoss: not exactly 16 bytes, so the record that it stands in is damaged.
inline absl::StatusOr<Id> IdFromBytes(std::string_view bytes) {
  Id id;
  if (bytes.size() != id.size()) return absl::DataLossError("record: an id is damaged");
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

}  // namespace kluis::base

#endif  // KLUIS_BASE_ID_H_
