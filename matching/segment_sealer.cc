// SPDX-License-Identifier: Apache-2.0
#include "matching/segment_sealer.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <climits>

#include "crypto/secret_bytes.h"
#include "matching/ipsec_mb.h"

namespace kluis::matching {
namespace {

static_assert(SegmentSealer::kKeyBytes == crypto_aead_aes256gcm_KEYBYTES);
static_assert(SegmentSealer::kKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(SegmentSealer::kTagBytes == crypto_aead_aes256gcm_ABYTES);
static_assert(SegmentSealer::kTagBytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);

constexpr std::size_t kGcmNonceBytes = 12;

template <std::size_t size>
std::array<std::uint8_t, size> Nonce(std::uint64_t counter) {
  std::array<std::uint8_t, size> nonce = {};
  for (std::size_t i = 0; i < 8; ++i) nonce[i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

bool SizesFit(std::size_t plain, std::size_t sealed) {
  return plain <= INT_MAX && sealed == plain + SegmentSealer::kTagBytes;
}

// The libraries differ in what they leave behind when a tag is wrong; here it is always zeros.
bool WipeUnless(bool ok, std::span<std::uint8_t> plain) {
  if (!ok && !plain.empty()) sodium_memzero(plain.data(), plain.size());
  return ok;
}

class OpenSslSealer final : public SegmentSealer {
 public:
  // The key is expanded here, once; Seal and Open only set the nonce.
  static std::unique_ptr<SegmentSealer> Create(std::span<const std::uint8_t, kKeyBytes> key) {
    auto sealer = std::unique_ptr<OpenSslSealer>(new OpenSslSealer);
    if (sealer->seal_ == nullptr || sealer->open_ == nullptr) return nullptr;
    if (EVP_EncryptInit_ex(sealer->seal_.get(), EVP_aes_256_gcm(), nullptr, key.data(), nullptr) !=
            1 ||
        EVP_DecryptInit_ex(sealer->open_.get(), EVP_aes_256_gcm(), nullptr, key.data(), nullptr) !=
            1) {
      return nullptr;
    }
    return sealer;
  }

  bool Seal(std::uint64_t counter, std::span<const std::uint8_t> owner,
            std::span<const std::uint8_t> plain, std::span<std::uint8_t> sealed) override {
    if (!SizesFit(plain.size(), sealed.size()) || owner.size() > INT_MAX) return false;
    EVP_CIPHER_CTX* context = seal_.get();
    const auto nonce = Nonce<kGcmNonceBytes>(counter);
    const int size = static_cast<int>(plain.size());
    int written = 0;
    return EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
           EVP_EncryptUpdate(context, nullptr, &written, owner.data(),
                             static_cast<int>(owner.size())) == 1 &&
           EVP_EncryptUpdate(context, sealed.data(), &written, plain.data(), size) == 1 &&
           written == size &&
           EVP_EncryptFinal_ex(context, sealed.data() + plain.size(), &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                               sealed.data() + plain.size()) == 1;
  }

  bool Open(std::uint64_t counter, std::span<const std::uint8_t> owner,
            std::span<const std::uint8_t> sealed, std::span<std::uint8_t> plain) override {
    if (!SizesFit(plain.size(), sealed.size()) || owner.size() > INT_MAX) {
      return WipeUnless(false, plain);
    }
    EVP_CIPHER_CTX* context = open_.get();
    const auto nonce = Nonce<kGcmNonceBytes>(counter);
    std::array<std::uint8_t, kTagBytes> tag;
    std::copy_n(sealed.end() - kTagBytes, kTagBytes, tag.begin());
    std::uint8_t nothing[1];
    const int size = static_cast<int>(plain.size());
    int written = 0;
    const bool ok =
        EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
        EVP_DecryptUpdate(context, nullptr, &written, owner.data(),
                          static_cast<int>(owner.size())) == 1 &&
        EVP_DecryptUpdate(context, plain.data(), &written, sealed.data(), size) == 1 &&
        written == size && EVP_DecryptFinal_ex(context, nothing, &written) == 1;
    return WipeUnless(ok, plain);
  }

 private:
  struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };

  OpenSslSealer() : seal_(EVP_CIPHER_CTX_new()), open_(EVP_CIPHER_CTX_new()) {}

  std::unique_ptr<EVP_CIPHER_CTX, FreeContext> seal_;
  std::unique_ptr<EVP_CIPHER_CTX, FreeContext> open_;
};

class XChaChaSealer final : public SegmentSealer {
 public:
  explicit XChaChaSealer(std::span<const std::uint8_t, kKeyBytes> key)
      : key_(crypto::SecretBytes::CopyOf(key)) {}

  bool Seal(std::uint64_t counter, std::span<const std::uint8_t> owner,
            std::span<const std::uint8_t> plain, std::span<std::uint8_t> sealed) override {
    if (!SizesFit(plain.size(), sealed.size())) return false;
    return crypto_aead_xchacha20poly1305_ietf_encrypt(
               sealed.data(), nullptr, plain.data(), plain.size(), owner.data(), owner.size(),
               nullptr, Nonce<kNonceBytes>(counter).data(), key_.Expose().data()) == 0;
  }

  bool Open(std::uint64_t counter, std::span<const std::uint8_t> owner,
            std::span<const std::uint8_t> sealed, std::span<std::uint8_t> plain) override {
    const bool ok =
        SizesFit(plain.size(), sealed.size()) &&
        crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain.data(), nullptr, nullptr, sealed.data(), sealed.size(), owner.data(),
            owner.size(), Nonce<kNonceBytes>(counter).data(), key_.Expose().data()) == 0;
    return WipeUnless(ok, plain);
  }

 private:
  static constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;

  crypto::SecretBytes key_;
};

}  // namespace

bool SegmentSealer::IsAvailable(Cipher cipher) {
  if (cipher == Cipher::kXChaCha20Sodium) return true;
  if (cipher == Cipher::kAesGcmIpsecMb) return sodium_init() >= 0 && IpsecMbIsAvailable();
  // libsodium has AES-256-GCM only where the processor has the instructions: on x86-64 that tells
  // for OpenSSL too; elsewhere XChaCha20 is taken.
  return sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() == 1;
}

SegmentSealer::Cipher SegmentSealer::Preferred() {
  if (IsAvailable(Cipher::kAesGcmIpsecMb)) return Cipher::kAesGcmIpsecMb;
  return IsAvailable(Cipher::kAesGcmOpenSsl) ? Cipher::kAesGcmOpenSsl : Cipher::kXChaCha20Sodium;
}

absl::StatusOr<std::unique_ptr<SegmentSealer>> SegmentSealer::Create(
    Cipher cipher, std::span<const std::uint8_t, kKeyBytes> key) {
  if (!IsAvailable(cipher)) return absl::UnavailableError("cipher: not on this machine");
  std::unique_ptr<SegmentSealer> sealer;
  switch (cipher) {
    case Cipher::kAesGcmIpsecMb:
      sealer = CreateIpsecMbSealer(key);
      break;
    case Cipher::kAesGcmOpenSsl:
      sealer = OpenSslSealer::Create(key);
      break;
    case Cipher::kXChaCha20Sodium:
      sealer = std::make_unique<XChaChaSealer>(key);
      break;
  }
  if (sealer == nullptr) return absl::InternalError("cipher: cannot be initialised");
  return sealer;
}

}  // namespace kluis::matching
