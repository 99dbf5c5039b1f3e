// SPDX-License-Identifier: Apache-2.0
// Reads a vault's log and believes nothing: checkpoints count only with the log's signature.
// Not thread-safe.
// Source: C2SP tlog-checkpoint, tlog-proof; audit/.
#ifndef KLUIS_CLIENT_LOG_READER_H_
#define KLUIS_CLIENT_LOG_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/verifier_key.h"
#include "client/session.h"

namespace kluis::client {

struct LogHead {
  std::string note;  // the signed checkpoint
  audit::VerifierKey key;
  audit::Checkpoint checkpoint;
};

// `pinned`: the log's verifier key, or a file with it; empty: the one that the vault says is its
// own, which proves only that the vault agrees with itself. kInvalidArgument: not a verifier key.
// kDataLoss: the signature fails. Others: as Session::Call.
absl::StatusOr<LogHead> ReadHead(Session& session, const std::string& pinned);

// Entries [start, end) in order, each to `take`, whose failure ends it. Calls for some thousand
// entries at a time, each within --timeout. kDataLoss: other entries than were asked for.
absl::Status ReadEntries(Session& session, uint64_t start, uint64_t end,
                         const std::function<absl::Status(uint64_t, const std::string&)>& take);

// What ProveEntry is asked.
struct ProofOrder {
  uint64_t index = 0;
  // 32 bytes, of a receipt; absent: of the entry as read now.
  std::optional<std::string> leaf_hash = std::nullopt;
  bool with_entry = false;  // read the entry also when the leaf hash is known
  std::string pinned = {};  // as for ReadHead
};

struct ProvenEntry {
  std::string proof;                 // C2SP tlog-proof
  audit::Checkpoint checkpoint;      // in it
  std::optional<std::string> entry;  // the bytes that are hashed, when they were read
};

// Proves that an entry is at its index under a checkpoint that the log's key signed. Reading the
// entry itself is for auditors, supervisors and operators. kDataLoss: it is not there.
// kInvalidArgument of the server: the log does not reach that far.
absl::StatusOr<ProvenEntry> ProveEntry(Session& session, const ProofOrder& order);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_LOG_READER_H_
