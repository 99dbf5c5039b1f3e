// SPDX-License-Identifier: Apache-2.0
// What stands behind the commitments of log entries, as far as it has not been forgotten. Only for
// an inspection that the log has allowed. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_ACTS_INSPECTION_H_
#define KLUIS_SERVICE_ACTS_INSPECTION_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "kluis/v1/types.pb.h"
#include "service/vault.h"

namespace kluis::service {

// Takes one opening; what it leaves in it is wiped after the call. A failure ends the inspection.
using TakeOpening = std::function<absl::Status(v1::CommitmentOpening&)>;

// Asked before each entry: a failure ends the inspection.
using GoOn = std::function<absl::Status()>;

// Gives every opening of the entries [start, end) that still opens, in the order of the log and of
// an entry's commitments; entries beyond the log have none. Left out are the commitments of refused
// acts, whose openings were never kept, and what has been forgotten: with the subject, or with the
// year of the authority that wrote it. Holds 256 entries at a time, and 32 bytes for each
// disclosure of the vault when the range has one.
// kDataLoss: an opening is missing, altered or not what the entry commits to although it has not
// been forgotten; the message names the entry. Failures of `go_on` and `take` are passed on.
absl::Status OpenCommitments(Vault& vault, uint64_t start, uint64_t end, const GoOn& go_on,
                             const TakeOpening& take);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_INSPECTION_H_
