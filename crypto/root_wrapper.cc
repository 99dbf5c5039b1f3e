// SPDX-License-Identifier: Apache-2.0
#include "crypto/root_wrapper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/little_endian.h"
#include "crypto/derive.h"
#include "crypto/envelope.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kWrapMagic = "kluis-wrapped-k1";
constexpr size_t kMaxHeaderBytes = 2048;
constexpr size_t kWrapFixedBytes = 16 + 1 + 2 + 8;
constexpr Label kWrapLabel("kluis-root-wrap");

const uint8_t* At(std::string_view bytes, size_t at) {
  return reinterpret_cast<const uint8_t*>(bytes.data()) + at;
}

absl::Status NotWrapped() { return absl::DataLossError("root key: not a wrapped root key"); }

absl::Status DoesNotOpen() {
  return absl::DataLossError("root key: does not open: altered, or of another vault");
}

}  // namespace

absl::StatusOr<WrappedRoot> ParseWrapped(std::string_view wrapped) {
  if (wrapped.size() < kWrapFixedBytes || wrapped.size() > kMaxWrappedBytes ||
      !wrapped.starts_with(kWrapMagic)) {
    return NotWrapped();
  }
  const auto kind = static_cast<uint8_t>(wrapped[16]);
  if (kind < 1 || kind > 3) return NotWrapped();
  const size_t header_bytes = *At(wrapped, 17) + size_t{*At(wrapped, 18)} * 256;
  if (header_bytes > kMaxHeaderBytes || wrapped.size() < kWrapFixedBytes + header_bytes) {
    return NotWrapped();
  }
  const size_t prefix_bytes = kWrapFixedBytes + header_bytes;
  return WrappedRoot{static_cast<WrapKind>(kind), wrapped.substr(19, header_bytes),
                     base::GetU64(At(wrapped, prefix_bytes - 8)), wrapped.substr(0, prefix_bytes),
                     wrapped.substr(prefix_bytes)};
}

std::string WrappedPrefix(WrapKind kind, std::string_view header, uint64_t generation) {
  std::string prefix(kWrapMagic);
  prefix.push_back(static_cast<char>(kind));
  prefix.push_back(static_cast<char>(header.size() % 256));
  prefix.push_back(static_cast<char>(header.size() / 256));
  prefix.append(header);
  prefix.resize(prefix.size() + 8);
  base::PutU64(generation, reinterpret_cast<uint8_t*>(prefix.data() + prefix.size() - 8));
  return prefix;
}

absl::StatusOr<std::unique_ptr<SecretWrapper>> SecretWrapper::Create(WrapKind kind,
                                                                     std::string header,
                                                                     SecretBytes secret) {
  if (secret.size() != 32) return absl::InvalidArgumentError("wrapping secret: must be 32 bytes");
  if (header.size() > kMaxHeaderBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("wrapping header: at most ", kMaxHeaderBytes, " bytes"));
  }
  const char kind_byte = static_cast<char>(kind);
  const SecretKey32 key =
      DeriveKey(secret.Expose().first<32>(), kWrapLabel, {{&kind_byte, 1}, header});
  return std::unique_ptr<SecretWrapper>(
      new SecretWrapper(kind, std::move(header), SecretBytes::CopyOf(key.Expose())));
}

SecretWrapper::SecretWrapper(WrapKind kind, std::string header, SecretBytes key)
    : kind_(kind), header_(std::move(header)), key_(std::move(key)) {}

absl::StatusOr<std::string> SecretWrapper::Wrap(std::span<const uint8_t, kRootKeyBytes> root_key,
                                                uint64_t generation) {
  std::string wrapped = WrappedPrefix(kind_, header_, generation);
  const absl::StatusOr<std::string> sealed =
      SealWith(key_.Expose().first<32>(),
               {reinterpret_cast<const char*>(root_key.data()), root_key.size()}, wrapped);
  if (!sealed.ok()) return sealed.status();
  return wrapped + *sealed;
}

absl::StatusOr<RootKey> SecretWrapper::Unwrap(std::string_view wrapped) {
  const absl::StatusOr<WrappedRoot> parts = ParseWrapped(wrapped);
  if (!parts.ok()) return parts.status();
  absl::StatusOr<SecretBytes> key =
      OpenWith(key_.Expose().first<32>(), parts->sealed, parts->authenticated);
  if (!key.ok() || key->size() != kRootKeyBytes) return DoesNotOpen();
  return RootKey{parts->generation, *std::move(key)};
}

absl::Status SecretWrapper::DestroyAllBut(std::string_view current) {
  return Unwrap(current).status();
}

}  // namespace kluis::crypto
