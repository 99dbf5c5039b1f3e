// SPDX-License-Identifier: Apache-2.0
// Which acts carry their statement whole in the entry, and where the command keeps what was found
// of it. Thread-safe: functions of their arguments.
#ifndef KLUIS_AUDIT_WHOLE_STATEMENT_H_
#define KLUIS_AUDIT_WHOLE_STATEMENT_H_

#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// Calls visit(facts, typed copy) for an act whose statement stands whole in its entry.
template <class Visit>
bool VisitStatement(const v1::Command& command, const Visit& visit) {
  switch (command.act_case()) {
    case v1::Command::kFound:
      visit(command.found().statement(), command.found().founding());
      return true;
    case v1::Command::kAccredit:
      visit(command.accredit().statement(), command.accredit().accreditation());
      return true;
    case v1::Command::kRegister:
      visit(command.register_().statement(), command.register_().registration());
      return true;
    case v1::Command::kSetTerm:
      visit(command.set_term().statement(), command.set_term().term());
      return true;
    case v1::Command::kOrderRekey:
      visit(command.order_rekey().statement(), command.order_rekey().order());
      return true;
    case v1::Command::kCancelRekey:
      visit(command.cancel_rekey().statement(), command.cancel_rekey().cancellation());
      return true;
    case v1::Command::kRegisterPurpose:
      visit(command.register_purpose().statement(), command.register_purpose().registration());
      return true;
    case v1::Command::kStop:
      visit(command.stop().statement(), command.stop().order());
      return true;
    case v1::Command::kLift:
      visit(command.lift().statement(), command.lift().order());
      return true;
    case v1::Command::kInspect:
      visit(command.inspect().statement(), command.inspect().order());
      return true;
    case v1::Command::kCalibrate:
      visit(command.calibrate().statement(), command.calibrate().order());
      return true;
    case v1::Command::kEvaluate:
      visit(command.evaluate().statement(), command.evaluate().order());
      return true;
    case v1::Command::kOpenCase:
      visit(command.open_case().statement(), command.open_case().opening());
      return true;
    case v1::Command::kIssueWarrant:
      visit(command.issue_warrant().statement(), command.issue_warrant().warrant());
      return true;
    case v1::Command::kRefuseWarrant:
      visit(command.refuse_warrant().statement(), command.refuse_warrant().refusal());
      return true;
    case v1::Command::kApproveCase:
      visit(command.approve_case().statement(), command.approve_case().approval());
      return true;
    case v1::Command::kCloseCase:
      visit(command.close_case().statement(), command.close_case().closing());
      return true;
    case v1::Command::kAdjudicate:
      visit(command.adjudicate().statement(), command.adjudicate().adjudication());
      return true;
    case v1::Command::kDisclose:
      visit(command.disclose().statement(), command.disclose().request());
      return true;
    case v1::Command::kRecover:
      visit(command.recover().statement(), command.recover().order());
      return true;
    case v1::Command::kConfirmClock:
      visit(command.confirm_clock().statement(), command.confirm_clock().order());
      return true;
    case v1::Command::kSetClockBack:
      visit(command.set_clock_back().statement(), command.set_clock_back().order());
      return true;
    case v1::Command::kApproveSweep:
      visit(command.approve_sweep().statement(), command.approve_sweep().approval());
      return true;
    case v1::Command::kRotateTransform:
      visit(command.rotate_transform().statement(), command.rotate_transform().order());
      return true;
    default:
      return false;
  }
}

// The facts that the command records of its whole statement; null: it has none.
inline const v1::StatementFacts* WholeStatement(const v1::Command& command) {
  const v1::StatementFacts* facts = nullptr;
  VisitStatement(command, [&](const v1::StatementFacts& found, const auto&) { facts = &found; });
  return facts;
}
inline v1::StatementFacts* MutableWholeStatement(v1::Command& command) {
  return const_cast<v1::StatementFacts*>(WholeStatement(command));  // part of what may be changed
}

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_WHOLE_STATEMENT_H_
