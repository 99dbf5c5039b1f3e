// SPDX-License-Identifier: Apache-2.0
// The server's side of mutual TLS: a client without a certificate of the vault's CA gets no
// connection. Who the client is: service/callers/identity.h. Thread-safe.
//
// Versions are TLS 1.2 and 1.3; gRPC 1.51 offers no setting for the lower bound, and its own
// cipher list leaves TLS 1.2 with ECDHE and AEAD only.
#ifndef KLUIS_SERVICE_HOST_TLS_H_
#define KLUIS_SERVICE_HOST_TLS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace kluis::service {

// Paths of PEM files: the CA that client certificates must chain to, the server's own chain and
// its private key. kNotFound: a file cannot be read. kInvalidArgument: a file is empty, over 1 MiB
// or without the PEM block it should hold. Whether certificate and key belong together shows when
// the port is opened (Server::Start).
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> LoadServerCredentials(
    const std::string& ca, const std::string& cert, const std::string& key);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HOST_TLS_H_
