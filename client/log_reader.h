// Reads a vault's log and believes nothing: checkpoints count only with the log's signature.
// Not thread-safe.
// Source: C2SP tlog-checkpoint, tlog-tiles, tlog-proof; audit/.
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

// Writes checkpoint, vkey, entry bundles and leaf hash tiles below `directory`, the checkpoint
// last: its presence says that the rest is complete. kDataLoss: the entries do not lead to the
// checkpoint's root.
absl::Status ExportLog(Session& session, const LogHead& head, const std::string& directory);

struct ProvenEntry {
  std::string proof;      // C2SP tlog-proof
  uint64_t log_size = 0;  // of the checkpoint in it
};

// Proves that the leaf hash (32 bytes; absent: of the entry as read now) is at `index` under a
// checkpoint that `pinned` signed. kDataLoss: it is not. kFailedPrecondition of the server: no
// checkpoint covers it yet.
absl::StatusOr<ProvenEntry> ProveEntry(Session& session, uint64_t index,
                                       const std::optional<std::string>& leaf_hash,
                                       const std::string& pinned);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_LOG_READER_H_
