// SPDX-License-Identifier: Apache-2.0
#include "audit/merkle.h"

#include <bit>
#include <utility>

#include "absl/status/status.h"

namespace kluis::audit {
namespace {

constexpr std::string_view kLeafPrefix("\x00", 1);
constexpr std::string_view kNodePrefix("\x01", 1);

// Joins perfect subtrees, largest first, into one root. `parts` is not empty.
Hash Fold(std::span<const Hash> parts) {
  Hash root = parts.back();
  for (size_t i = parts.size() - 1; i > 0; --i) root = NodeHash(parts[i - 1], root);
  return root;
}

// Reads the roots of the perfect subtrees that [begin, end) decomposes into, largest first.
absl::StatusOr<std::vector<Hash>> ReadEdge(uint64_t begin, uint64_t end, const NodeReader& read) {
  std::vector<Hash> edge;
  while (begin < end) {
    const uint64_t leaves = std::bit_floor(end - begin);
    const auto level = static_cast<uint32_t>(std::countr_zero(leaves));
    const absl::StatusOr<Hash> hash = read(level, begin >> level);
    if (!hash.ok()) return hash.status();
    edge.push_back(*hash);
    begin += leaves;
  }
  return edge;
}

}  // namespace

Hash EmptyRoot() { return crypto::Sha256({}); }

Hash LeafHash(std::string_view entry) { return crypto::Sha256({kLeafPrefix, entry}); }

Hash NodeHash(const Hash& left, const Hash& right) {
  return crypto::Sha256({kNodePrefix, crypto::Bytes(left), crypto::Bytes(right)});
}

Hash RootOf(std::span<const Hash> leaves) {
  if (leaves.empty()) return EmptyRoot();
  if (leaves.size() == 1) return leaves.front();
  const size_t split = std::bit_ceil(leaves.size()) / 2;  // the largest power of two below the size
  return NodeHash(RootOf(leaves.first(split)), RootOf(leaves.subspan(split)));
}

absl::StatusOr<Hash> RangeRoot(uint64_t begin, uint64_t end, const NodeReader& read) {
  if (begin > end) return absl::InvalidArgumentError("range: begins after its end");
  if (begin == end) return EmptyRoot();
  const uint64_t top = std::bit_floor(end - begin);
  const bool perfect = top == end - begin;
  // The enclosing perfect subtree has `top` leaves, or twice as many.
  const uint64_t low_bits = perfect ? top - 1 : top | (top - 1);
  if ((begin & low_bits) != 0) return absl::InvalidArgumentError("range: not a subtree");
  const absl::StatusOr<std::vector<Hash>> edge = ReadEdge(begin, end, read);
  if (!edge.ok()) return edge.status();
  return Fold(*edge);
}

absl::StatusOr<MerkleFrontier> MerkleFrontier::Restore(uint64_t size, const NodeReader& read) {
  absl::StatusOr<std::vector<Hash>> edge = ReadEdge(0, size, read);
  if (!edge.ok()) return edge.status();
  MerkleFrontier frontier;
  frontier.size_ = size;
  frontier.edge_ = *std::move(edge);
  return frontier;
}

std::vector<Node> MerkleFrontier::Append(const Hash& leaf_hash) {
  std::vector<Node> completed = {{0, size_, leaf_hash}};
  for (uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    const Node& right = completed.back();
    const Node parent{right.level + 1, right.index >> 1, NodeHash(edge_.back(), right.hash)};
    completed.push_back(parent);
    edge_.pop_back();
  }
  edge_.push_back(completed.back().hash);
  ++size_;
  return completed;
}

Hash MerkleFrontier::Root() const { return edge_.empty() ? EmptyRoot() : Fold(edge_); }

}  // namespace kluis::audit
