// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a connection: the one SPIFFE URI in the client's certificate. The
// chain itself was verified by TLS (service/host/tls.h). Pure functions, thread-safe.
// Source: github.com/spiffe/spiffe, standards/X509-SVID.md s.2: exactly one URI SAN.
#ifndef KLUIS_SERVICE_CALLERS_IDENTITY_H_
#define KLUIS_SERVICE_CALLERS_IDENTITY_H_

#include <grpcpp/security/auth_context.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kluis/v1/annotations.pb.h"

namespace kluis::service {

inline constexpr size_t kMaxPeerName = 64;  // characters

struct Peer {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::string name;  // 1 to kMaxPeerName of [a-z0-9-]

  bool operator==(const Peer&) const = default;
};

// The role that stands in an identity as `word`, "officer" for example; ROLE_UNSPECIFIED for any
// other word, also in other letter case.
v1::Role RoleOfWord(std::string_view word);

// `uris` are all URI SANs of the certificate; the one must read, byte for byte,
//   spiffe://<trust_domain>/<role>/<name>
// kUnauthenticated: none or several, another scheme, trust domain or role, or a name out of bounds.
// The message names the rule, never the URI. `trust_domain` is as in the configuration, not empty.
absl::StatusOr<Peer> ParsePeer(std::span<const std::string> uris, std::string_view trust_domain);

// The peer of a call's connection. kUnauthenticated: the connection is not TLS with a verified
// client certificate, or as ParsePeer.
absl::StatusOr<Peer> PeerOf(const grpc::AuthContext& context, std::string_view trust_domain);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CALLERS_IDENTITY_H_
