#include "crypto/key_file.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kHeader = "kluis-ed25519-seed-v1\n";
constexpr size_t kSeedBytes = 32;
constexpr size_t kSeedTextBytes = 44;  // base64 of 32 bytes
constexpr size_t kFileBytes = kHeader.size() + kSeedTextBytes + 1;
constexpr size_t kMaxFileBytes = 4096;

}  // namespace

absl::Status WriteSigningKey(const SigningKey& key, const std::string& path, FileSystem& files) {
  // libsodium ends the text with a zero byte, which the final line feed then replaces.
  SecretBytes text = SecretBytes::Zero(kFileBytes);
  auto* const out = reinterpret_cast<char*>(text.ExposeMutable().data());
  std::memcpy(out, kHeader.data(), kHeader.size());
  sodium_bin2base64(out + kHeader.size(), kSeedTextBytes + 1, key.seed().Expose().data(),
                    kSeedBytes, sodium_base64_VARIANT_ORIGINAL);
  out[kFileBytes - 1] = '\n';

  const absl::Status created = files.CreateSynced(path, text.Expose());
  if (absl::IsAlreadyExists(created) || absl::IsNotFound(created)) return created;
  const absl::Status synced = created.ok() ? files.SyncDirectory(DirectoryOf(path)) : created;
  if (!synced.ok()) files.Remove(path).IgnoreError();  // the first failure is the one to report
  return synced;
}

absl::StatusOr<SigningKey> ReadSigningKey(const std::string& path, FileSystem& files) {
  const absl::StatusOr<SecretBytes> text = files.ReadPrivate(path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  const absl::Status malformed =
      absl::InvalidArgumentError(absl::StrCat(path, ": not a kluis-ed25519-seed-v1 file"));
  const std::span<const uint8_t> bytes = text->Expose();
  if (bytes.size() != kFileBytes || !std::equal(kHeader.begin(), kHeader.end(), bytes.begin()) ||
      bytes.back() != '\n') {
    return malformed;
  }
  SecretBytes seed = SecretBytes::Zero(kSeedBytes);
  size_t size = 0;
  const int rc =
      sodium_base642bin(seed.ExposeMutable().data(), kSeedBytes,
                        reinterpret_cast<const char*>(bytes.data()) + kHeader.size(),
                        kSeedTextBytes, nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL);
  if (rc != 0 || size != kSeedBytes) return malformed;
  return SigningKey::FromSeed(std::move(seed));
}

}  // namespace kluis::crypto
