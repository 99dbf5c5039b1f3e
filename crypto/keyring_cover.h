// SPDX-License-Identifier: Apache-2.0
// The tree behind the keyring: what is left of a GGM tree over 2^32 slots after some were
// punctured. A node's children are BLAKE2b-256(key = node's seed, person = "kluis-ggm-child",
// message = 00 or 01); the seed at depth 32 is the slot's key. A cover is the least set of nodes
// from which every remaining slot, and no punctured one, can be derived. Not thread-safe while it
// is assigned. Source: Goldreich, Goldwasser, Micali, "How to construct random functions", JACM
// 1986; puncturing for forward security: Green, Miers, "Forward secure asynchronous messaging from
// puncturable encryption", IEEE S&P 2015.
#ifndef KLUIS_CRYPTO_KEYRING_COVER_H_
#define KLUIS_CRYPTO_KEYRING_COVER_H_

#include <sodium.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/derive.h"
#include "crypto/memory.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"

namespace kluis::crypto {

inline constexpr int kSlotBits = 32;
inline constexpr Label kChildLabel("kluis-ggm-child");

// Memory as SecretBytes has it (guarded, locked, undumped, wiped on release), for a vector that
// grows: each buffer that a growing vector leaves behind is wiped.
template <typename T>
struct GuardedAllocator {
  using value_type = T;

  GuardedAllocator() = default;
  template <typename U>
  explicit GuardedAllocator(const GuardedAllocator<U>&) {}

  T* allocate(size_t count) {
    static_assert(sizeof(T) % alignof(T) == 0 && alignof(T) <= 8);
    EnsureSodium();
    void* const memory = sodium_allocarray(count, sizeof(T));
    if (memory == nullptr) std::abort();
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t) { sodium_free(memory); }

  bool operator==(const GuardedAllocator&) const = default;
};

// The subtree of 2^(32 - depth) slots from `first` on.
struct CoverNode {
  uint32_t first;
  uint8_t depth;  // 0 (all slots) to 32 (one slot)
  std::array<uint8_t, 32> seed;

  bool Covers(uint32_t slot) const {
    return depth == 0 || (slot ^ first) >> (kSlotBits - depth) == 0;
  }
};

// Writes to `child` the seed of the left (0) or right (1) child. The two must not overlap.
void DeriveChild(std::span<const uint8_t, 32> parent, unsigned bit, std::span<uint8_t, 32> child);

// The seed at `depth` on the way from `node` to `slot`, which it covers; `depth` is not above it.
SecretKey32 Descend(const CoverNode& node, uint32_t slot, int depth = kSlotBits);

// Which child of the node at `depth` (0 to 31) leads to `slot`.
inline unsigned BranchOf(uint32_t slot, int depth) { return (slot >> (kSlotBits - 1 - depth)) & 1; }

class KeyringCover {
 public:
  // All slots, under a new random seed.
  static KeyringCover Fresh();

  // Inverse of Serialize. kDataLoss: not whole nodes, or nodes that overlap, are out of order or do
  // not start at a multiple of their width.
  static absl::StatusOr<KeyringCover> Parse(std::span<const uint8_t> bytes);

  // For each node in the order of slots: depth u8 | first u32 little-endian | seed[32].
  SecretBytes Serialize() const;

  // The node that covers `slot`, null when the slot is punctured. Valid while this cover lives.
  // O(log size).
  const CoverNode* Find(uint32_t slot) const;

  // This cover with `slots` punctured: ascending, each once; those already punctured change
  // nothing. The seeds above a punctured slot are in neither the result nor left in memory.
  KeyringCover Without(std::span<const uint32_t> slots) const;

  // This cover without the subtree of `depth` that starts at `first`, which one node of at most
  // that depth covers; `cut` becomes the subtree's node, to be wiped by the caller.
  KeyringCover WithoutSubtree(uint32_t first, int depth, CoverNode& cut) const;

  // Only `node`.
  static KeyringCover Of(const CoverNode& node);

  // SHA-256 of depth u8 | first u32 little-endian for each node: which slots are left, and nothing
  // about their keys.
  Hash PositionDigest() const;

  const auto& nodes() const { return nodes_; }
  size_t size() const { return nodes_.size(); }

 private:
  using Nodes = std::vector<CoverNode, GuardedAllocator<CoverNode>>;

  explicit KeyringCover(Nodes nodes);

  static void Split(const CoverNode& node, std::span<const uint32_t> slots, Nodes& out);
  static void Cut(const CoverNode& node, uint32_t first, int depth, Nodes& out, CoverNode& cut);

  Nodes nodes_;  // ascending by first; they never overlap
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_COVER_H_
