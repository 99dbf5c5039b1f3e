// SPDX-License-Identifier: Apache-2.0
#include "audit/log/tile_edge.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kluis::audit {

absl::StatusOr<TileEdge> TileEdge::Restore(uint64_t size, std::vector<std::vector<Hash>> partial) {
  if (partial.size() > kTileLevels) return absl::InvalidArgumentError("tiles: too many levels");
  partial.resize(kTileLevels);
  for (uint32_t level = 0; level < kTileLevels; ++level) {
    if (partial[level].size() != HashesAtLevel(level, size) % kTileWidth) {
      return absl::InvalidArgumentError(
          absl::StrCat("tiles: width of level ", level, " is not that of size ", size));
    }
  }
  TileEdge edge;
  edge.size_ = size;
  edge.partial_ = std::move(partial);
  return edge;
}

std::vector<TileEdge::FullTile> TileEdge::Push(uint32_t level, const Hash& hash) {
  std::vector<FullTile> full;
  Hash next = hash;
  for (; level < kTileLevels; ++level) {
    std::vector<Hash>& hashes = partial_[level];
    hashes.push_back(next);
    if (hashes.size() < kTileWidth) break;
    next = RootOf(hashes);
    // The tile's index counts the full tiles before it.
    const uint64_t index = HashesAtLevel(level, size_) / kTileWidth - 1;
    full.push_back({{false, level, index, kTileWidth}, std::exchange(hashes, {})});
  }
  return full;
}

std::vector<TileEdge::FullTile> TileEdge::AppendLeaf(const Hash& leaf_hash) {
  ++size_;
  return Push(0, leaf_hash);
}

std::vector<TileEdge::FullTile> TileEdge::AppendBundle(const Hash& root) {
  size_ += kTileWidth;
  return Push(1, root);
}

// The hashes of a level, and behind them the root of what the levels below leave over, are the
// nodes of one level of the tree but for the last, which may cover less: the definition splits them
// as it splits leaves.
Hash TileEdge::Root(std::span<const Hash> more) const {
  std::vector<Hash> nodes = partial_[0];
  nodes.insert(nodes.end(), more.begin(), more.end());
  for (uint32_t level = 1; level < kTileLevels; ++level) {
    std::vector<Hash> above = partial_[level];
    if (!nodes.empty()) above.push_back(RootOf(nodes));
    nodes = std::move(above);
  }
  return RootOf(nodes);
}

Tile NewestTile(uint32_t level, uint64_t size) {
  const uint64_t last = HashesAtLevel(level, size) - 1;
  return {false, level, last / kTileWidth, static_cast<uint32_t>(last % kTileWidth) + 1};
}

}  // namespace kluis::audit
