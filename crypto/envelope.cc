#include "crypto/envelope.h"

#include <sodium.h>

#include <utility>

#include "absl/status/status.h"
#include "crypto/memory.h"

namespace kluis::crypto {
namespace {

constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(kKeyBytes == 32 && kNonceBytes + kTagBytes == kSealOverheadBytes);

const unsigned char* Raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

absl::StatusOr<std::string> SealWith(std::span<const uint8_t, 32> key, std::string_view plain,
                                     std::string_view owner) {
  if (plain.empty() || plain.size() > kMaxSealedPlainBytes) {
    return absl::InvalidArgumentError("plain: must be 1 byte to 256 KiB");
  }
  if (owner.empty()) return absl::InvalidArgumentError("owner: must not be empty");
  EnsureSodium();
  std::string sealed(plain.size() + kSealOverheadBytes, '\0');
  auto* const nonce = reinterpret_cast<unsigned char*>(sealed.data());
  randombytes_buf(nonce, kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonceBytes, nullptr, Raw(plain), plain.size(),
                                             Raw(owner), owner.size(), nullptr, nonce, key.data());
  return sealed;
}

absl::StatusOr<SecretBytes> OpenWith(std::span<const uint8_t, 32> key, std::string_view sealed,
                                     std::string_view owner) {
  const absl::Status refused = absl::DataLossError("sealed: does not authenticate");
  if (sealed.size() <= kSealOverheadBytes ||
      sealed.size() > kMaxSealedPlainBytes + kSealOverheadBytes || owner.empty()) {
    return refused;
  }
  const std::string_view nonce = sealed.substr(0, kNonceBytes);
  const std::string_view cipher = sealed.substr(kNonceBytes);
  SecretBytes plain = SecretBytes::Zero(cipher.size() - kTagBytes);
  const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      plain.ExposeMutable().data(), nullptr, nullptr, Raw(cipher), cipher.size(), Raw(owner),
      owner.size(), Raw(nonce), key.data());
  if (rc != 0) return refused;
  return plain;
}

Envelope::Envelope(SecretBytes key) : key_(std::move(key)) {}

absl::StatusOr<Envelope> Envelope::Create(SecretBytes key) {
  if (key.size() != kKeyBytes) return absl::InvalidArgumentError("key: must be 32 bytes");
  return Envelope(std::move(key));
}

absl::StatusOr<std::string> Envelope::Seal(std::string_view plain, std::string_view owner) const {
  return SealWith(key_.Expose().first<kKeyBytes>(), plain, owner);
}

absl::StatusOr<SecretBytes> Envelope::Open(std::string_view sealed, std::string_view owner) const {
  return OpenWith(key_.Expose().first<kKeyBytes>(), sealed, owner);
}

}  // namespace kluis::crypto
