// SPDX-License-Identifier: Apache-2.0
#include "crypto/envelope.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "crypto/memory.h"
#include "crypto/sha256.h"

namespace kluis::crypto {
namespace {

constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(kKeyBytes == 32 && kNonceBytes + kTagBytes == kSealOverheadBytes);

absl::Status NotOpened() { return absl::DataLossError("sealed: does not authenticate"); }

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
  if (sealed.size() <= kSealOverheadBytes ||
      sealed.size() > kMaxSealedPlainBytes + kSealOverheadBytes || owner.empty()) {
    return NotOpened();
  }
  const std::string_view nonce = sealed.substr(0, kNonceBytes);
  const std::string_view cipher = sealed.substr(kNonceBytes);
  absl::StatusOr<SecretBytes> plain = SecretBytes::Create(cipher.size() - kTagBytes);
  if (!plain.ok()) return plain;
  const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      plain->ExposeMutable().data(), nullptr, nullptr, Raw(cipher), cipher.size(), Raw(owner),
      owner.size(), Raw(nonce), key.data());
  if (rc != 0) return NotOpened();
  return plain;
}

void EnvelopeOpener::FreeContext::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

absl::StatusOr<EnvelopeOpener> EnvelopeOpener::Create() {
  EnsureSodium();
  EnvelopeOpener opener;
  opener.context_.reset(EVP_CIPHER_CTX_new());
  if (opener.context_ == nullptr ||
      EVP_DecryptInit_ex(opener.context_.get(), EVP_chacha20_poly1305(), nullptr, nullptr,
                         nullptr) != 1) {
    return absl::InternalError("sealed: no ChaCha20-Poly1305");
  }
  return opener;
}

absl::Status EnvelopeOpener::Open(std::span<const uint8_t, 32> key, std::string_view sealed,
                                  std::string_view owner, std::span<uint8_t> plain) {
  bool ok = sealed.size() > kSealOverheadBytes &&
            sealed.size() <= kMaxSealedPlainBytes + kSealOverheadBytes && !owner.empty() &&
            owner.size() <= kMaxSealedPlainBytes &&
            plain.size() == sealed.size() - kSealOverheadBytes;
  if (ok) {
    SecretKey32 subkey;
    crypto_core_hchacha20(subkey.ExposeMutable().data(), Raw(sealed), key.data(), nullptr);
    // Four zeros, and what HChaCha20 has not used of the nonce.
    std::array<uint8_t, 12> nonce = {};
    constexpr size_t kUsed = crypto_core_hchacha20_INPUTBYTES;
    std::copy_n(Raw(sealed) + kUsed, kNonceBytes - kUsed, nonce.begin() + 4);
    std::array<uint8_t, kTagBytes> tag;
    std::copy_n(Raw(sealed) + sealed.size() - kTagBytes, kTagBytes, tag.begin());
    EVP_CIPHER_CTX* const context = context_.get();
    const int size = static_cast<int>(plain.size());
    int written = 0;
    uint8_t nothing[1];
    ok = EVP_DecryptInit_ex(context, nullptr, nullptr, subkey.Expose().data(), nonce.data()) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
         EVP_DecryptUpdate(context, nullptr, &written, Raw(owner),
                           static_cast<int>(owner.size())) == 1 &&
         EVP_DecryptUpdate(context, plain.data(), &written, Raw(sealed) + kNonceBytes, size) == 1 &&
         written == size && EVP_DecryptFinal_ex(context, nothing, &written) == 1;
  }
  if (ok) return absl::OkStatus();
  if (!plain.empty()) sodium_memzero(plain.data(), plain.size());
  return NotOpened();
}

void EnvelopeOpener::Forget() {
  const std::array<uint8_t, kKeyBytes> zeros = {};
  EVP_DecryptInit_ex(context_.get(), nullptr, nullptr, zeros.data(), zeros.data());
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
