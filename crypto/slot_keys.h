// SPDX-License-Identifier: Apache-2.0
// The keys of many slots, derived in one pass down the keyring's tree: at each depth the children
// of all nodes that are on some slot's way are hashed side by side (blake2b_lanes.h). Asked for by
// Keyring::Keys. Not thread-safe.
#ifndef KLUIS_CRYPTO_SLOT_KEYS_H_
#define KLUIS_CRYPTO_SLOT_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crypto/blake2b_lanes.h"
#include "crypto/keyring_segments.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

class SlotKeys {
 public:
  // Room for up to `capacity` slots at a time: 96 bytes each of guarded memory.
  explicit SlotKeys(size_t capacity);

  size_t capacity() const { return capacity_; }

  // False: the i-th slot asked for is punctured, and its key is zeros.
  bool Has(size_t i) const { return has_[i]; }

  // The key of the i-th slot asked for, until the next pass or Wipe.
  std::span<const uint8_t, 32> Expose(size_t i) const {
    return memory_.Expose().subspan(i * kKeyBytes).first<kKeyBytes>();
  }
  std::span<uint8_t, 32> ExposeMutable(size_t i) {
    return memory_.ExposeMutable().subspan(i * kKeyBytes).first<kKeyBytes>();
  }

  void Wipe();

 private:
  friend class Keyring;

  static constexpr size_t kKeyBytes = 32;

  // What is left of `cover` for the slots of order_[begin] to order_[end - 1].
  struct Subtree {
    uint32_t begin;
    uint32_t end;
  };
  struct Start {
    const CoverNode* node;
    Subtree below;
  };
  struct Asked {
    uint32_t slot;
    uint32_t index;
  };

  // `slots` in any order. More than capacity() end the process, before anything is written.
  void Derive(const SegmentedCover& cover, std::span<const uint32_t> slots);
  void FindStarts(const SegmentedCover& cover);
  // Writes the seeds one depth below to the other half of the memory.
  void Descend(int depth);

  uint8_t* SeedAt(size_t half, size_t i);

  size_t capacity_;
  SecretBytes memory_;  // keys, then the seeds of two depths
  std::vector<bool> has_;
  std::vector<Asked> order_;   // by slot
  std::vector<Start> starts_;  // by depth
  size_t half_ = 0;            // which seeds are those of `subtrees_`
  std::vector<Subtree> subtrees_;
  std::vector<Subtree> children_;
  std::vector<HashJob> jobs_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SLOT_KEYS_H_
