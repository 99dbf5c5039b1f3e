// SPDX-License-Identifier: Apache-2.0
// The log's Merkle tree: hashes, and a builder that needs one hash per set bit of the size.
// Source: RFC 6962 s.2.1 / RFC 9162 s.2.1.1, with SHA-256.
//
// Node (level, index) is the root of the perfect subtree over the leaves
// [index * 2^level, (index + 1) * 2^level). Only perfect subtrees are ever stored: they never
// change again, and every root and every proof is computed from them.
//
// The functions are thread-safe; one MerkleFrontier belongs to one thread at a time.
#ifndef KLUIS_AUDIT_MERKLE_H_
#define KLUIS_AUDIT_MERKLE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/sha256.h"

namespace kluis::audit {

using crypto::Hash;  // 32 bytes

// The root of a perfect subtree. `level` is 0 (a leaf) to 63.
struct Node {
  uint32_t level = 0;
  uint64_t index = 0;
  Hash hash{};

  bool operator==(const Node&) const = default;
};

// Gives the hash of node (level, index). It is asked only for perfect subtrees that are complete at
// the size its user named; an error of it is passed on unchanged.
using NodeReader = std::function<absl::StatusOr<Hash>(uint32_t level, uint64_t index)>;

// SHA-256(""): the root of the tree without leaves.
Hash EmptyRoot();

// SHA-256(00 | entry). `entry` may be empty.
Hash LeafHash(std::string_view entry);

// SHA-256(01 | left | right).
Hash NodeHash(const Hash& left, const Hash& right);

// The root over `leaves` (leaf hashes, in order) by the recursive definition of RFC 9162. It shares
// no code with MerkleFrontier, so that each can check the other. O(n) hashes.
Hash RootOf(std::span<const Hash> leaves);

// The root over the leaves [begin, end), 0 <= begin <= end, from complete nodes; begin must be a
// multiple of the smallest power of two >= end - begin, as every subtree of the tree is. Reads at
// most 64 nodes. kInvalidArgument: any other range. Errors of `read` are passed on.
absl::StatusOr<Hash> RangeRoot(uint64_t begin, uint64_t end, const NodeReader& read);

// The right edge of a growing tree: the roots of the perfect subtrees that `size` decomposes into.
class MerkleFrontier {
 public:
  // The empty tree.
  MerkleFrontier() = default;

  // The frontier of the tree of `size` leaves; reads one node per set bit of `size`.
  // Errors of `read` are passed on.
  static absl::StatusOr<MerkleFrontier> Restore(uint64_t size, const NodeReader& read);

  // Adds one leaf (its LeafHash). Returns the nodes this completes, from the leaf upwards: 1 to 64
  // of them. Whoever stores all returned nodes can answer as NodeReader for any size up to size().
  // size() must be below 2^64 - 1.
  std::vector<Node> Append(const Hash& leaf_hash);

  // The root of the tree; EmptyRoot() when size() is 0.
  Hash Root() const;

  // Leaves so far.
  uint64_t size() const { return size_; }

 private:
  uint64_t size_ = 0;
  std::vector<Hash> edge_;  // one per set bit of size_, largest subtree first
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_MERKLE_H_
