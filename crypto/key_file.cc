// SPDX-License-Identifier: Apache-2.0
#include "crypto/key_file.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/release.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kSeedHeader = "kluis-ed25519-seed-v1\n";
constexpr std::string_view kDeviceHeader = "kluis-custody-secret-v1\n";
constexpr size_t kSecretBytes = 32;      // of a seed and of a device's secret
constexpr size_t kSecretTextBytes = 44;  // base64 of 32 bytes
constexpr size_t kMaxKeyFileBytes = 4096;
static_assert(kDeviceSecretBytes == kSecretBytes);

size_t FileBytes(std::string_view header) { return header.size() + kSecretTextBytes + 1; }

absl::Status Write(std::string_view header, const SecretBytes& secret, const std::string& path,
                   FileSystem& files) {
  // libsodium ends the text with a zero byte, which the final line feed then replaces.
  SecretBytes text = SecretBytes::Zero(FileBytes(header));
  auto* const out = reinterpret_cast<char*>(text.ExposeMutable().data());
  std::memcpy(out, header.data(), header.size());
  sodium_bin2base64(out + header.size(), kSecretTextBytes + 1, secret.Expose().data(), kSecretBytes,
                    sodium_base64_VARIANT_ORIGINAL);
  out[text.size() - 1] = '\n';

  const absl::Status created = files.CreateSynced(path, text.Expose());
  if (absl::IsAlreadyExists(created) || absl::IsNotFound(created)) return created;
  const absl::Status synced = created.ok() ? files.SyncDirectory(DirectoryOf(path)) : created;
  if (!synced.ok()) files.Remove(path).IgnoreError();  // the first failure is the one to report
  return synced;
}

absl::StatusOr<SecretBytes> Read(std::string_view header, const std::string& path,
                                 FileSystem& files) {
  const absl::StatusOr<SecretBytes> text = files.ReadPrivate(path, kMaxKeyFileBytes);
  if (!text.ok()) return text.status();
  const std::string_view name = header.substr(0, header.size() - 1);
  const absl::Status malformed =
      absl::InvalidArgumentError(absl::StrCat(path, ": not a ", std::string(name), " file"));
  const std::span<const uint8_t> bytes = text->Expose();
  if (bytes.size() != FileBytes(header) ||
      !std::equal(header.begin(), header.end(), bytes.begin()) || bytes.back() != '\n') {
    return malformed;
  }
  SecretBytes secret = SecretBytes::Zero(kSecretBytes);
  size_t size = 0;
  const int rc =
      sodium_base642bin(secret.ExposeMutable().data(), kSecretBytes,
                        reinterpret_cast<const char*>(bytes.data()) + header.size(),
                        kSecretTextBytes, nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL);
  if (rc != 0 || size != kSecretBytes) return malformed;
  return secret;
}

}  // namespace

absl::Status WriteSigningKey(const SigningKey& key, const std::string& path, FileSystem& files) {
  return Write(kSeedHeader, key.seed(), path, files);
}

absl::StatusOr<SigningKey> ReadSigningKey(const std::string& path, FileSystem& files) {
  absl::StatusOr<SecretBytes> seed = Read(kSeedHeader, path, files);
  if (!seed.ok()) return seed.status();
  return SigningKey::FromSeed(*std::move(seed));
}

absl::Status WriteDeviceSecret(const SecretBytes& secret, const std::string& path,
                               FileSystem& files) {
  if (secret.size() != kSecretBytes) {
    return absl::InvalidArgumentError("device secret: must be 32 bytes");
  }
  return Write(kDeviceHeader, secret, path, files);
}

absl::StatusOr<SecretBytes> ReadDeviceSecret(const std::string& path, FileSystem& files) {
  return Read(kDeviceHeader, path, files);
}

}  // namespace kluis::crypto
