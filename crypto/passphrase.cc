// SPDX-License-Identifier: Apache-2.0
#include "crypto/passphrase.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/little_endian.h"
#include "crypto/memory.h"
#include "crypto/random.h"

namespace kluis::crypto {
namespace {

constexpr size_t kSaltBytes = crypto_pwhash_argon2id_SALTBYTES;
constexpr size_t kPassphraseHeaderBytes = kSaltBytes + 4 + 8;
constexpr uint32_t kMaxPasses = 64;
constexpr uint64_t kMinMemoryBytes = 8192;
constexpr uint64_t kMaxMemoryBytes = uint64_t{4} << 30U;
static_assert(kSaltBytes == 16);

bool IsCostInBounds(const PassphraseCost& cost) {
  return cost.passes >= 1 && cost.passes <= kMaxPasses && cost.memory_bytes >= kMinMemoryBytes &&
         cost.memory_bytes <= kMaxMemoryBytes;
}

absl::StatusOr<std::unique_ptr<RootWrapper>> WrapperOf(const SecretBytes& passphrase,
                                                       std::string header, PassphraseCost cost) {
  const std::span salt(reinterpret_cast<const uint8_t*>(header.data()), header.size());
  absl::StatusOr<SecretBytes> secret =
      StretchPassphrase(passphrase.Expose(), salt.first<kSaltBytes>(), cost);
  if (!secret.ok()) return secret.status();
  return SecretWrapper::Create(WrapKind::kPassphrase, std::move(header), *std::move(secret));
}

}  // namespace

absl::StatusOr<SecretBytes> ReadPassphrase(const std::string& path, FileSystem& files) {
  const absl::StatusOr<SecretBytes> file = files.ReadPrivate(path, 2 * kMaxPassphraseBytes);
  if (!file.ok()) return file.status();
  std::span<const uint8_t> text = file->Expose();
  if (!text.empty() && text.back() == '\n') text = text.first(text.size() - 1);
  if (!text.empty() && text.back() == '\r') text = text.first(text.size() - 1);
  const auto breaks = [](uint8_t c) { return c == '\n' || c == '\r' || c == '\0'; };
  if (text.empty() || text.size() > kMaxPassphraseBytes ||
      std::any_of(text.begin(), text.end(), breaks)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must hold one line of 1 to ", kMaxPassphraseBytes, " bytes"));
  }
  return SecretBytes::CopyOf(text);
}

absl::StatusOr<std::unique_ptr<RootWrapper>> NewPassphraseWrapper(const SecretBytes& passphrase,
                                                                  PassphraseCost cost) {
  if (passphrase.size() < kMinPassphraseBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("passphrase: at least ", kMinPassphraseBytes, " bytes"));
  }
  std::string header = RandomBytes(kPassphraseHeaderBytes);
  auto* const bytes = reinterpret_cast<uint8_t*>(header.data());
  base::PutU32(cost.passes, bytes + kSaltBytes);
  base::PutU64(cost.memory_bytes, bytes + kSaltBytes + 4);
  return WrapperOf(passphrase, std::move(header), cost);
}

absl::StatusOr<std::unique_ptr<RootWrapper>> OpenPassphraseWrapper(const SecretBytes& passphrase,
                                                                   std::string_view wrapped) {
  const absl::StatusOr<WrappedRoot> parts = ParseWrapped(wrapped);
  if (!parts.ok()) return parts.status();
  const auto not_ours = [] { return absl::DataLossError("root key: not wrapped by a passphrase"); };
  if (parts->kind != WrapKind::kPassphrase || parts->header.size() != kPassphraseHeaderBytes) {
    return not_ours();
  }
  const auto* const bytes = reinterpret_cast<const uint8_t*>(parts->header.data());
  const PassphraseCost cost{.passes = base::GetU32(bytes + kSaltBytes),
                            .memory_bytes = base::GetU64(bytes + kSaltBytes + 4)};
  if (!IsCostInBounds(cost)) return not_ours();
  if (passphrase.size() > kMaxPassphraseBytes) {
    return absl::PermissionDeniedError("root key: wrong passphrase, or altered");
  }
  absl::StatusOr<std::unique_ptr<RootWrapper>> wrapper =
      WrapperOf(passphrase, std::string(parts->header), cost);
  if (!wrapper.ok()) return wrapper.status();
  if (!(*wrapper)->Unwrap(wrapped).ok()) {
    return absl::PermissionDeniedError("root key: wrong passphrase, or altered");
  }
  return wrapper;
}

absl::StatusOr<SecretBytes> StretchPassphrase(std::span<const uint8_t> passphrase,
                                              std::span<const uint8_t, 16> salt,
                                              PassphraseCost cost) {
  if (!IsCostInBounds(cost)) {
    return absl::InvalidArgumentError(
        "passphrase cost: 1 to 64 passes over 8 KiB to 4 GiB of memory");
  }
  if (passphrase.size() > kMaxPassphraseBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("passphrase: at most ", kMaxPassphraseBytes, " bytes"));
  }
  SecretBytes key = SecretBytes::Zero(32);
  EnsureSodium();
  const char* const text = reinterpret_cast<const char*>(passphrase.data());
  if (crypto_pwhash(key.ExposeMutable().data(), key.size(), text == nullptr ? "" : text,
                    passphrase.size(), salt.data(), cost.passes,
                    static_cast<size_t>(cost.memory_bytes), crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::UnavailableError(absl::StrCat("passphrase: needs ", cost.memory_bytes >> 20U,
                                               " MiB of memory, which cannot be had"));
  }
  return key;
}

}  // namespace kluis::crypto
