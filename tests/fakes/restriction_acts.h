// SPDX-License-Identifier: Apache-2.0
// Restrictions of processing as commands for a PolicyWorld. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_RESTRICTION_ACTS_H_
#define KLUIS_TESTS_FAKES_RESTRICTION_ACTS_H_

#include <optional>
#include <string>
#include <string_view>

#include "tests/fakes/policy_world.h"

namespace kluis::policy {

inline v1::Command Restrict(PolicyWorld& world, std::string_view subject,
                            std::string_view purpose = PolicyWorld::kPurpose) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUBJECT);
  v1::Restrict& act = *command.mutable_restrict();
  *act.mutable_statement() = world.Statement("restriction", {});
  act.mutable_statement()->set_subject_signed(true);
  act.set_subject_id(std::string(subject));
  act.set_purpose(std::string(purpose));
  return command;
}

inline v1::Command LiftRestriction(PolicyWorld& world, std::string_view subject,
                                   std::string_view purpose = PolicyWorld::kPurpose) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUBJECT);
  v1::LiftRestriction& act = *command.mutable_lift_restriction();
  *act.mutable_statement() = world.Statement("restriction-lift", {});
  const auto last = world.Look<v1::Enrollment>(key::Enrollment(subject, purpose));
  const auto record =
      last ? world.Look<v1::TemplateRecord>(key::Template(last->template_id())) : std::nullopt;
  if (record) act.set_restriction(record->restriction());
  act.mutable_statement()->set_subject_signed(true);
  act.set_subject_id(std::string(subject));
  act.set_purpose(std::string(purpose));
  return command;
}

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_RESTRICTION_ACTS_H_
