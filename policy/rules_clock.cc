// SPDX-License-Identifier: Apache-2.0
// Who says what time it is, and who lets a sweep go on that would end many.
#include <algorithm>

#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr Time kOrderSkew = 5 * kMinute;    // of the clock of whoever signed
constexpr Time kOrderLasts = 60 * kMinute;  // two people sign it, one after the other
constexpr Time kWitnessSpread = 5 * kMinute;
constexpr size_t kRootDigits = 64;

bool IsRoot(std::string_view hex) {
  return hex.size() == kRootDigits && std::all_of(hex.begin(), hex.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsNear(Time named, Time time) {
  return time >= named - kOrderSkew && time <= named + kOrderLasts;
}

// The time of an order is when its first signer wrote it; the log goes on a little later.
template <class Order>
bool NamesHeadAndTime(const Order& order, Time time) {
  return !order.reasons().empty() && order.size() > 0 && IsRoot(order.root()) &&
         IsNear(order.time().seconds(), time);
}

const Rule kClockOperators = {
    "clock.two-operators",
    "GDPR 5(1)(d), 32",
    "What time it is, is said by two registered operators, of those that the log had at its end.",
    "TOO_FEW_SIGNATURES",
    "TOO_FEW_SIGNATURES",
    [](const Facts& f) {
      return f.command->caller().role() == v1::ROLE_OPERATOR && OperatorSignatures(f) >= 2;
    }};

const Rule kClockNamed = {
    "clock.named",
    "GDPR 5(1)(d), 5(2)",
    "An order about the clock gives its reasons and names the time, which is not before the log's, "
    "and the head of the log that it is for; the log goes on within an hour of that time.",
    "CLOCK_ORDER_UNFIT",
    "CLOCK_ORDER_UNFIT",
    [](const Facts& f) {
      const v1::ConfirmClock& confirm = f.command->confirm_clock();
      return NamesHeadAndTime(confirm.order(), confirm.time()) && confirm.time() >= f.now;
    }};

const Rule kClockWitnessed = {
    "clock.witnessed",
    "GDPR 5(1)(d), 5(2)",
    "The vault takes the time from the witnesses of its log when they cosigned it within five "
    "minutes "
    "of each other; the log goes on within an hour of that, and never back.",
    "CLOCK_NOT_WITNESSED",
    "CLOCK_NOT_WITNESSED",
    [](const Facts& f) {
      const v1::WitnessClock& witness = f.command->witness_clock();
      const auto& times = witness.cosigned_at();
      return f.command->caller().role() == v1::ROLE_UNSPECIFIED && !witness.note().empty() &&
             !times.empty() && std::is_sorted(times.begin(), times.end()) &&
             *times.rbegin() - *times.begin() <= kWitnessSpread && witness.time() >= f.now &&
             IsNear(*times.rbegin(), witness.time());
    }};

const Rule kClockSetBack = {
    "clock.set-back",
    "GDPR 5(1)(d), 5(2)",
    "A log that is in the future goes back to a time before its end and not before its founding; "
    "the order gives its reasons and names time and head.",
    "CLOCK_ORDER_UNFIT",
    "CLOCK_ORDER_UNFIT",
    [](const Facts& f) {
      const v1::SetClockBack& back = f.command->set_clock_back();
      return NamesHeadAndTime(back.order(), back.time()) && back.time() < f.now &&
             back.time() >= f.founding->issued_at().seconds();
    }};

const Rule kSweepOperator = {"sweep.operator",
                             "GDPR 5(1)(d), 32",
                             "A sweep that waits goes on by the order of a registered operator.",
                             "TOO_FEW_SIGNATURES",
                             "TOO_FEW_SIGNATURES",
                             [](const Facts& f) {
                               return f.command->caller().role() == v1::ROLE_OPERATOR &&
                                      OperatorSignatures(f) >= 1;
                             }};

const Rule kSweepReasoned = {
    "sweep.reasoned",
    "GDPR 5(2)",
    "An approval of a sweep gives its reasons and says how many people it is for.",
    "APPROVAL_INCOMPLETE",
    "APPROVAL_INCOMPLETE",
    [](const Facts& f) {
      const v1::SweepApproval& approval = f.command->approve_sweep().approval();
      return approval.people() > 0 && !approval.reasons().empty();
    }};

// Not judged by their age: by the time and the head that they name.
constexpr const Rule* kConfirm[] = {&kStatementForThisVault, &kClockOperators, &kStatementOnce,
                                    &kClockNamed};
constexpr const Rule* kWitness[] = {&kClockWitnessed};
constexpr const Rule* kSetBack[] = {&kCallerRole,    &kStatementForThisVault, &kSupervisorSigned,
                                    &kStatementOnce, &kClockSetBack,          &kSupervisorsQuorum};
constexpr const Rule* kApproveSweep[] = {&kStatementForThisVault, &kSweepOperator,
                                         &kMemberRegistered,      &kStatementFresh,
                                         &kStatementOnce,         &kSweepReasoned};

}  // namespace

RuleList ClockRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kConfirmClock:
      return kConfirm;
    case v1::Command::kWitnessClock:
      return kWitness;
    case v1::Command::kSetClockBack:
      return kSetBack;
    case v1::Command::kApproveSweep:
      return kApproveSweep;
    default:
      return {};
  }
}

}  // namespace kluis::policy
