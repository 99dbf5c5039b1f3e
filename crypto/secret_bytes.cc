// SPDX-License-Identifier: Apache-2.0
#include "crypto/secret_bytes.h"

#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "crypto/memory.h"

namespace kluis::crypto {
namespace {

// Guarded pages that were wiped and wait for a secret of the same size: to map, lock and unmap them
// for each is a dozen system calls, which stop every other thread of the process. Blocks keep their
// size, so that each still ends at its guard page.
class SparePages {
 public:
  static SparePages& Get() {
    static SparePages& all = *new SparePages;  // outlives every static secret
    return all;
  }

  // Null: there is no memory.
  uint8_t* Take(size_t size) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = blocks_.find(size);
      if (found != blocks_.end()) {
        uint8_t* const block = found->second;
        blocks_.erase(found);
        return block;
      }
    }
    return static_cast<uint8_t*>(sodium_malloc(size));
  }

  void Return(uint8_t* block, size_t size) {
    sodium_memzero(block, size);
    {
      const std::lock_guard lock(mutex_);
      if (blocks_.size() < kMaxBlocks && size <= kMaxBytes) {
        blocks_.emplace(size, block);
        return;
      }
    }
    sodium_free(block);
  }

 private:
  static constexpr size_t kMaxBlocks = 64;
  static constexpr size_t kMaxBytes = 16 * 1024;

  std::mutex mutex_;
  std::multimap<size_t, uint8_t*> blocks_;  // by size
};

absl::Status NoMemory() {
  return absl::ResourceExhaustedError("memory: no guarded pages for a secret; call again later");
}

constexpr size_t kArenaAlignment = 64;

}  // namespace

SecretBytes::SecretBytes(size_t size) : data_(nullptr), size_(size) {
  EnsureSodium();
  if (size == 0) return;
  data_ = SparePages::Get().Take(size);
  if (data_ == nullptr) std::abort();
}

absl::StatusOr<SecretBytes> SecretBytes::Create(size_t size) {
  EnsureSodium();
  if (size == 0) return SecretBytes(nullptr, 0);
  uint8_t* const data = SparePages::Get().Take(size);
  if (data == nullptr) return NoMemory();
  std::memset(data, 0, size);
  return SecretBytes(data, size);
}

absl::StatusOr<SecretBytes> SecretBytes::CreateCopyOf(std::string_view bytes) {
  absl::StatusOr<SecretBytes> secret = Create(bytes.size());
  if (secret.ok() && !bytes.empty()) std::memcpy(secret->data_, bytes.data(), bytes.size());
  return secret;
}

SecretBytes SecretBytes::Random(size_t size) {
  SecretBytes secret(size);
  if (size != 0) randombytes_buf(secret.data_, size);
  return secret;
}

SecretBytes SecretBytes::Zero(size_t size) {
  SecretBytes secret(size);
  if (size != 0) std::memset(secret.data_, 0, size);
  return secret;
}

SecretBytes SecretBytes::CopyOf(std::string_view bytes) {
  SecretBytes secret(bytes.size());
  if (!bytes.empty()) std::memcpy(secret.data_, bytes.data(), bytes.size());
  return secret;
}

SecretBytes SecretBytes::CopyOf(std::span<const uint8_t> bytes) {
  SecretBytes secret(bytes.size());
  if (!bytes.empty()) std::memcpy(secret.data_, bytes.data(), bytes.size());
  return secret;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      arena_(std::move(other.arena_)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Drop();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    arena_ = std::move(other.arena_);
  }
  return *this;
}

SecretBytes::~SecretBytes() { Drop(); }

void SecretBytes::Drop() {
  if (data_ == nullptr) return;
  if (arena_ == nullptr) {
    SparePages::Get().Return(data_, size_);
  } else {
    arena_->Return(data_, size_);
  }
}

bool SecretBytes::ConstantTimeEquals(const SecretBytes& other) const {
  if (size_ != other.size_) return false;
  return size_ == 0 || sodium_memcmp(data_, other.data_, size_) == 0;
}

std::shared_ptr<SecretArena> SecretArena::Create(size_t chunk) {
  EnsureSodium();
  return std::shared_ptr<SecretArena>(new SecretArena(std::max<size_t>(chunk, 4096)));
}

SecretArena::~SecretArena() {
  for (uint8_t* const chunk : chunks_) sodium_free(chunk);
}

absl::StatusOr<SecretBytes> SecretArena::Zero(size_t size) {
  if (size == 0 || size > chunk_) {
    return absl::InvalidArgumentError("arena: a secret must be 1 byte to a chunk");
  }
  const std::lock_guard lock(mutex_);
  if (chunks_.empty() || used_ + size > chunk_) {
    auto* const chunk = static_cast<uint8_t*>(sodium_malloc(chunk_));
    if (chunk == nullptr) return NoMemory();
    chunks_.push_back(chunk);
    used_ = 0;
  }
  uint8_t* const data = chunks_.back() + used_;
  used_ =
      std::min(chunk_, (used_ + size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment);
  ++live_;
  std::memset(data, 0, size);
  SecretBytes secret(data, size);
  secret.arena_ = shared_from_this();
  return secret;
}

void SecretArena::Return(uint8_t* data, size_t size) {
  sodium_memzero(data, size);
  const std::lock_guard lock(mutex_);
  if (--live_ > 0) return;
  while (chunks_.size() > 1) {
    sodium_free(chunks_.back());
    chunks_.pop_back();
  }
  used_ = 0;
}

size_t SecretArena::chunks() const {
  const std::lock_guard lock(mutex_);
  return chunks_.size();
}

}  // namespace kluis::crypto
