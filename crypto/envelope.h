// SPDX-License-Identifier: Apache-2.0
// Seals templates and everything else that is personal, so that storage/ only ever holds
// ciphertext. Thread-safe.
// Source: XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03 s.2; libsodium >= 1.0.18. The 192-bit
// nonce is random for each record: 2^80 records under one key before a repeat is likelier than
// 2^-32.
#ifndef KLUIS_CRYPTO_ENVELOPE_H_
#define KLUIS_CRYPTO_ENVELOPE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

struct evp_cipher_ctx_st;  // OpenSSL's

namespace kluis::crypto {

inline constexpr size_t kMaxSealedPlainBytes = size_t{256} * 1024;
inline constexpr size_t kSealOverheadBytes = 24 + 16;

class Envelope {
 public:
  // Takes ownership of `key`: 32 bytes, wiped with this object.
  // kInvalidArgument: any other length.
  static absl::StatusOr<Envelope> Create(SecretBytes key);

  // Returns nonce[24] | ciphertext[plain.size()] | tag[16]; all sizes in bytes.
  // `owner` is authenticated but not stored: the caller must know it to open.
  // kInvalidArgument: `plain` is empty or over 256 KiB, or `owner` is empty.
  absl::StatusOr<std::string> Seal(std::string_view plain, std::string_view owner) const;

  // Inverse of Seal; the result is wiped when dropped. kDataLoss: altered bytes,
  // wrong key or wrong `owner` - one code and one message for all three, so none can be probed.
  absl::StatusOr<SecretBytes> Open(std::string_view sealed, std::string_view owner) const;

 private:
  explicit Envelope(SecretBytes key);

  SecretBytes key_;
};

// The same two operations with a key that lives for one call (derive.h): what Envelope does,
// without a guarded page per key. Same bounds and codes.
absl::StatusOr<std::string> SealWith(std::span<const uint8_t, 32> key, std::string_view plain,
                                     std::string_view owner);
absl::StatusOr<SecretBytes> OpenWith(std::span<const uint8_t, 32> key, std::string_view sealed,
                                     std::string_view owner);

// OpenWith for many records, into memory of the caller's: the same bytes by OpenSSL, in half the
// time, since XChaCha20-Poly1305 is ChaCha20-Poly1305 (RFC 8439) under the subkey that HChaCha20
// makes of key and nonce (draft-irtf-cfrg-xchacha-03 s.2.3). OpenSSL keeps the subkey of the last
// record in its own heap until the next Open, Forget or the end. One thread at a time.
class EnvelopeOpener {
 public:
  // kInternal: OpenSSL has no such cipher.
  static absl::StatusOr<EnvelopeOpener> Create();

  // `plain` is as long as what was sealed. kDataLoss: as OpenWith, or another length; `plain` is
  // then zeros.
  absl::Status Open(std::span<const uint8_t, 32> key, std::string_view sealed,
                    std::string_view owner, std::span<uint8_t> plain);

  // Overwrites the last subkey.
  void Forget();

 private:
  struct FreeContext {
    void operator()(evp_cipher_ctx_st* context) const;  // overwrites it
  };

  EnvelopeOpener() = default;

  std::unique_ptr<evp_cipher_ctx_st, FreeContext> context_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_ENVELOPE_H_
