// SPDX-License-Identifier: Apache-2.0
// Verifies callers' certificates as TLS does, and at each call anew: for callers whose TLS ended
// in a front, and for connections that live longer than a certificate or its revocation.
// Thread-safe.
// Source: RFC 5280; OpenSSL 3. Times are compared with the machine's clock by OpenSSL, as in TLS.
#ifndef KLUIS_SERVICE_CALLERS_CLIENT_CERTIFICATES_H_
#define KLUIS_SERVICE_CALLERS_CLIENT_CERTIFICATES_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "service/callers/identity.h"

namespace kluis::service {

class ClientCertificates {
 public:
  // `ca`: PEM file of the authorities, the intermediate ones too. `crl`: PEM file with the
  // revocation list of each of them; empty: nothing is ever revoked. It is read again when it
  // changes; one that cannot be read or holds no list changes nothing, and a list whose next
  // update is past refuses everybody of its authority.
  // kNotFound: a file cannot be read. kInvalidArgument: it holds none, or something else as well.
  static absl::StatusOr<std::unique_ptr<ClientCertificates>> Load(std::string ca, std::string crl,
                                                                  std::string trust_domain);
  ~ClientCertificates();
  ClientCertificates(const ClientCertificates&) = delete;
  ClientCertificates& operator=(const ClientCertificates&) = delete;

  // Whom the certificate names, when it chains to the CA now, is for clients, within its dates and
  // not revoked. What was found is kept for 4,096 certificates, but dates and revocation are asked
  // each time. kUnauthenticated: it is none of that, or as ParsePeer. `der` is exactly one
  // certificate; `pem` the first of a text.
  absl::StatusOr<Peer> Verify(std::string_view der);
  absl::StatusOr<Peer> VerifyPem(std::string_view pem);

 private:
  struct Trust;      // what the files say
  struct FileStamp;  // of the list's file, when it was read

  ClientCertificates(std::string ca, std::string crl, std::string trust_domain);
  absl::StatusOr<std::shared_ptr<Trust>> Read() const;
  std::shared_ptr<Trust> Current();

  const std::string ca_;
  const std::string crl_;
  const std::string trust_domain_;

  std::mutex mutex_;  // guards what follows
  std::unique_ptr<FileStamp> stamp_;
  std::shared_ptr<Trust> trust_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CALLERS_CLIENT_CERTIFICATES_H_
