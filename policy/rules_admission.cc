// SPDX-License-Identifier: Apache-2.0
// Who is let in: asked of every call before anything of it is read. What a call may do then is
// asked by its own rules, once more with the rules about its caller.
#include <algorithm>
#include <array>

#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

// How the vault knows the callers of a role.
enum class Known {
  kByCertificate,   // no list: what they bring is signed by somebody the vault knows, or public
  kByFounding,      // named in the founding
  kByRegistration,  // registered by a supervisor
};

struct Standing {
  v1::Role role;
  Known known;
};

constexpr std::array<Standing, 7> kStandings = {{
    {v1::ROLE_SUBJECT, Known::kByCertificate},
    {v1::ROLE_REGISTRAR, Known::kByRegistration},
    {v1::ROLE_OFFICER, Known::kByRegistration},
    {v1::ROLE_JUDGE, Known::kByRegistration},
    {v1::ROLE_SUPERVISOR, Known::kByFounding},
    {v1::ROLE_AUDITOR, Known::kByRegistration},
    {v1::ROLE_OPERATOR, Known::kByRegistration},
}};

const Rule kAdmittedMember = {
    "admission.member",
    "LED 25, GDPR 32",
    "The vault knows who calls: a member within its end date, or a supervisor of the founding.",
    "MEMBER_NOT_REGISTERED",
    "MEMBER_NOT_REGISTERED",
    [](const Facts& f) {
      const auto* standing = std::find_if(
          kStandings.begin(), kStandings.end(),
          [&](const Standing& each) { return each.role == f.command->caller().role(); });
      if (standing == kStandings.end()) return false;
      if (standing->known == Known::kByCertificate) return true;
      if (standing->known == Known::kByFounding) return kSupervisorOfFounding.holds(f);
      return f.member && f.member->valid_until() > f.now;
    }};

const Rule kAdmittedAuthority = {
    "admission.authority",
    "AP-7, LED 8",
    "A member of an authority is let in while a supervisor's accreditation of it is in force.",
    "AUTHORITY_NOT_ACCREDITED",
    "AUTHORITY_NOT_ACCREDITED",
    [](const Facts& f) {
      if (!f.member || f.member->authority_id().empty()) return true;
      return f.authority && f.authority->valid_until() > f.now;
    }};

const Rule kLimitedCounted = {"upkeep.limited-counted",
                              "AI Act 12, GDPR 32",
                              "The vault itself tells how many calls of whom it did not decide.",
                              "NOT_THE_VAULT",
                              "NOT_THE_VAULT",
                              [](const Facts& f) {
                                const v1::CountLimited& counted = f.command->count_limited();
                                return f.command->caller().role() == v1::ROLE_UNSPECIFIED &&
                                       counted.calls() > 0 &&
                                       counted.limited().role() != v1::ROLE_UNSPECIFIED &&
                                       counted.since() <= f.now;
                              }};

constexpr const Rule* kAdmit[] = {&kAdmittedMember, &kAdmittedAuthority};
constexpr const Rule* kCountLimited[] = {&kLimitedCounted};

}  // namespace

RuleList AdmissionRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kAdmit:
      return kAdmit;
    case v1::Command::kCountLimited:
      return kCountLimited;
    default:
      return {};
  }
}

}  // namespace kluis::policy
