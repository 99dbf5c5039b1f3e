// SPDX-License-Identifier: Apache-2.0
// Who calls: by the client certificate of the connection, or of the header that the front sets for
// callers whose TLS ended there. Thread-safe.
#ifndef KLUIS_SERVICE_CALLERS_CALLERS_H_
#define KLUIS_SERVICE_CALLERS_CALLERS_H_

#include <grpcpp/server_context.h>

#include <memory>

#include "absl/status/statusor.h"
#include "service/callers/client_certificates.h"
#include "service/callers/identity.h"
#include "service/process/config.h"

namespace kluis::service {

// The header: one certificate, DER in base64 (RFC 4648 s.4). The front deletes it from each request
// and sets it itself. It counts on the front's socket only; over TLS nobody looks at it.
inline constexpr char kCertificateHeader[] = "kluis-client-certificate";

class Callers {
 public:
  // Errors as ClientCertificates::Load.
  static absl::StatusOr<std::unique_ptr<Callers>> Load(const ServerConfig& config);

  // The caller, whose certificate is verified anew. Connections without TLS come from the front's
  // socket and nowhere else (service/host/server.h). kUnauthenticated: as
  // ClientCertificates::Verify, PeerOf, or the header is missing, there twice, or not base64.
  absl::StatusOr<Peer> Identify(const grpc::ServerContext& context) const;

 private:
  Callers(std::unique_ptr<ClientCertificates> certificates, const ServerConfig& config);
  absl::StatusOr<Peer> OfHeader(const grpc::ServerContext& context) const;

  const std::unique_ptr<ClientCertificates> certificates_;
  const std::string trust_domain_;
  const bool has_front_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CALLERS_CALLERS_H_
