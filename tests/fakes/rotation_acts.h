// SPDX-License-Identifier: Apache-2.0
// Rotations and replacements as commands for a PolicyWorld. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_ROTATION_ACTS_H_
#define KLUIS_TESTS_FAKES_ROTATION_ACTS_H_

#include <string>
#include <string_view>

#include "tests/fakes/policy_world.h"

namespace kluis::policy {

inline v1::Command RotateTransform(PolicyWorld& world,
                                   std::string_view purpose = PolicyWorld::kPurpose) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  command.mutable_caller()->set_name("sup-1");
  v1::RotateTransform& rotate = *command.mutable_rotate_transform();
  *rotate.mutable_statement() = world.Statement("rotation-order", "key-sup-1");
  const auto record = world.Look<v1::PurposeRecord>(key::Purpose(purpose));
  rotate.mutable_order()->set_follows(PolicyWorld::NameOf(record ? record->rotated_by() : ""));
  rotate.mutable_order()->set_purpose(std::string(purpose));
  rotate.mutable_order()->set_reasons("A copy of the disk was found.");
  return command;
}

// By the vault itself, of a live template, after RotateTransform.
inline v1::Command RenewTemplate(std::string_view id) {
  v1::Command command;
  command.mutable_renew_template()->set_template_id(std::string(id));
  return command;
}

// By the vault itself, after RotateTransform.
inline v1::Command FinishRotation(std::string_view purpose = PolicyWorld::kPurpose) {
  v1::Command command;
  command.mutable_finish_rotation()->set_purpose(std::string(purpose));
  return command;
}

// `subject` enrols once more, and its consent names the template that goes.
inline v1::Command Replacing(PolicyWorld& world, std::string_view subject) {
  v1::Command command = world.Enroll(subject);
  command.mutable_enroll()->set_replaces(world.TemplateOf(subject).id());
  command.mutable_enroll()->clear_follows();
  command.mutable_enroll()->clear_follows_none();
  return command;
}

inline v1::PurposeRecord PurposeOf(const PolicyWorld& world,
                                   std::string_view purpose = PolicyWorld::kPurpose) {
  return world.Get<v1::PurposeRecord>(key::Purpose(purpose));
}

}  // namespace kluis::policy

#endif  // KLUIS_TESTS_FAKES_ROTATION_ACTS_H_
