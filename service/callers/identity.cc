// SPDX-License-Identifier: Apache-2.0
#include "service/callers/identity.h"

#include <grpc/grpc_security_constants.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace kluis::service {
namespace {

constexpr std::string_view kScheme = "spiffe://";

constexpr std::array<std::pair<std::string_view, v1::Role>, 7> kRoles = {{
    {"subject", v1::ROLE_SUBJECT},
    {"registrar", v1::ROLE_REGISTRAR},
    {"officer", v1::ROLE_OFFICER},
    {"judge", v1::ROLE_JUDGE},
    {"supervisor", v1::ROLE_SUPERVISOR},
    {"auditor", v1::ROLE_AUDITOR},
    {"operator", v1::ROLE_OPERATOR},
}};

bool IsPeerName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxPeerName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

absl::Status Refuse(const char* rule) { return absl::UnauthenticatedError(rule); }

}  // namespace

v1::Role RoleOfWord(std::string_view word) {
  const auto found = std::ranges::find(kRoles, word, &std::pair<std::string_view, v1::Role>::first);
  return found == kRoles.end() ? v1::ROLE_UNSPECIFIED : found->second;
}

absl::StatusOr<Peer> ParsePeer(std::span<const std::string> uris, std::string_view trust_domain) {
  if (uris.size() != 1) {
    return Refuse("certificate: must have exactly one URI subject alternative name");
  }
  std::string_view rest = uris.front();
  if (!rest.starts_with(kScheme)) return Refuse("certificate: its URI must be a SPIFFE ID");
  rest.remove_prefix(kScheme.size());
  if (trust_domain.empty() || !rest.starts_with(trust_domain) ||
      !rest.substr(trust_domain.size()).starts_with('/')) {
    return Refuse("certificate: not of this vault's trust domain");
  }
  rest.remove_prefix(trust_domain.size() + 1);
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) {
    return Refuse("certificate: its SPIFFE ID must end in /<role>/<name>");
  }
  const v1::Role role = RoleOfWord(rest.substr(0, slash));
  if (role == v1::ROLE_UNSPECIFIED) return Refuse("certificate: no such role");
  const std::string_view name = rest.substr(slash + 1);
  if (!IsPeerName(name)) {
    return Refuse("certificate: the name must be 1 to 64 of a-z, 0-9 and -");
  }
  return Peer{role, std::string(name)};
}

absl::StatusOr<Peer> PeerOf(const grpc::AuthContext& context, std::string_view trust_domain) {
  const std::vector<grpc::string_ref> transport =
      context.FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  const bool tls = transport.size() == 1 && (transport[0] == "ssl" || transport[0] == "tls");
  if (!tls || !context.IsPeerAuthenticated()) {
    return Refuse("connection: must be TLS with a client certificate");
  }
  std::vector<std::string> uris;
  for (const grpc::string_ref& uri : context.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
    uris.emplace_back(uri.data(), uri.size());
  }
  return ParsePeer(uris, trust_domain);
}

}  // namespace kluis::service
