// SPDX-License-Identifier: Apache-2.0
// How much of the vault one identity may take, and all together: calls a second, calls and streams
// at a time, rows of batches and their bytes. A call beyond its limit is not decided, so it tells
// nothing. What it held is given back when its answer has left. Thread-safe.
//
// An identity is a certificate's role and name. A subject's certificate may be a portal of many
// people: their acts count against it only until their signature verifies, then against their key.
#ifndef KLUIS_SERVICE_CALLERS_LIMITS_H_
#define KLUIS_SERVICE_CALLERS_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/callers/identity.h"
#include "service/callers/token_bucket.h"
#include "service/process/config.h"

namespace kluis::service {

inline constexpr char kRateLimited[] = "RATE_LIMITED";

class Limits {
 public:
  // Milliseconds of a clock that never steps back.
  using Now = std::function<int64_t()>;
  static int64_t Monotonic();

  // Gives back what it stands for when it is dropped; may outlive the call, not the Limits.
  using Held = std::shared_ptr<void>;

  enum class Lane {
    kOrdinary,  // counts against the process too
    kReserved,  // takes something away, such as a stop: has its own room
    kStream,    // ordinary, and one of few: it waits for its caller
  };

  // What an act of a subject is, once its signature verifies.
  enum class Right { kTakesAway, kAccess, kOther };

  // Calls that were not decided.
  struct Counted {
    v1::Role role = v1::ROLE_UNSPECIFIED;
    std::string name;  // empty of subjects
    uint64_t calls = 0;
    int64_t seconds = 0;  // since the first of them, rounded up
  };

  explicit Limits(const LimitsConfig& config, Now now = Monotonic);

  // One call of `peer`. kResourceExhausted, RATE_LIMITED: it is beyond a limit, and counted.
  absl::StatusOr<Held> Enter(const Peer& peer, Lane lane);

  // One call that a known subject's key signed. Never refused: what takes something away, and ten
  // accesses an hour. kResourceExhausted, RATE_LIMITED: as Enter.
  absl::Status EnterSubject(const Peer& peer, const std::string& subject_id, Right right);

  // Room for `rows` rows of a batch. kResourceExhausted, RATE_LIMITED: as Enter.
  class Rows;
  absl::StatusOr<std::unique_ptr<Rows>> TakeRows(const Peer& peer, uint64_t rows);

  // For an answer that says RATE_LIMITED; null: so many of them wait to leave that this caller gets
  // none.
  Held AnswerLimited();

  // What was not decided since the last time, at most 64 identities; the others stay counted.
  std::vector<Counted> TakeCounted();

  // Identities that it remembers.
  size_t identities() const;

 private:
  struct Identity {
    Identity(double per_second, double most) : calls(per_second, most) {}
    TokenBucket calls;
    int64_t in_flight = 0;
    int64_t streams = 0;
    uint64_t rows = 0;
    uint64_t row_bytes = 0;
  };
  struct Beyond {
    uint64_t calls = 0;
    int64_t first = 0;  // milliseconds
  };
  struct Bounds {
    double per_second;
    int64_t in_flight;
  };

  Bounds BoundsOf(const Peer& peer) const;
  Identity& Find(const std::string& key, const Bounds& bounds);
  void DropIdle();
  absl::Status Refuse(const Peer& peer);
  void GiveBack(const std::string& key, Lane lane);

  const LimitsConfig config_;
  const Now now_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Identity> identities_;
  std::map<std::string, TokenBucket> accesses_;  // by subject id: ten an hour
  std::map<std::pair<v1::Role, std::string>, Beyond> counted_;
  int64_t dropped_at_ = -1000;  // milliseconds
  int64_t in_flight_ = 0;
  int64_t streams_ = 0;
  int64_t limited_ = 0;
  uint64_t rows_ = 0;
  uint64_t row_bytes_ = 0;
};

// Rows of one batch; gives their room back when dropped. For one thread.
class Limits::Rows {
 public:
  Rows(Limits& limits, Peer peer, std::string key, uint64_t rows)
      : limits_(limits), peer_(std::move(peer)), key_(std::move(key)), rows_(rows) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // A row of so many bytes came. kResourceExhausted, RATE_LIMITED: as Enter.
  absl::Status Add(uint64_t bytes);
  // All rows that came are done with.
  void Clear();

 private:
  Limits& limits_;
  const Peer peer_;
  const std::string key_;
  const uint64_t rows_;
  uint64_t bytes_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CALLERS_LIMITS_H_
