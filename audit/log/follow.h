// SPDX-License-Identifier: Apache-2.0
// Follows a published log: is the newer checkpoint the same log, and does it still grow? Every
// answer is proven from the log's own tiles under roots that the log's key signed.
// Source: RFC 6962 s.2.1.2 (consistency), c2sp.org/tlog-tiles.
//
// The time of a checkpoint is the decision time of its last entry, its closing entry.
#ifndef KLUIS_AUDIT_LOG_FOLLOW_H_
#define KLUIS_AUDIT_LOG_FOLLOW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/log/log_source.h"
#include "audit/verifier_key.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// How a newer checkpoint stands to an older one.
enum class Relation {
  kSame,       // the same tree
  kGrew,       // it extends the older one, as proven
  kFork,       // it does not: two trees under one key
  kShrank,     // it is smaller
  kUnproven,   // it is larger, and its tiles are missing or damaged: the log does not show its
               // growth
  kUnreached,  // it is larger, and its tiles could not be fetched
};

struct Comparison {
  Relation relation = Relation::kSame;
  std::string detail;  // for people, with both sizes or both roots; empty for kSame and kGrew
};

// Compares two checkpoints of one log whose signatures were verified. `newer_log` is where the
// newer one stands; its tiles are read only when the sizes differ.
Comparison CompareCheckpoints(const Checkpoint& older, const Checkpoint& newer,
                              LogSource& newer_log);

// The last entry under `checkpoint`, which must not be empty, shown to be it by its inclusion
// proof. kDataLoss: a tile is missing or leads elsewhere, or it is not an entry. kUnavailable: no
// answer.
absl::StatusOr<v1::Entry> ReadLastEntry(const Checkpoint& checkpoint, LogSource& log);

// The entries from `older` to `newer` by kind ("COMBINATION" -> entries), counted while the newer
// root is recomputed from the older tree and these entries. Holds one bundle at a time.
// kDataLoss: another root, or an entry or tile that is missing or malformed.
absl::StatusOr<std::map<std::string, uint64_t>> CountAdded(const Checkpoint& older,
                                                           const Checkpoint& newer,
                                                           LogSource& newer_log);

// What one look at a published log found.
enum class Sight {
  kFirst,        // nothing was known before; from here on it is followed
  kUnchanged,    // the same checkpoint
  kGrew,         // a larger one, proven
  kFork,         // two trees under one key
  kShrank,       // a smaller one
  kBad,          // a checkpoint or tile that does not verify
  kStopped,      // no newer checkpoint within the allowed age
  kUnreachable,  // no answer
};

struct Look {
  Sight sight = Sight::kUnreachable;
  std::string detail;                    // for people; empty when nothing is wrong
  std::optional<Checkpoint> checkpoint;  // what is followed now
  uint64_t added = 0;                    // kGrew: entries since the checkpoint before
  int64_t closed_at = 0;                 // unix seconds: the time of `checkpoint`; 0: not known
};

// Looks at one log again and again and remembers the newest checkpoint that it could prove. After a
// fork, a shrink or a bad sight it goes on from that one. Not thread-safe.
class Follower {
 public:
  // `log` must outlive this object. `key` is the log's own. `max_age_seconds` is how long the log
  // may be without a newer checkpoint; 0: for ever. `quorum` of `witnesses` (type 04) must have
  // cosigned each checkpoint that is looked at.
  Follower(LogSource& log, VerifierKey key, int64_t max_age_seconds,
           std::vector<VerifierKey> witnesses = {}, size_t quorum = 0);

  // Goes on from a checkpoint that an earlier run had seen at `seen_at` (unix seconds).
  // kInvalidArgument, kDataLoss: as OpenCheckpoint.
  absl::Status Resume(std::string_view note, int64_t seen_at);

  // Fetches and judges the checkpoint. `now`: unix seconds.
  Look LookAgain(int64_t now);

  // The newest proven checkpoint as it was signed when it was first seen, for Resume; empty: none
  // yet.
  const std::string& note() const { return note_; }

 private:
  Look Judge(const std::string& note, int64_t now);
  int64_t Age(int64_t now) const;  // seconds since the newest checkpoint

  LogSource& log_;
  VerifierKey key_;
  int64_t max_age_seconds_;
  std::vector<VerifierKey> witnesses_;
  size_t quorum_;
  std::string note_;
  std::optional<Checkpoint> last_;
  int64_t seen_at_ = 0;    // when last_ was first seen
  int64_t closed_at_ = 0;  // the time of last_; 0: not known
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_FOLLOW_H_
