// SPDX-License-Identifier: Apache-2.0
// Whether each decision is reached again: by this program's policy, from the state before the
// entry, the recorded command and the recorded time, with the same rule, reason and changes; and
// whether what the command says was found of a statement is found of it again. An object belongs to
// one thread.
#ifndef KLUIS_AUDIT_REPLAY_DECISIONS_H_
#define KLUIS_AUDIT_REPLAY_DECISIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "audit/replay/entry.h"
#include "audit/replay/report.h"
#include "audit/replay/scratch_state.h"

namespace kluis::audit {

// A decision counts as ERASED when the personal input behind its findings was forgotten later on:
//   an enrolment, when its template is erased (and with it its subject, whose templates go first);
//   a search's outcome and a disclosure, when their case is erased: of whom a disclosure spoke is
//   not in the log, its finding came from what the case's slot sealed;
//   a withdrawal, a restriction or its lift, or a look at one's own data, when a commitment stands
//   in the entry and the subject is erased.
class DecisionCheck {
 public:
  // `state` holds the records that the entries before leave, and the counters of this object beside
  // them. Both outlive this object.
  DecisionCheck(ScratchState& state, DecisionVerdict& verdict);

  // The entries in order, each before its changes are applied to the state. Errors are those of the
  // scratch state.
  absl::Status Judge(uint64_t index, const PreparedEntry& prepared);

 private:
  // The first thing that differs; an empty reason: nothing does.
  absl::StatusOr<ReplayMismatch> Compare(uint64_t index, const PreparedEntry& prepared);
  absl::StatusOr<std::string> SignerComplaint(const PreparedEntry& prepared);
  absl::Status CountErasable(const v1::Entry& entry, bool reached);
  absl::Status CountErased(const v1::EraseDone& done);
  absl::Status AddTo(const std::string& counter, uint64_t count);
  absl::StatusOr<uint64_t> TakeAll(const std::string& counter);

  ScratchState& state_;
  DecisionVerdict& verdict_;
  const std::string policy_digest_;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_DECISIONS_H_
