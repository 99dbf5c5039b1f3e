// What operators do to the vault itself, as commands for a PolicyWorld: seal it, bring new shares,
// order a recovery; and what a recovery does by itself. Each is allowed in a world that has the
// operators otto and olga (WithOperators). Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_OPERATOR_ACTS_H_
#define KLUIS_TESTS_FAKES_OPERATOR_ACTS_H_

#include <string>
#include <string_view>

#include "tests/fakes/policy_world.h"

namespace kluis::policy {

inline void RegisterOperators(PolicyWorld& world) {
  world.Do(world.Register(v1::ROLE_OPERATOR, "otto"));
  world.Do(world.Register(v1::ROLE_OPERATOR, "olga"));
}

inline PolicyWorld WithOperators() {
  PolicyWorld world = PolicyWorld::Ready();
  RegisterOperators(world);
  return world;
}

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

// By the vault itself, of an active template.
inline v1::Command LoseTemplate(std::string_view id) {
  v1::Command command;
  command.mutable_lose_template()->set_template_id(std::string(id));
  return command;
}

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_OPERATOR_ACTS_H_
