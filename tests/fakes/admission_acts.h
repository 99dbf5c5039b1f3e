// SPDX-License-Identifier: Apache-2.0
// What is asked before anything of a call is read, and what is told of calls beyond a limit.
#ifndef KLUIS_TESTS_FAKES_ADMISSION_ACTS_H_
#define KLUIS_TESTS_FAKES_ADMISSION_ACTS_H_

#include <string>

#include "tests/fakes/policy_world.h"

namespace kluis::policy {

inline v1::Command Admit(v1::Role role, const std::string& name) {
  v1::Command command;
  command.mutable_caller()->set_role(role);
  command.mutable_caller()->set_name(name);
  command.mutable_admit();
  return command;
}

inline v1::Command CountLimited(const PolicyWorld& world) {
  v1::Command command;
  v1::CountLimited& counted = *command.mutable_count_limited();
  counted.mutable_limited()->set_role(v1::ROLE_SUBJECT);
  counted.set_calls(740);
  counted.set_since(world.now - kMinute);
  return command;
}

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_ADMISSION_ACTS_H_
