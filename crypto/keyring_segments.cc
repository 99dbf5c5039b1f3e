// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring_segments.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/little_endian.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {
namespace {

uint32_t FirstSlotOf(uint32_t segment) { return segment << kSegmentSlotBits; }

uint32_t LastSlotOf(const CoverNode& node) {
  return node.first + static_cast<uint32_t>((uint64_t{1} << (kSlotBits - node.depth)) - 1);
}

}  // namespace

SegmentedCover::SegmentedCover(KeyringCover top, Segments segments)
    : top_(std::move(top)), segments_(std::move(segments)) {
  for (const auto& [number, segment] : segments_) segment_nodes_ += segment.cover.size();
}

SegmentedCover SegmentedCover::Fresh() { return {KeyringCover::Fresh(), {}}; }

absl::StatusOr<SegmentedCover> SegmentedCover::Assemble(KeyringCover top, Segments segments) {
  for (const CoverNode& node : top.nodes()) {
    if (node.depth > kSegmentDepth) return absl::DataLossError("a node of the top is too narrow");
    const auto inside = segments.lower_bound(SegmentOf(node.first));
    if (inside != segments.end() && inside->first <= SegmentOf(LastSlotOf(node))) {
      return absl::DataLossError("the top covers a segment");
    }
  }
  for (const auto& [number, segment] : segments) {
    if (segment.cover.size() == 0) return absl::DataLossError("a segment is empty");
    for (const CoverNode& node : segment.cover.nodes()) {
      if (node.depth <= kSegmentDepth || SegmentOf(node.first) != number) {
        return absl::DataLossError("a node is outside its segment");
      }
    }
  }
  return SegmentedCover(std::move(top), std::move(segments));
}

const CoverNode* SegmentedCover::Find(uint32_t slot) const {
  const auto found = segments_.find(SegmentOf(slot));
  return found == segments_.end() ? top_.Find(slot) : found->second.cover.Find(slot);
}

SegmentedCover::Change SegmentedCover::Puncture(std::span<const uint32_t> slots) const {
  Change change;
  for (auto begin = slots.begin(); begin != slots.end();) {
    const uint32_t number = SegmentOf(*begin);
    const auto end =
        std::find_if(begin, slots.end(), [&](uint32_t slot) { return SegmentOf(slot) != number; });
    const std::span<const uint32_t> inside(begin, end);
    begin = end;
    if (std::all_of(inside.begin(), inside.end(),
                    [&](uint32_t slot) { return Find(slot) == nullptr; })) {
      continue;
    }
    const auto found = segments_.find(number);
    if (found != segments_.end()) {
      KeyringCover left = found->second.cover.Without(inside);
      const Hash positions = left.PositionDigest();
      change.segments.emplace(number, Segment{std::move(left), positions});
      continue;
    }
    CoverNode whole{};
    change.top = (change.top.has_value() ? *change.top : top_)
                     .WithoutSubtree(FirstSlotOf(number), kSegmentDepth, whole);
    KeyringCover left = KeyringCover::Of(whole).Without(inside);
    sodium_memzero(whole.seed.data(), whole.seed.size());
    const Hash positions = left.PositionDigest();
    change.segments.emplace(number, Segment{std::move(left), positions});
  }
  return change;
}

void SegmentedCover::Apply(Change change) {
  if (change.top.has_value()) top_ = *std::move(change.top);
  for (auto& [number, segment] : change.segments) {
    const auto found = segments_.find(number);
    if (found != segments_.end()) {
      segment_nodes_ -= found->second.cover.size();
      segments_.erase(found);
    }
    if (segment.cover.size() == 0) continue;
    segment_nodes_ += segment.cover.size();
    segments_.emplace(number, std::move(segment));
  }
}

bool SegmentedCover::ComesFrom(const SegmentedCover& older) const {
  bool same = true;
  const auto compare = [&](const KeyringCover& cover) {
    for (const CoverNode& node : cover.nodes()) {
      const CoverNode* const above = older.Find(node.first);
      if (above == nullptr || above->depth > node.depth) return false;
      const SecretKey32 seed = Descend(*above, node.first, node.depth);
      same &= sodium_memcmp(seed.Expose().data(), node.seed.data(), node.seed.size()) == 0;
    }
    return true;
  };
  if (!compare(top_)) return false;
  for (const auto& [number, segment] : segments_) {
    if (!compare(segment.cover)) return false;
  }
  return same;
}

Hash SegmentedCover::Commitment(uint64_t generation) const {
  std::array<uint8_t, 8> number;
  base::PutU64(generation, number.data());
  std::string message(number.begin(), number.end());
  message.append(Bytes(top_.PositionDigest()));
  for (const auto& [segment, content] : segments_) {
    base::PutU32(segment, number.data());
    message.append(number.begin(), number.begin() + 4);
    message.append(Bytes(content.positions));
  }
  return Sha256({"kluis-keyring-commitment-v2\n", message});
}

}  // namespace kluis::crypto
