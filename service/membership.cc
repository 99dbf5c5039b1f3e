#include "service/membership.h"

#include <algorithm>

#include "policy/record_key.h"
#include "service/errors.h"

namespace kluis::service {
namespace {

absl::Status NoMember() {
  return WithReason(absl::PermissionDeniedError(
                        "member: nobody of this name is registered for the certificate's role, or "
                        "the membership is over"),
                    "MEMBER_NOT_REGISTERED");
}

absl::Status CheckSupervisor(const policy::StateView& state, const std::string& name) {
  const auto vault = policy::FindShared<v1::VaultRecord>(state, policy::key::Vault());
  if (!vault.ok()) return vault.status();
  if (*vault == nullptr) return NoMember();
  const auto& supervisors = (*vault)->founding().supervisors();
  const bool named = std::any_of(supervisors.begin(), supervisors.end(),
                                 [&](const auto& each) { return each.name() == name; });
  return named ? absl::OkStatus() : NoMember();
}

}  // namespace

absl::Status CheckMembership(const policy::StateView& state, const Peer& peer, policy::Time now) {
  if (peer.role == v1::ROLE_SUPERVISOR) return CheckSupervisor(state, peer.name);
  if (peer.role != v1::ROLE_OPERATOR && peer.role != v1::ROLE_AUDITOR) return absl::OkStatus();
  const auto member =
      policy::FindShared<v1::MemberRecord>(state, policy::key::Member(peer.role, peer.name));
  if (!member.ok()) return member.status();
  return *member != nullptr && (*member)->valid_until() > now ? absl::OkStatus() : NoMember();
}

}  // namespace kluis::service
