// SPDX-License-Identifier: Apache-2.0
// Who acts for the vault: the members that the founding names, who may register others, and for how
// long.
#include <algorithm>
#include <set>

#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr size_t kMaxName = 64;  // as in a certificate (service/callers/identity.h)

bool IsMemberName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool RunsOrChecks(v1::Role role) { return role == v1::ROLE_OPERATOR || role == v1::ROLE_AUDITOR; }

// Names of their own, keys that nobody else has, and an end within the bound.
bool AreMembers(const google::protobuf::RepeatedPtrField<v1::FoundingMember>& members,
                const google::protobuf::RepeatedPtrField<v1::NamedKey>& keys, Time now, Time last,
                std::set<std::string_view>& keyids) {
  if (members.size() != keys.size()) return false;
  std::set<std::string_view> names;
  for (int i = 0; i < members.size(); ++i) {
    const Time end = members[i].valid_until().seconds();
    if (!IsMemberName(members[i].name()) || !names.insert(members[i].name()).second) return false;
    if (keys[i].keyid().empty() || !keyids.insert(keys[i].keyid()).second) return false;
    if (end <= now || end > last) return false;
  }
  return true;
}

Time LastEnd(const v1::LegalProfile& profile, Time now) {
  return now + profile.membership_max_days() * kDay;
}

}  // namespace

bool EndsWithinBound(const Facts& f, Time valid_until) {
  return valid_until > f.now && valid_until <= LastEnd(f.founding->legal_profile(), f.now);
}

const Rule kFoundingMembers = {
    "vault.founding-members",
    "GDPR 24, 32",
    "The founding names supervisors by names of their own, one operator at least, and each "
    "operator "
    "and auditor with a name, a key that nobody else has and an end date within the profile's "
    "bound.",
    "FOUNDING_INCOMPLETE",
    "FOUNDING_INCOMPLETE",
    [](const Facts& f) {
      const v1::Found& found = f.command->found();
      const v1::Founding& founding = found.founding();
      std::set<std::string_view> supervisors;
      for (const v1::FoundingSupervisor& supervisor : founding.supervisors()) {
        if (!IsMemberName(supervisor.name())) return false;
        if (!supervisors.insert(supervisor.name()).second) return false;
      }
      const auto& signers = found.statement().signed_by();
      std::set<std::string_view> keyids(signers.begin(), signers.end());
      const Time last = LastEnd(founding.legal_profile(), f.now);
      return founding.operators_size() > 0 &&
             AreMembers(founding.operators(), found.operators(), f.now, last, keyids) &&
             AreMembers(founding.auditors(), found.auditors(), f.now, last, keyids);
    }};

const Rule kSupervisorOfFounding = {
    "supervisor.of-founding",
    "GDPR 51, 58",
    "The caller is one of the supervisors that the founding names.",
    "MEMBER_NOT_REGISTERED",
    "MEMBER_NOT_REGISTERED",
    [](const Facts& f) {
      const auto& supervisors = f.founding->supervisors();
      return std::any_of(supervisors.begin(), supervisors.end(), [&](const auto& supervisor) {
        return supervisor.name() == f.command->caller().name();
      });
    }};

const Rule kMemberQuorum = {
    "member.quorum",
    "GDPR 24, 32, 58",
    "Registering or prolonging an operator or an auditor takes as many supervisors as the founding "
    "says; ending one takes one.",
    "TOO_FEW_SIGNATURES",
    "TOO_FEW_SIGNATURES",
    [](const Facts& f) {
      const v1::Command& c = *f.command;
      const bool gives = c.has_register_() || c.set_term().term().valid_until().seconds() > f.now;
      const v1::Role role =
          c.has_register_() ? c.register_().registration().role() : c.set_term().term().role();
      return !gives || !RunsOrChecks(role) || SupervisorSignatures(f) >= f.founding->threshold();
    }};

namespace {

const Rule kTermOfMember = {"term.of-member",
                            "LED 25, GDPR 32",
                            "A term is of a member that is registered.",
                            "MEMBER_NOT_REGISTERED",
                            "MEMBER_NOT_REGISTERED",
                            [](const Facts& f) { return f.registered != nullptr; }};

const Rule kTermFollows = {"term.follows",
                           "LED 25, GDPR 32",
                           "A term names the statement that the member's end date stands in now.",
                           "PREDECESSOR_DIFFERS",
                           "PREDECESSOR_DIFFERS",
                           [](const Facts& f) {
                             return Names(f.command->set_term().term().follows(),
                                          f.registered->term());
                           }};

const Rule kTermEnd = {"term.end",
                       "LED 25, GDPR 32",
                       "A term ends at once, or within the profile's bound.",
                       "TERM_TOO_LONG",
                       "TERM_TOO_LONG",
                       [](const Facts& f) {
                         const Time end = f.command->set_term().term().valid_until().seconds();
                         return end <= f.now || EndsWithinBound(f, end);
                       }};

constexpr const Rule* kSetTerm[] = {
    &kCallerRole,       &kSupervisorOfFounding, &kStatementForThisVault,
    &kSupervisorSigned, &kStatementOwnEnd,      &kStatementFresh,
    &kStatementOnce,    &kTermOfMember,         &kTermFollows,
    &kTermEnd,          &kMemberQuorum};

}  // namespace

RuleList MemberRules(v1::Command::ActCase act) {
  return act == v1::Command::kSetTerm ? RuleList(kSetTerm) : RuleList();
}

}  // namespace kluis::policy
