// SPDX-License-Identifier: Apache-2.0
#include "service/callers/callers.h"

#include <grpc/grpc_security_constants.h>

#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/codec.h"

namespace kluis::service {

Callers::Callers(std::unique_ptr<ClientCertificates> certificates, const ServerConfig& config)
    : certificates_(std::move(certificates)),
      trust_domain_(config.trust_domain),
      has_front_(!config.front_socket.empty()) {}

absl::StatusOr<std::unique_ptr<Callers>> Callers::Load(const ServerConfig& config) {
  auto certificates = ClientCertificates::Load(config.ca, config.crl, config.trust_domain);
  if (!certificates.ok()) return certificates.status();
  return std::unique_ptr<Callers>(new Callers(*std::move(certificates), config));
}

absl::StatusOr<Peer> Callers::Identify(const grpc::ServerContext& context) const {
  const auto auth = context.auth_context();
  const bool transport_says =
      auth != nullptr &&
      !auth->FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME).empty();
  if (has_front_ && !transport_says) return OfHeader(context);
  if (auth == nullptr) {
    return absl::UnauthenticatedError("connection: must be TLS with a client certificate");
  }
  absl::StatusOr<Peer> peer = PeerOf(*auth, trust_domain_);
  if (!peer.ok()) return peer;
  const std::vector<grpc::string_ref> pem =
      auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) {
    return absl::UnauthenticatedError("connection: must have one client certificate");
  }
  return certificates_->VerifyPem({pem.front().data(), pem.front().size()});
}

absl::StatusOr<Peer> Callers::OfHeader(const grpc::ServerContext& context) const {
  const auto [first, last] = context.client_metadata().equal_range(kCertificateHeader);
  if (std::distance(first, last) != 1) {
    return absl::UnauthenticatedError("front: must set the header with the certificate, once");
  }
  const absl::StatusOr<std::string> der =
      base::FromBase64(std::string_view(first->second.data(), first->second.size()));
  if (!der.ok()) return absl::UnauthenticatedError("front: its header must be DER in base64");
  return certificates_->Verify(*der);
}

}  // namespace kluis::service
