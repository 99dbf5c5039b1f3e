// SPDX-License-Identifier: Apache-2.0
// The two places where a secret may live. Both are move-only, wiped when dropped, have no ==, no
// copy and no stream operator, and hand out their bytes through one name that grep finds: Expose.
//
//   SecretBytes     long-lived secrets of any length: seeds, envelope keys, opened templates.
//                   Own guarded pages, locked in RAM, outside core dumps. The pages of dropped
//                   secrets are wiped and kept, at most 64, for the next secret of the same size; a
//                   new one costs about 10 us and 3-4 pages, and the kernel's map count bounds how
//                   many may live at once (about 20,000). Many at once share the pages of a
//                   SecretArena.
//   ShortSecret<N>  a key that lives for one call on the stack, such as a slot key derived to open
//                   one record. No system call; wiped, but neither guarded nor locked: do not store
//                   it in a long-lived object.
//
// Threads: as std::vector; concurrent const calls are safe.
// Source: libsodium 1.0.18, sodium_malloc(3) and sodium_memzero(3).
#ifndef KLUIS_CRYPTO_SECRET_BYTES_H_
#define KLUIS_CRYPTO_SECRET_BYTES_H_

#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kluis::crypto {

class SecretArena;

class SecretBytes {
 public:
  // All zero, or a copy of `bytes` (whose own copy the caller must wipe). The length never changes.
  // Pages stay unlocked, yet guarded, when RLIMIT_MEMLOCK is used up. kResourceExhausted: there is
  // no memory, or no room for further mappings. For whatever a request or its load decides about.
  static absl::StatusOr<SecretBytes> Create(size_t size);
  static absl::StatusOr<SecretBytes> CreateCopyOf(std::string_view bytes);

  // The same for secrets of a fixed length and number, without which the program cannot go on: it
  // ends when memory cannot be had, as a secret that falls back to ordinary memory would be worse.
  static SecretBytes Random(size_t size);
  static SecretBytes Zero(size_t size);
  static SecretBytes CopyOf(std::string_view bytes);
  static SecretBytes CopyOf(std::span<const uint8_t> bytes);

  // A moved-from secret is empty.
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  size_t size() const { return size_; }

  // The raw bytes, valid while this object lives and is not moved.
  std::span<const uint8_t> Expose() const { return {data_, size_}; }
  std::span<uint8_t> ExposeMutable() { return {data_, size_}; }

  // Time depends on the lengths only. False when the lengths differ.
  bool ConstantTimeEquals(const SecretBytes& other) const;

 private:
  friend class SecretArena;
  SecretBytes(uint8_t* data, size_t size) : data_(data), size_(size) {}
  explicit SecretBytes(size_t size);
  void Drop();

  uint8_t* data_;
  size_t size_;
  std::shared_ptr<SecretArena> arena_;  // whose pages `data_` is in; null: its own
};

// Guarded, locked pages for many secrets that live about as long as each other, such as the rows of
// a batch: few mappings for all. Its memory starts anew when none of them is left, and goes with
// the last of them. Thread-safe.
class SecretArena : public std::enable_shared_from_this<SecretArena> {
 public:
  // `chunk`: bytes that are mapped at a time, 4,096 at least.
  static std::shared_ptr<SecretArena> Create(size_t chunk);
  ~SecretArena();
  SecretArena(const SecretArena&) = delete;
  SecretArena& operator=(const SecretArena&) = delete;

  // All zero. kInvalidArgument: no bytes, or more than a chunk. kResourceExhausted: as
  // SecretBytes::Create.
  absl::StatusOr<SecretBytes> Zero(size_t size);

  // Mappings that it made and did not give back.
  size_t chunks() const;

 private:
  friend class SecretBytes;
  explicit SecretArena(size_t chunk) : chunk_(chunk) {}
  void Return(uint8_t* data, size_t size);

  const size_t chunk_;
  mutable std::mutex mutex_;
  std::vector<uint8_t*> chunks_;
  size_t used_ = 0;  // of the last chunk
  size_t live_ = 0;
};

template <size_t N>
class ShortSecret {
 public:
  ShortSecret() : bytes_{} {}
  explicit ShortSecret(std::span<const uint8_t, N> bytes) {
    std::memcpy(bytes_.data(), bytes.data(), N);
  }

  // A moved-from secret is all zero.
  ShortSecret(ShortSecret&& other) noexcept : bytes_(other.bytes_) { other.Wipe(); }
  ShortSecret& operator=(ShortSecret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.Wipe();
    }
    return *this;
  }
  ShortSecret(const ShortSecret&) = delete;
  ShortSecret& operator=(const ShortSecret&) = delete;
  ~ShortSecret() { Wipe(); }

  std::span<const uint8_t, N> Expose() const { return bytes_; }
  std::span<uint8_t, N> ExposeMutable() { return bytes_; }

  bool ConstantTimeEquals(const ShortSecret& other) const {
    return sodium_memcmp(bytes_.data(), other.bytes_.data(), N) == 0;
  }

 private:
  void Wipe() { sodium_memzero(bytes_.data(), N); }

  std::array<uint8_t, N> bytes_;
};

// A 256-bit symmetric key for one call.
using SecretKey32 = ShortSecret<32>;

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SECRET_BYTES_H_
