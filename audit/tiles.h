// SPDX-License-Identifier: Apache-2.0
// Names and bytes of the log's tiles; reads and writes nothing. Pure functions, thread-safe.
// Source: c2sp.org/tlog-tiles.
//
// Tile `index` of level L holds up to 256 hashes: its hash j is the root of the perfect subtree
// over the leaves [(256 * index + j) * 256^L, (256 * index + j + 1) * 256^L), that is node (8 * L,
// 256 * index + j) of audit/merkle.h. An entry bundle holds the entries under a tile of level 0.
#ifndef KLUIS_AUDIT_TILES_H_
#define KLUIS_AUDIT_TILES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"

namespace kluis::audit {

inline constexpr uint32_t kTileWidth = 256;    // hashes in a full tile
inline constexpr uint32_t kMaxTileLevel = 63;  // the largest level that a path can name
inline constexpr size_t kLengthBytes = 2;      // of an entry's length in a bundle
inline constexpr size_t kMaxEntryBytes = 0xFFFF;
inline constexpr size_t kMaxBundleBytes = kTileWidth * (kLengthBytes + kMaxEntryBytes);

// `width` hashes or entries, 1 to kTileWidth; a tile below kTileWidth is partial.
struct Tile {
  bool entries = false;  // an entry bundle; `level` is 0 then
  uint32_t level = 0;
  uint64_t index = 0;
  uint32_t width = kTileWidth;

  bool operator==(const Tile&) const = default;
};

// The number in groups of three digits, all but the last prefixed x: 1234067 is x001/x234/067.
std::string TileNumber(uint64_t index);

// "tile/<level>/<number>[.p/<width>]" or "tile/entries/<number>[.p/<width>]", below the log's
// prefix. kInvalidArgument: level above kMaxTileLevel, width 0 or above kTileWidth, or entries
// above level 0.
absl::StatusOr<std::string> TilePath(const Tile& tile);

// Inverse of TilePath. kInvalidArgument: any other spelling.
absl::StatusOr<Tile> ParseTilePath(std::string_view path);

// The hashes that tile `index` of `level` has in a tree of `size` leaves: 0 (it does not exist, and
// an empty tile is never served) to kTileWidth.
uint32_t TileWidthAt(uint32_t level, uint64_t index, uint64_t size);

// `hashes` one after the other, 32 bytes each, and back.
// kInvalidArgument: not 1 to kTileWidth hashes; for DecodeTile, bytes that are not exactly `width`
// of them.
absl::StatusOr<std::string> EncodeTile(std::span<const Hash> hashes);
absl::StatusOr<std::vector<Hash>> DecodeTile(std::string_view bytes, uint32_t width);

// (length[2], big-endian | entry)* for 1 to kTileWidth entries of 0 to kMaxEntryBytes each, and
// back. kInvalidArgument: other counts or lengths; for DecodeEntryBundle, bytes that are not
// exactly `width` entries.
absl::StatusOr<std::string> EncodeEntryBundle(std::span<const std::string> entries);
absl::StatusOr<std::vector<std::string>> DecodeEntryBundle(std::string_view bytes, uint32_t width);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TILES_H_
