// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_SEGMENT_SEALER_H_
#define KLUIS_MATCHING_SEGMENT_SEALER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"

namespace kluis::matching {

// Seals the segments of a gallery in memory, as fast as the machine can. Not for anything that is
// stored: the key lives as long as the gallery, and nonces are counters. One object per thread.
//
// Ciphers: AES-256-GCM (NIST SP 800-38D) with the 12-byte nonce counter u64 little-endian | 4
// zeros, by intel-ipsec-mb (preferred: about 10 GB/s a core where the processor has wide AES) or by
// OpenSSL (4 GB/s) - the same bytes; or XChaCha20-Poly1305 with the 24-byte nonce counter u64 |
// 16 zeros, for processors without AES instructions. OpenSSL keeps its expanded key in its own
// heap: cleansed when freed, but not locked or guarded.
class SegmentSealer {
 public:
  enum class Cipher { kAesGcmOpenSsl, kXChaCha20Sodium, kAesGcmIpsecMb };

  static constexpr std::size_t kKeyBytes = 32;
  static constexpr std::size_t kTagBytes = 16;

  // Whether this machine runs `cipher` in constant time, that is, with AES instructions.
  static bool IsAvailable(Cipher cipher);

  // The fastest available cipher.
  static Cipher Preferred();

  // Keeps an expanded copy of `key`, wiped with the object. kUnavailable: `cipher` is not
  // available. kInternal: a library could not be initialised.
  static absl::StatusOr<std::unique_ptr<SegmentSealer>> Create(
      Cipher cipher, std::span<const std::uint8_t, kKeyBytes> key);

  SegmentSealer(const SegmentSealer&) = delete;
  SegmentSealer& operator=(const SegmentSealer&) = delete;
  virtual ~SegmentSealer() = default;

  // Writes ciphertext[plain.size()] | tag[16] to `sealed`, which has exactly that size. `counter`
  // must never repeat under one key. `owner` is authenticated, not stored. False: a size is wrong,
  // or the library failed; `sealed` is then unspecified and will not open.
  virtual bool Seal(std::uint64_t counter, std::span<const std::uint8_t> owner,
                    std::span<const std::uint8_t> plain, std::span<std::uint8_t> sealed) = 0;

  // Inverse of Seal. False: altered bytes, or another counter, owner or key; `plain` is then zeros.
  virtual bool Open(std::uint64_t counter, std::span<const std::uint8_t> owner,
                    std::span<const std::uint8_t> sealed, std::span<std::uint8_t> plain) = 0;

 protected:
  SegmentSealer() = default;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SEGMENT_SEALER_H_
