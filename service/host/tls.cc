// SPDX-License-Identifier: Apache-2.0
#include "service/host/tls.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr size_t kMaxPemBytes = size_t{1} << 20;

absl::StatusOr<std::string> ReadPem(const std::string& path, std::string_view what,
                                    std::string_view marker) {
  std::error_code failure;
  std::ifstream stream(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, failure) || !stream) {
    return absl::NotFoundError(absl::StrCat(std::string(what), ": cannot read ", path));
  }
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (text.size() > kMaxPemBytes || text.find(marker) == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what), ": not a PEM file of the right kind: ", path));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> LoadServerCredentials(
    const std::string& ca, const std::string& cert, const std::string& key) {
  constexpr std::string_view kCertificate = "-----BEGIN CERTIFICATE-----";
  const absl::StatusOr<std::string> roots = ReadPem(ca, "CA certificate", kCertificate);
  if (!roots.ok()) return roots.status();
  const absl::StatusOr<std::string> chain = ReadPem(cert, "server certificate", kCertificate);
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<std::string> secret = ReadPem(key, "server key", "PRIVATE KEY-----");
  if (!secret.ok()) return secret.status();

  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = *roots;
  options.pem_key_cert_pairs.push_back({*secret, *chain});
  return grpc::SslServerCredentials(options);
}

}  // namespace kluis::service
