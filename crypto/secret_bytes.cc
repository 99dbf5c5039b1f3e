#include "crypto/secret_bytes.h"

#include <sodium.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
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
    auto* const block = static_cast<uint8_t*>(sodium_malloc(size));
    if (block == nullptr) std::abort();
    return block;
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

}  // namespace

SecretBytes::SecretBytes(size_t size) : data_(nullptr), size_(size) {
  EnsureSodium();
  if (size != 0) data_ = SparePages::Get().Take(size);
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
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    if (data_ != nullptr) SparePages::Get().Return(data_, size_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

SecretBytes::~SecretBytes() {
  if (data_ != nullptr) SparePages::Get().Return(data_, size_);
}

bool SecretBytes::ConstantTimeEquals(const SecretBytes& other) const {
  if (size_ != other.size_) return false;
  return size_ == 0 || sodium_memcmp(data_, other.data_, size_) == 0;
}

}  // namespace kluis::crypto
