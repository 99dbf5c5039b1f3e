// SPDX-License-Identifier: Apache-2.0
// Commitments of entries and their openings: the entry shows a digest, the nonce and the payload
// stand sealed beside it and can be forgotten. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_CUSTODY_COMMITMENTS_H_
#define KLUIS_SERVICE_CUSTODY_COMMITMENTS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "audit/details.h"
#include "kluis/v1/ledger.pb.h"
#include "service/custody/sealer.h"
#include "service/ledger/writes.h"

namespace kluis::service {

inline constexpr size_t kOpeningNonceBytes = audit::kDetailsNonceBytes;

struct Opening {
  v1::Commitment commitment;
  std::string nonce;    // kOpeningNonceBytes random bytes
  std::string payload;  // a statement: its serialized kluis.v1.Envelope
};

// Commits to `payload`, which is called `what` in the entry.
Opening CommitTo(std::string_view what, std::string payload);

// Seals nonce | payload of each opening under `slot`, for the entry with this index.
absl::Status StoreOpenings(const Sealer& sealer, uint32_t slot, uint64_t index,
                           const std::vector<Opening>& openings, Writes& writes);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CUSTODY_COMMITMENTS_H_
