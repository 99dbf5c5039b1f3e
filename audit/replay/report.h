// SPDX-License-Identifier: Apache-2.0
// What a replay found: four verdicts with counts, and a fifth when an inspection export was given.
// Values; one object belongs to one thread at a time.
#ifndef KLUIS_AUDIT_REPLAY_REPORT_H_
#define KLUIS_AUDIT_REPLAY_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "audit/checkpoint.h"

namespace kluis::audit {

// One entry that is not as it must be.
struct ReplayMismatch {
  uint64_t index = 0;
  std::string recorded;  // the rule that the entry names; empty: the finding is not about a rule
  std::string expected;  // the rule that determines it by this program's policy
  std::string reason;    // a sentence
};

// Counts all, keeps the first ones.
class Mismatches {
 public:
  static constexpr size_t kKept = 1000;

  void Add(ReplayMismatch mismatch) {
    ++count_;
    if (first_.size() < kKept) first_.push_back(std::move(mismatch));
  }
  uint64_t count() const { return count_; }
  const std::vector<ReplayMismatch>& first() const { return first_; }

 private:
  uint64_t count_ = 0;
  std::vector<ReplayMismatch> first_;
};

// The vault was down from the entry before `index`, its start, until then. Unix seconds.
struct Downtime {
  uint64_t index = 0;
  int64_t from = 0;
  int64_t to = 0;
};

struct IntegrityVerdict {
  absl::Status status;       // why the entries are not those that the log's key signed
  uint64_t entries = 0;      // read
  uint64_t entry_bytes = 0;  // their lengths together
  Hash root{};               // recomputed
  uint64_t witnesses = 0;    // known witnesses that cosigned the checkpoint
};

struct CompletenessVerdict {
  uint64_t searches = 0;       // allowed intents
  uint64_t concluded = 0;      // of them, with their one outcome
  uint64_t open_searches = 0;  // at the end of the log, and not yet due
  uint64_t erasures = 0;       // started
  uint64_t erased = 0;         // of them, done
  uint64_t open_erasures = 0;
  uint64_t closings = 0;  // checkpoints' closing entries
  uint64_t restarts = 0;
  std::vector<Downtime> downtimes;  // the first Mismatches::kKept
  Mismatches mismatches;
};

struct StateVerdict {
  uint64_t compared = 0;  // closing entries whose digest and number of records were compared
  uint64_t records = 0;   // at the end
  Mismatches mismatches;
};

struct DecisionVerdict {
  uint64_t replayed = 0;     // reached again
  uint64_t erased = 0;       // reached again from findings whose personal input is forgotten since
  uint64_t mismatched = 0;   // not reached again
  uint64_t other_rules = 0;  // of them, because other rules decided; the first one is listed
  uint64_t statements = 0;   // whole statements read again
  uint64_t signatures = 0;   // their signatures by registered keys, verified again
  Mismatches mismatches;
};

// Of the commitments in the log.
struct DetailVerdict {
  uint64_t opened = 0;    // and found true
  uint64_t erased = 0;    // not opened: with what they are about, since erased
  uint64_t not_kept = 0;  // not opened: of refused acts, of which nothing was kept
  uint64_t withheld = 0;  // not opened, although not known to be erased
  Mismatches mismatches;
};

struct ReplayReport {
  Checkpoint checkpoint;
  IntegrityVerdict integrity;
  CompletenessVerdict completeness;
  StateVerdict state;
  DecisionVerdict decisions;
  std::optional<DetailVerdict> details;

  // Nothing differs anywhere.
  bool clean() const;
};

// For people: one block per verdict, then at most `listed` mismatches; and one JSON object.
std::string ReplayText(const ReplayReport& report, size_t listed);
std::string ReplayJson(const ReplayReport& report, size_t listed);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_REPORT_H_
