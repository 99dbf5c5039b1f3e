// SPDX-License-Identifier: Apache-2.0
// Replays a log: everything that an auditor can find out with public keys alone.
//   integrity     the entries are those that the log's key signed
//   completeness  nothing is missing (audit/replay/completeness.h)
//   state         their fold is the state that each closing entry claims (audit/replay/state.h)
//   decisions     each follows from the entries before it (audit/replay/decisions.h)
// Memory is bounded whatever the log's length. Bundles are read, hashed and parsed, and signatures
// verified, by several threads; the fold is one thread's. The functions are thread-safe.
#ifndef KLUIS_AUDIT_REPLAY_REPLAY_H_
#define KLUIS_AUDIT_REPLAY_REPLAY_H_

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/replay/entry.h"
#include "audit/replay/report.h"
#include "audit/replay/scratch_state.h"
#include "audit/verifier_key.h"

namespace kluis::audit {

struct ReplayOptions {
  size_t threads = 0;  // besides the calling one; 0: as many as the machine has
  ScratchState::Options scratch;
  // Who may have told the vault the time, and how many must agree. Without them no time that
  // witnesses confirmed is believed.
  std::vector<VerifierKey> witnesses;
  size_t quorum = 0;
  std::istream* details = nullptr;  // an inspection export (audit/replay/details.h)
  // Called by the calling thread once per bundle.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// Replays the `checkpoint.size` entries that `read` gives in bundles. `checkpoint` was verified to
// be signed by `key`. What is wrong with the log is in the report. kInvalidArgument: the export of
// details is not one of this log. kUnavailable: it cannot be read. kInternal: the scratch database
// fails.
absl::StatusOr<ReplayReport> Replay(const Checkpoint& checkpoint, const VerifierKey& key,
                                    const BundleReader& read, const ReplayOptions& options);

// Replays the exported log in `directory`, whose checkpoint must be signed by `key` and cosigned by
// `quorum` of `witnesses`. kNotFound: no checkpoint. kInvalidArgument, kDataLoss: as
// OpenCheckpoint, and too few witnesses. Others as Replay.
absl::StatusOr<ReplayReport> ReplayDirectory(const std::string& directory, const VerifierKey& key,
                                             const std::vector<VerifierKey>& witnesses,
                                             size_t quorum, const ReplayOptions& options);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_REPLAY_H_
