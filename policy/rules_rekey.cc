// SPDX-License-Identifier: Apache-2.0
// New shares of the root key: who may have them made, and when they come into force.
#include <set>

#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr uint32_t kMinShares = 2;  // no one of them is enough
constexpr uint32_t kMaxShares = 32;
constexpr Time kHour = 60 * kMinute;

bool IsSplit(uint32_t needed, uint32_t holders) {
  return needed >= kMinShares && needed <= holders && holders <= kMaxShares;
}

// The shares that open a vault are two at least; how many it are, only the vault knows.
bool Agreed(const google::protobuf::RepeatedField<uint32_t>& old_shares) {
  return std::set<uint32_t>(old_shares.begin(), old_shares.end()).size() >= kMinShares;
}

bool OrderIsDue(const Facts& f) {
  const Time delay = f.founding->legal_profile().rekey_delay_hours() * kHour;
  return f.rekey && f.rekey->ordered_at() <= f.now - delay;
}

const Rule kRekeyTwoOperators = {
    "rekey.two-operators",
    "GDPR 5(1)(f), 32",
    "New shares without the holders of the old ones are ordered by two registered operators.",
    "TOO_FEW_SIGNATURES",
    "TOO_FEW_SIGNATURES",
    [](const Facts& f) { return OperatorSignatures(f) >= 2; }};

const Rule kRekeyNoneOrdered = {
    "rekey.one-order", "GDPR 32",       "One order of new shares stands at a time.",
    "REKEY_ORDERED",   "REKEY_ORDERED", [](const Facts& f) { return !f.rekey; }};

const Rule kRekeyOrderComplete = {
    "rekey.order-complete",
    "GDPR 5(2), 32",
    "An order of new shares says why, for how many holders (32 at most) and how many of them open "
    "the vault, two at least.",
    "REKEY_INCOMPLETE",
    "REKEY_INCOMPLETE",
    [](const Facts& f) {
      const v1::RekeyOrder& order = f.command->order_rekey().order();
      return !order.reasons().empty() && IsSplit(order.needed(), order.holders());
    }};

const Rule kRekeyBegun = {"rekey.begun",
                          "GDPR 32",
                          "New shares are for 32 holders at most, and no one of them is enough.",
                          "REKEY_INCOMPLETE",
                          "REKEY_INCOMPLETE",
                          [](const Facts& f) {
                            const v1::BeginRekey& begun = f.command->begin_rekey();
                            return begun.generation() > 0 &&
                                   IsSplit(begun.needed(), begun.holders());
                          }};

const Rule kRekeyCancelled = {
    "rekey.cancels-order",
    "GDPR 32, 58(2)",
    "A cancellation says why, and names the order of new shares that stands.",
    "NOTHING_TO_CANCEL",
    "NOTHING_TO_CANCEL",
    [](const Facts& f) {
      const v1::RekeyCancellation& c = f.command->cancel_rekey().cancellation();
      return f.rekey && !c.reasons().empty() && Names(c.order(), f.rekey->order());
    }};

const Rule kRekeyVoid = {
    "rekey.void-agreed",
    "GDPR 32",
    "New shares are void when an operator says so; their order ends when as many old holders as "
    "open the vault bring their shares for it.",
    "NOTHING_TO_CANCEL",
    "NOTHING_TO_CANCEL",
    [](const Facts& f) {
      const auto& old_shares = f.command->void_rekey().old_shares();
      return old_shares.empty() || (f.rekey && Agreed(old_shares));
    }};

const Rule kRekeyed = {
    "upkeep.rekeyed",
    "GDPR 32",
    "New shares of the root key are in force when all are proven, and no one of them is enough.",
    "REKEY_INCOMPLETE",
    "REKEY_INCOMPLETE",
    [](const Facts& f) {
      const v1::Rekey& rekey = f.command->rekey();
      return f.vault && f.command->caller().role() == v1::ROLE_OPERATOR && rekey.generation() > 0 &&
             IsSplit(rekey.needed(), rekey.holders());
    }};

const Rule kRekeyAgreedOrDue = {
    "rekey.agreed-or-due",
    "GDPR 5(1)(f), 32",
    "New shares come into force when as many old holders as open the vault agreed, or on the order "
    "of two operators for as many shares, when the profile's delay after it is over.",
    "REKEY_NOT_DUE",
    "REKEY_NOT_DUE",
    [](const Facts& f) {
      const v1::Rekey& rekey = f.command->rekey();
      return Agreed(rekey.old_shares()) || (OrderIsDue(f) && f.rekey->needed() == rekey.needed() &&
                                            f.rekey->holders() == rekey.holders());
    }};

constexpr const Rule* kOrderRekey[] = {
    &kCallerRole,       &kMemberRegistered, &kStatementForThisVault, &kRekeyTwoOperators,
    &kStatementOwnEnd,  &kStatementFresh,   &kStatementOnce,         &kRekeyOrderComplete,
    &kRekeyNoneOrdered, &kRekeyFollows};
constexpr const Rule* kBeginRekey[] = {&kCallerRole, &kMemberRegistered, &kRekeyBegun};
constexpr const Rule* kCancelRekey[] = {
    &kCallerRole,     &kSupervisorOfFounding, &kStatementForThisVault, &kSupervisorSigned,
    &kStatementFresh, &kStatementOnce,        &kRekeyCancelled};
constexpr const Rule* kVoidRekey[] = {&kCallerRole, &kMemberRegistered, &kRekeyVoid};
constexpr const Rule* kRekey[] = {&kRekeyed, &kMemberRegistered, &kRekeyAgreedOrDue};

}  // namespace

RuleList RekeyRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kOrderRekey:
      return kOrderRekey;
    case v1::Command::kBeginRekey:
      return kBeginRekey;
    case v1::Command::kCancelRekey:
      return kCancelRekey;
    case v1::Command::kVoidRekey:
      return kVoidRekey;
    case v1::Command::kRekey:
      return kRekey;
    default:
      return {};
  }
}

}  // namespace kluis::policy
