// SPDX-License-Identifier: Apache-2.0
// Whether a log says everything: each search has one outcome, each erasure that was started is
// done, time never steps back but where supervisors ordered it, no start is far from the entry
// before it unless its time was confirmed, and silence is shown by closing entries at the promised
// distance. A sealed vault is silent, but for members and orders that are entered without any of
// its keys; after such an entry that breaks a silence, nothing else may come before the next start.
// An object belongs to one thread.
#ifndef KLUIS_AUDIT_REPLAY_COMPLETENESS_H_
#define KLUIS_AUDIT_REPLAY_COMPLETENESS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "audit/replay/report.h"
#include "audit/replay/scratch_state.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// A closing entry may come so much later than the promised number of seconds: 5 s and a fifth of
// it.
inline constexpr int64_t kClosingSlackSeconds = 5;
inline constexpr int64_t kClosingSlackShare = 5;

// A search or an erasure that is still open at the end of the log is one that is going on, unless
// it is older than this, or the vault started since, which finishes both first.
inline constexpr int64_t kOpenSeconds = 3600;

class CompletenessCheck {
 public:
  // Keeps what is open in `scratch`, beside the records of the state. Both outlive this object.
  CompletenessCheck(ScratchState& scratch, CompletenessVerdict& verdict)
      : scratch_(scratch), verdict_(verdict) {}

  // The entries in order. Errors are those of the scratch state.
  absl::Status Add(uint64_t index, const v1::Entry& entry);
  // After the last one.
  absl::Status Finish();

 private:
  void Mismatch(uint64_t index, std::string reason);
  void CheckTime(uint64_t index, const v1::Entry& entry);
  void CheckSilence(uint64_t index, const v1::Entry& entry);
  absl::Status Open(std::string id, uint64_t index, int64_t at);
  // False: no such thing was open.
  absl::StatusOr<bool> Close(const std::string& id);
  absl::Status CheckSearch(uint64_t index, const v1::Entry& entry);
  absl::Status CheckErasures(uint64_t index, const v1::Entry& entry);

  ScratchState& scratch_;
  CompletenessVerdict& verdict_;
  int64_t latest_ = 0;     // when the log goes on after the entry before
  int64_t closed_at_ = 0;  // of the last closing entry or start
  int64_t promised_ = 0;   // seconds between closing entries; 0: nothing was promised yet
  // A sealed vault made entries, and did not start since: only what needs none of its keys.
  bool sealed_ = false;
  int64_t sealed_since_ = 0;  // the last entry before those
  int64_t max_gap_ = 0;       // that the last start promised; 0: no start yet
  bool last_closes_ = false;
  uint64_t next_ = 0;
  uint64_t started_ = 0;  // index of the last start
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_COMPLETENESS_H_
