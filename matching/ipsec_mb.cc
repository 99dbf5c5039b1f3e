// SPDX-License-Identifier: Apache-2.0
#include "matching/ipsec_mb.h"

#include <sodium.h>

#include <array>

#include "crypto/secret_bytes.h"

#if defined(KLUIS_HAS_IPSEC_MB)
#include <intel-ipsec-mb.h>
#endif

namespace kluis::matching {

#if defined(KLUIS_HAS_IPSEC_MB)

namespace {

constexpr std::size_t kNonceBytes = 12;

// The library's table of functions for this processor, made once and never freed; nullptr when it
// lacks AES. The functions for whole messages change nothing in it, so threads may share it.
IMB_MGR* Functions() {
  static IMB_MGR* const functions = []() -> IMB_MGR* {
    IMB_MGR* const made = alloc_mb_mgr(0);
    if (made == nullptr) return nullptr;
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(made, &arch);
    const bool usable = imb_get_errno(made) == 0 && arch != IMB_ARCH_NONE &&
                        (made->features & IMB_FEATURE_AESNI) != 0;
    if (usable) return made;
    free_mb_mgr(made);
    return nullptr;
  }();
  return functions;
}

class IpsecMbSealer final : public SegmentSealer {
 public:
  explicit IpsecMbSealer(std::span<const std::uint8_t, kKeyBytes> key) {
    IMB_AES256_GCM_PRE(functions_, key.data(), expanded());
  }

  bool Seal(std::uint64_t counter, std::span<const std::uint8_t> owner,
            std::span<const std::uint8_t> plain, std::span<std::uint8_t> sealed) override {
    if (sealed.size() != plain.size() + kTagBytes) return false;
    const auto nonce = Nonce(counter);
    gcm_context_data context;
    IMB_AES256_GCM_ENC(functions_, expanded(), &context, sealed.data(), plain.data(), plain.size(),
                       nonce.data(), owner.data(), owner.size(), sealed.data() + plain.size(),
                       kTagBytes);
    sodium_memzero(&context, sizeof(context));
    return true;
  }

  bool Open(std::uint64_t counter, std::span<const std::uint8_t> owner,
            std::span<const std::uint8_t> sealed, std::span<std::uint8_t> plain) override {
    bool ok = sealed.size() == plain.size() + kTagBytes;
    if (ok) {
      const auto nonce = Nonce(counter);
      gcm_context_data context;
      std::array<std::uint8_t, kTagBytes> tag;
      IMB_AES256_GCM_DEC(functions_, expanded(), &context, plain.data(), sealed.data(),
                         plain.size(), nonce.data(), owner.data(), owner.size(), tag.data(),
                         kTagBytes);
      ok = sodium_memcmp(tag.data(), sealed.data() + plain.size(), kTagBytes) == 0;
      // The right tag of an altered message would help to forge it.
      sodium_memzero(tag.data(), tag.size());
      sodium_memzero(&context, sizeof(context));
    }
    if (!ok && !plain.empty()) sodium_memzero(plain.data(), plain.size());
    return ok;
  }

 private:
  static std::array<std::uint8_t, kNonceBytes> Nonce(std::uint64_t counter) {
    std::array<std::uint8_t, kNonceBytes> nonce = {};
    for (std::size_t i = 0; i < 8; ++i) nonce[i] = static_cast<std::uint8_t>(counter >> (8 * i));
    return nonce;
  }

  gcm_key_data* expanded() {
    return reinterpret_cast<gcm_key_data*>(expanded_.ExposeMutable().data());
  }

  // Guarded memory ends where a page ends, so a multiple of 64 is aligned to 64.
  static constexpr std::size_t kExpandedBytes = (sizeof(gcm_key_data) + 63) / 64 * 64;

  IMB_MGR* const functions_ = Functions();
  crypto::SecretBytes expanded_ = crypto::SecretBytes::Zero(kExpandedBytes);
};

}  // namespace

bool IpsecMbIsAvailable() { return Functions() != nullptr; }

std::unique_ptr<SegmentSealer> CreateIpsecMbSealer(
    std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key) {
  if (!IpsecMbIsAvailable()) return nullptr;
  return std::make_unique<IpsecMbSealer>(key);
}

#else

bool IpsecMbIsAvailable() { return false; }

std::unique_ptr<SegmentSealer> CreateIpsecMbSealer(
    std::span<const std::uint8_t, SegmentSealer::kKeyBytes>) {
  return nullptr;
}

#endif  // defined(KLUIS_HAS_IPSEC_MB)

}  // namespace kluis::matching
