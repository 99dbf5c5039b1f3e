// SPDX-License-Identifier: Apache-2.0
// What operators and supervisors do to keep a vault going, and a yearly report counts and does not
// list: one row an act.
#ifndef KLUIS_AUDIT_REPORT_UPKEEP_ACTS_H_
#define KLUIS_AUDIT_REPORT_UPKEEP_ACTS_H_

#include <array>

#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

struct UpkeepAct {
  v1::Command::ActCase act;
  const char* name;   // in JSON
  const char* words;  // for people
};

inline constexpr auto kUpkeepActs = std::to_array<UpkeepAct>({
    {v1::Command::kSetTerm, "terms_set", "ends of members set"},
    {v1::Command::kBackUp, "backups", "backups"},
    {v1::Command::kOrderRekey, "rekeys_ordered", "orders of new shares"},
    {v1::Command::kBeginRekey, "rekeys_begun", "new shares made, not yet in force"},
    {v1::Command::kCancelRekey, "rekeys_cancelled", "orders of new shares cancelled"},
    {v1::Command::kVoidRekey, "rekeys_voided", "orders of new shares voided by holders"},
    {v1::Command::kConfirmClock, "clock_confirmed", "the time confirmed by operators"},
    {v1::Command::kWitnessClock, "clock_witnessed", "the time confirmed by witnesses"},
    {v1::Command::kSetClockBack, "clock_set_back", "the time set back by supervisors"},
    {v1::Command::kApproveSweep, "sweeps_approved", "sweeps approved by an operator"},
});

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPORT_UPKEEP_ACTS_H_
