// SPDX-License-Identifier: Apache-2.0
// What operators do to the vault itself, as commands for a PolicyWorld: seal it, bring new shares,
// back it up, order a recovery; and what a recovery does by itself. Each is allowed in a world that
// has the operators otto and olga, whom the founding names. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_OPERATOR_ACTS_H_
#define KLUIS_TESTS_FAKES_OPERATOR_ACTS_H_

#include <string>
#include <string_view>

#include "tests/fakes/policy_world.h"

namespace kluis::policy {

inline v1::Command FromOperator() {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  command.mutable_caller()->set_name("otto");
  return command;
}

inline v1::Command SealService() {
  v1::Command command = FromOperator();
  command.mutable_seal_service();
  return command;
}

inline v1::Command Rekey(uint32_t needed = 2, uint32_t holders = 3) {
  v1::Command command = FromOperator();
  command.mutable_rekey()->set_generation(2);
  command.mutable_rekey()->set_needed(needed);
  command.mutable_rekey()->set_holders(holders);
  command.mutable_rekey()->add_old_shares(1);
  command.mutable_rekey()->add_old_shares(3);
  return command;
}

// In force by an order, without an old holder; after OrderRekey and the delay.
inline v1::Command RekeyByOrder() {
  v1::Command command = Rekey();
  command.mutable_rekey()->clear_old_shares();
  return command;
}

inline v1::Command OrderRekey(PolicyWorld& world) {
  v1::Command command = FromOperator();
  v1::OrderRekey& order = *command.mutable_order_rekey();
  *order.mutable_statement() = world.Statement("rekey-order", "key-otto");
  order.mutable_statement()->add_signed_by("key-olga");
  world.UsableForADay(*order.mutable_statement(), *order.mutable_order());
  const auto last = world.Look<v1::LastRekeyOrder>(key::LastRekeyOrder());
  order.mutable_order()->set_follows(PolicyWorld::NameOf(last ? last->digest() : ""));
  order.mutable_order()->set_reasons("Two holders have left.");
  order.mutable_order()->set_needed(2);
  order.mutable_order()->set_holders(3);
  return command;
}

inline v1::Command BeginRekey() {
  v1::Command command = FromOperator();
  command.mutable_begin_rekey()->set_generation(2);
  command.mutable_begin_rekey()->set_needed(2);
  command.mutable_begin_rekey()->set_holders(3);
  return command;
}

// After OrderRekey.
inline v1::Command CancelRekey(PolicyWorld& world) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  command.mutable_caller()->set_name("sup-1");
  v1::CancelRekey& cancel = *command.mutable_cancel_rekey();
  *cancel.mutable_statement() = world.Statement("rekey-cancellation", "key-sup-1");
  cancel.mutable_cancellation()->set_reasons("The holders were not asked.");
  cancel.mutable_cancellation()->set_order(
      base::ToHex(world.Get<v1::PendingRekey>(key::PendingRekey()).order()));
  return command;
}

// By two old holders.
inline v1::Command VoidRekey() {
  v1::Command command = FromOperator();
  command.mutable_void_rekey()->add_old_shares(1);
  command.mutable_void_rekey()->add_old_shares(2);
  return command;
}

inline v1::Command BackUp(uint32_t id = 1, Time made_at = 1'800'000'000) {
  v1::Command command = FromOperator();
  command.mutable_back_up()->set_id(id);
  command.mutable_back_up()->set_made_at(made_at);
  command.mutable_back_up()->set_bytes(1'000);
  return command;
}

inline v1::Command Recover(PolicyWorld& world) {
  v1::Command command = FromOperator();
  v1::Recover& recover = *command.mutable_recover();
  *recover.mutable_statement() = world.Statement("recovery-order", "key-otto");
  recover.mutable_statement()->add_signed_by("key-olga");
  world.UsableForADay(*recover.mutable_statement(), *recover.mutable_order());
  recover.mutable_order()->set_reasons("The machine burnt.");
  recover.set_from_size(10);
  recover.set_to_size(12);
  recover.set_lost_templates(1);
  return command;
}

// The root is a placeholder, which LogBuilder makes that of its log.
template <class Order>
void NameHeadAndTime(Order& order, Time time) {
  order.mutable_time()->set_seconds(time);
  order.set_size(7);
  order.set_root(std::string(64, '0'));
  order.set_reasons("The battery was dead.");
}

inline v1::Command ConfirmClock(PolicyWorld& world, Time time) {
  v1::Command command = FromOperator();
  v1::ConfirmClock& confirm = *command.mutable_confirm_clock();
  *confirm.mutable_statement() = world.Statement("clock-order", "key-otto");
  confirm.mutable_statement()->add_signed_by("key-olga");
  NameHeadAndTime(*confirm.mutable_order(), time);
  confirm.set_time(time);
  return command;
}

// By the vault itself.
inline v1::Command WitnessClock(Time time) {
  v1::Command command;
  v1::WitnessClock& witness = *command.mutable_witness_clock();
  witness.set_note("a cosigned checkpoint");
  witness.add_cosigned_at(time - 200);
  witness.add_cosigned_at(time - 100);
  witness.set_time(time);
  return command;
}

inline v1::Command SetClockBack(PolicyWorld& world, Time time) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  v1::SetClockBack& back = *command.mutable_set_clock_back();
  *back.mutable_statement() = world.Statement("clock-set-back-order", "key-sup-1");
  back.mutable_statement()->add_signed_by("key-sup-2");
  NameHeadAndTime(*back.mutable_order(), time);
  back.set_time(time);
  return command;
}

inline v1::Command ApproveSweep(PolicyWorld& world) {
  v1::Command command = FromOperator();
  v1::ApproveSweep& approve = *command.mutable_approve_sweep();
  *approve.mutable_statement() = world.Statement("sweep-approval", "key-otto");
  approve.mutable_approval()->set_people(30);
  approve.mutable_approval()->set_reasons("The vault stood still for a month.");
  return command;
}

// By the vault itself, of an active template.
inline v1::Command LoseTemplate(std::string_view id) {
  v1::Command command;
  command.mutable_lose_template()->set_template_id(std::string(id));
  return command;
}

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_OPERATOR_ACTS_H_
