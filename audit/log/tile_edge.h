// SPDX-License-Identifier: Apache-2.0
// The right edge of the log's tree, in tiles: of each level the hashes of its newest tile that is
// not full. It is a way to the root of its own: over tiles, by the recursive definition of RFC 6962
// s.2.1 (RootOf), and never by MerkleFrontier. An object belongs to one thread at a time.
#ifndef KLUIS_AUDIT_LOG_TILE_EDGE_H_
#define KLUIS_AUDIT_LOG_TILE_EDGE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "audit/tiles.h"

namespace kluis::audit {

inline constexpr uint32_t kTileLevels = 8;  // levels of a log of up to 2^64 - 1 leaves

class TileEdge {
 public:
  struct FullTile {
    Tile tile;
    std::vector<Hash> hashes;  // kTileWidth of them
  };

  // The edge of the empty log.
  TileEdge() = default;

  // The edge of the log of `size` leaves from its partial tiles: `partial[l]` are the hashes of
  // level l, none where no tile of that level is partial at `size`.
  // kInvalidArgument: more than kTileLevels levels, or a width that is not that of `size`.
  static absl::StatusOr<TileEdge> Restore(uint64_t size, std::vector<std::vector<Hash>> partial);

  // Adds one leaf (its LeafHash). Returns the tiles that this fills, from level 0 upwards.
  std::vector<FullTile> AppendLeaf(const Hash& leaf_hash);

  // Adds kTileWidth leaves, of which `root` is the root. Returns the tiles of level 1 and above
  // that this fills. Requires a size() that is a multiple of kTileWidth.
  std::vector<FullTile> AppendBundle(const Hash& root);

  // The root of the leaves so far and `more` behind them, at most kTileWidth. If there are `more`,
  // size() must be a multiple of kTileWidth.
  Hash Root(std::span<const Hash> more = {}) const;

  // The hashes of the partial tile of `level`; empty: none is partial. `level` < kTileLevels.
  const std::vector<Hash>& Partial(uint32_t level) const { return partial_[level]; }

  // Leaves so far.
  uint64_t size() const { return size_; }

 private:
  std::vector<FullTile> Push(uint32_t level, const Hash& hash);

  uint64_t size_ = 0;
  std::vector<std::vector<Hash>> partial_ = std::vector<std::vector<Hash>>(kTileLevels);
};

// The newest tile of `level` in a log of `size` leaves: the partial one, else the last full one.
// `size` >> (8 * level) must not be 0.
Tile NewestTile(uint32_t level, uint64_t size);

// The hashes of `level` in a log of `size` leaves, over all its tiles.
inline uint64_t HashesAtLevel(uint32_t level, uint64_t size) {
  return level >= kTileLevels ? 0 : size >> (8 * level);
}

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_TILE_EDGE_H_
