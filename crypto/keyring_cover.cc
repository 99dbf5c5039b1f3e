// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring_cover.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/little_endian.h"
#include "crypto/derive.h"

namespace kluis::crypto {
namespace {

constexpr size_t kPositionBytes = 5;
constexpr size_t kCoverNodeBytes = kPositionBytes + 32;

uint64_t WidthOf(const CoverNode& node) { return uint64_t{1} << (kSlotBits - node.depth); }

std::array<uint8_t, kPositionBytes> PositionOf(const CoverNode& node) {
  std::array<uint8_t, kPositionBytes> position{node.depth};
  base::PutU32(node.first, position.data() + 1);
  return position;
}

}  // namespace

void DeriveChild(std::span<const uint8_t, 32> parent, unsigned bit, std::span<uint8_t, 32> child) {
  const auto message = static_cast<uint8_t>(bit);
  KeyedBlake2b(parent, kChildLabel, {&message, 1}, child);
}

SecretKey32 Descend(const CoverNode& node, uint32_t slot, int depth) {
  SecretKey32 seed{std::span<const uint8_t, 32>(node.seed)};
  for (int at = node.depth; at < depth; ++at) {
    SecretKey32 child;
    DeriveChild(seed.Expose(), BranchOf(slot, at), child.ExposeMutable());
    seed = std::move(child);
  }
  return seed;
}

KeyringCover::KeyringCover(Nodes nodes) : nodes_(std::move(nodes)) {}

KeyringCover KeyringCover::Fresh() {
  Nodes nodes(1);
  nodes[0].first = 0;
  nodes[0].depth = 0;
  randombytes_buf(nodes[0].seed.data(), nodes[0].seed.size());
  return KeyringCover(std::move(nodes));
}

absl::StatusOr<KeyringCover> KeyringCover::Parse(std::span<const uint8_t> bytes) {
  if (bytes.size() % kCoverNodeBytes != 0) return absl::DataLossError("keyring: not whole nodes");
  Nodes nodes(bytes.size() / kCoverNodeBytes);
  uint64_t next = 0;  // the first slot that no node has covered yet
  for (CoverNode& node : nodes) {
    node.depth = bytes[0];
    node.first = base::GetU32(bytes.data() + 1);
    std::memcpy(node.seed.data(), bytes.data() + kPositionBytes, node.seed.size());
    bytes = bytes.subspan(kCoverNodeBytes);
    if (node.depth > kSlotBits || node.first < next || node.first % WidthOf(node) != 0) {
      return absl::DataLossError("keyring: nodes are not in order");
    }
    next = node.first + WidthOf(node);
  }
  return KeyringCover(std::move(nodes));
}

SecretBytes KeyringCover::Serialize() const {
  SecretBytes bytes = SecretBytes::Zero(nodes_.size() * kCoverNodeBytes);
  uint8_t* out = bytes.ExposeMutable().data();
  for (const CoverNode& node : nodes_) {
    const auto position = PositionOf(node);
    std::memcpy(out, position.data(), position.size());
    std::memcpy(out + position.size(), node.seed.data(), node.seed.size());
    out += kCoverNodeBytes;
  }
  return bytes;
}

const CoverNode* KeyringCover::Find(uint32_t slot) const {
  auto after =
      std::upper_bound(nodes_.begin(), nodes_.end(), slot,
                       [](uint32_t wanted, const CoverNode& node) { return wanted < node.first; });
  if (after == nodes_.begin()) return nullptr;
  const CoverNode& node = *--after;
  return node.Covers(slot) ? &node : nullptr;
}

KeyringCover KeyringCover::Without(std::span<const uint32_t> slots) const {
  Nodes left;
  left.reserve(nodes_.size() + kSlotBits);
  auto begin = slots.begin();
  for (const CoverNode& node : nodes_) {
    begin = std::lower_bound(begin, slots.end(), node.first);
    const auto end =
        std::find_if_not(begin, slots.end(), [&](uint32_t slot) { return node.Covers(slot); });
    Split(node, {begin, end}, left);
    begin = end;
  }
  return KeyringCover(std::move(left));
}

// Appends what is left of `node` without `slots`, all of which it covers.
void KeyringCover::Split(const CoverNode& node, std::span<const uint32_t> slots, Nodes& out) {
  if (slots.empty()) {
    out.push_back(node);
    return;
  }
  if (node.depth == kSlotBits) return;
  CoverNode child{};
  child.depth = static_cast<uint8_t>(node.depth + 1);
  const auto right = std::partition_point(
      slots.begin(), slots.end(), [&](uint32_t slot) { return BranchOf(slot, node.depth) == 0; });
  for (const unsigned bit : {0u, 1u}) {
    child.first = node.first | (uint32_t{bit} << (kSlotBits - child.depth));
    DeriveChild(node.seed, bit, child.seed);
    Split(child, bit == 0 ? std::span(slots.begin(), right) : std::span(right, slots.end()), out);
  }
  sodium_memzero(child.seed.data(), child.seed.size());
}

KeyringCover KeyringCover::WithoutSubtree(uint32_t first, int depth, CoverNode& cut) const {
  Nodes left;
  left.reserve(nodes_.size() + kSlotBits);
  for (const CoverNode& node : nodes_) {
    if (node.Covers(first)) {
      Cut(node, first, depth, left, cut);
    } else {
      left.push_back(node);
    }
  }
  return KeyringCover(std::move(left));
}

// Appends the siblings on the way from `node` to the subtree.
void KeyringCover::Cut(const CoverNode& node, uint32_t first, int depth, Nodes& out,
                       CoverNode& cut) {
  if (node.depth == depth) {
    cut = node;
    return;
  }
  CoverNode child{};
  child.depth = static_cast<uint8_t>(node.depth + 1);
  for (const unsigned bit : {0u, 1u}) {
    child.first = node.first | (uint32_t{bit} << (kSlotBits - child.depth));
    DeriveChild(node.seed, bit, child.seed);
    if (child.Covers(first)) {
      Cut(child, first, depth, out, cut);
    } else {
      out.push_back(child);
    }
  }
  sodium_memzero(child.seed.data(), child.seed.size());
}

KeyringCover KeyringCover::Of(const CoverNode& node) { return KeyringCover(Nodes(1, node)); }

Hash KeyringCover::PositionDigest() const {
  std::string positions;
  positions.reserve(nodes_.size() * kPositionBytes);
  for (const CoverNode& node : nodes_) {
    const auto position = PositionOf(node);
    positions.append(reinterpret_cast<const char*>(position.data()), position.size());
  }
  return Sha256({positions});
}

}  // namespace kluis::crypto
