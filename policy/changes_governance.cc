// SPDX-License-Identifier: Apache-2.0
#include "policy/changes.h"
#include "policy/record_key.h"

namespace kluis::policy {
namespace {

void AddMember(const v1::MemberRecord& member, Ruling& ruling) {
  *ruling.changes.emplace_back().mutable_member() = member;
  v1::MemberKey* key = ruling.changes.emplace_back().mutable_member_key();
  key->set_keyid(member.keyid());
  key->set_role(member.role());
  key->set_name(member.name());
}

void AddFoundingMember(const Facts& facts, v1::Role role, const v1::FoundingMember& named,
                       const v1::NamedKey& key, Ruling& ruling) {
  v1::MemberRecord member;
  member.set_role(role);
  member.set_name(named.name());
  member.set_keyid(key.keyid());
  member.set_public_key(key.public_key());
  member.set_valid_until(named.valid_until().seconds());
  member.set_term(facts.statements.front()->digest());
  AddMember(member, ruling);
}

void Found(const Facts& facts, Ruling& ruling) {
  v1::VaultRecord* vault = ruling.changes.emplace_back().mutable_vault();
  *vault->mutable_founding() = facts.command->found().founding();
  *vault->mutable_supervisor_keyids() = facts.command->found().statement().signed_by();
  TakeSlots(facts, 1, ruling);  // slot 0
  const v1::Found& found = facts.command->found();
  for (int i = 0; i < found.operators_size(); ++i) {
    AddFoundingMember(facts, v1::ROLE_OPERATOR, found.founding().operators(i), found.operators(i),
                      ruling);
  }
  for (int i = 0; i < found.auditors_size(); ++i) {
    AddFoundingMember(facts, v1::ROLE_AUDITOR, found.founding().auditors(i), found.auditors(i),
                      ruling);
  }
}

void RegisterPurpose(const Facts& facts, Ruling& ruling) {
  const uint32_t slot = TakeSlots(facts, 1, ruling);
  v1::PurposeRecord* purpose = ruling.changes.emplace_back().mutable_purpose();
  *purpose->mutable_registration() = facts.command->register_purpose().registration();
  purpose->set_slot(slot);
}

void Accredit(const Facts& facts, Ruling& ruling) {
  const v1::Accredit& command = facts.command->accredit();
  v1::AuthorityRecord* authority = ruling.changes.emplace_back().mutable_authority();
  authority->set_id(command.new_authority_id());
  authority->set_name(command.accreditation().authority_name());
  authority->set_valid_until(command.accreditation().valid_until().seconds());
}

void Register(const Facts& facts, Ruling& ruling) {
  const v1::Register& command = facts.command->register_();
  const v1::Registration& registration = command.registration();
  v1::MemberRecord member;
  member.set_role(registration.role());
  member.set_name(registration.member());
  member.set_authority_id(IdInName(registration.authority(), "authorities"));
  member.set_keyid(command.keyid());
  member.set_public_key(command.public_key());
  member.set_valid_until(registration.valid_until().seconds());
  member.set_term(command.statement().digest());
  AddMember(member, ruling);
}

// Who is ended has no end date: supervisors who set the clock back do not give it back.
void SetTerm(const Facts& facts, Ruling& ruling) {
  const v1::SetTerm& command = facts.command->set_term();
  v1::MemberRecord* member = ruling.changes.emplace_back().mutable_member();
  *member = *facts.registered;
  const Time until = command.term().valid_until().seconds();
  member->set_valid_until(until > facts.now ? until : 0);
  member->set_term(command.statement().digest());
}

void SetStop(const std::string& purpose, bool stopped, const std::string& order, Ruling& ruling) {
  v1::PurposeStop* stop = ruling.changes.emplace_back().mutable_purpose_stop();
  stop->set_purpose(purpose);
  stop->set_stopped(stopped);
  stop->set_stop(order);
}

// From this entry on the purpose protects with a new secret; the vault then renews what there is.
void RotateTransform(const Facts& facts, Ruling& ruling) {
  const uint32_t slot = TakeSlots(facts, 1, ruling);
  v1::PurposeRecord* purpose = ruling.changes.emplace_back().mutable_purpose();
  *purpose = *facts.purpose_record;
  purpose->set_previous_slot(purpose->slot());
  purpose->set_slot(slot);
  purpose->set_rotated_by(facts.command->rotate_transform().statement().digest());
}

}  // namespace

bool ChangeGovernance(const Facts& facts, Ruling& ruling) {
  const v1::Command& command = *facts.command;
  switch (command.act_case()) {
    case v1::Command::kFound:
      Found(facts, ruling);
      return true;
    case v1::Command::kAccredit:
      Accredit(facts, ruling);
      return true;
    case v1::Command::kRegister:
      Register(facts, ruling);
      return true;
    case v1::Command::kSetTerm:
      SetTerm(facts, ruling);
      return true;
    case v1::Command::kRegisterPurpose:
      RegisterPurpose(facts, ruling);
      return true;
    case v1::Command::kStop:
      SetStop(command.stop().order().purpose(), true, command.stop().statement().digest(), ruling);
      return true;
    case v1::Command::kLift:
      SetStop(command.lift().order().purpose(), false, facts.stop, ruling);
      return true;
    case v1::Command::kInspect:
      return true;  // it is its own record
    case v1::Command::kRotateTransform:
      RotateTransform(facts, ruling);
      return true;
    default:
      return false;
  }
}

}  // namespace kluis::policy
