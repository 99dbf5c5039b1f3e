// SPDX-License-Identifier: Apache-2.0
#include "audit/tiles.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/big_endian.h"
#include "base/decimal.h"

namespace kluis::audit {
namespace {

constexpr std::string_view kTilePrefix = "tile/";
constexpr std::string_view kEntriesPrefix = "entries/";
constexpr std::string_view kPartial = ".p/";

bool IsWidth(size_t width) { return width >= 1 && width <= kTileWidth; }

// Inverse of TileNumber: groups of three digits; the caller checks that the spelling is the only
// one.
std::optional<uint64_t> ParseTileNumber(std::string_view number) {
  std::string digits;
  for (const char c : number) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  const size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
  if (digits.empty()) return std::nullopt;
  return base::ParseDecimal(zeros == digits.size() ? "0" : std::string_view(digits).substr(zeros));
}

}  // namespace

std::string TileNumber(uint64_t index) {
  std::string groups = absl::StrCat(absl::Dec(index % 1000, absl::kZeroPad3));
  for (index /= 1000; index > 0; index /= 1000) {
    groups = absl::StrCat("x", absl::Dec(index % 1000, absl::kZeroPad3), "/", groups);
  }
  return groups;
}

absl::StatusOr<std::string> TilePath(const Tile& tile) {
  if (tile.level > kMaxTileLevel) return absl::InvalidArgumentError("tile: level above 63");
  if (tile.entries && tile.level != 0) {
    return absl::InvalidArgumentError("tile: entries have no level");
  }
  if (!IsWidth(tile.width)) return absl::InvalidArgumentError("tile: width must be 1 to 256");
  std::string path = tile.entries ? "tile/entries/" : absl::StrCat("tile/", tile.level, "/");
  path += TileNumber(tile.index);
  if (tile.width < kTileWidth) absl::StrAppend(&path, std::string(kPartial), tile.width);
  return path;
}

absl::StatusOr<Tile> ParseTilePath(std::string_view path) {
  const absl::Status refused = absl::InvalidArgumentError("tile: not the path of a tile");
  if (!path.starts_with(kTilePrefix)) return refused;
  std::string_view rest = path.substr(kTilePrefix.size());
  Tile tile;
  tile.entries = rest.starts_with(kEntriesPrefix);
  if (tile.entries) {
    rest.remove_prefix(kEntriesPrefix.size());
  } else {
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return refused;
    const std::optional<uint64_t> level = base::ParseDecimal(rest.substr(0, slash));
    if (!level.has_value() || *level > kMaxTileLevel) return refused;
    tile.level = static_cast<uint32_t>(*level);
    rest.remove_prefix(slash + 1);
  }
  const size_t partial = rest.find(kPartial);
  if (partial != std::string_view::npos) {
    const std::optional<uint64_t> width =
        base::ParseDecimal(rest.substr(partial + kPartial.size()));
    if (!width.has_value() || *width >= kTileWidth) return refused;
    tile.width = static_cast<uint32_t>(*width);
    rest = rest.substr(0, partial);
  }
  const std::optional<uint64_t> index = ParseTileNumber(rest);
  if (!index.has_value()) return refused;
  tile.index = *index;
  const absl::StatusOr<std::string> spelling = TilePath(tile);
  if (!spelling.ok() || *spelling != path) return refused;
  return tile;
}

uint32_t TileWidthAt(uint32_t level, uint64_t index, uint64_t size) {
  const uint64_t hashes = level >= 8 ? 0 : size >> (8 * level);
  const uint64_t full = hashes / kTileWidth;
  if (index < full) return kTileWidth;
  return index == full ? static_cast<uint32_t>(hashes % kTileWidth) : 0;
}

absl::StatusOr<std::string> EncodeTile(std::span<const Hash> hashes) {
  if (!IsWidth(hashes.size())) return absl::InvalidArgumentError("tile: width must be 1 to 256");
  std::string bytes;
  bytes.reserve(hashes.size() * sizeof(Hash));
  for (const Hash& hash : hashes) bytes += crypto::Bytes(hash);
  return bytes;
}

absl::StatusOr<std::vector<Hash>> DecodeTile(std::string_view bytes, uint32_t width) {
  if (!IsWidth(width)) return absl::InvalidArgumentError("tile: width must be 1 to 256");
  if (bytes.size() != width * sizeof(Hash)) {
    return absl::InvalidArgumentError("tile: length is not that of its width");
  }
  std::vector<Hash> hashes(width);
  for (Hash& hash : hashes) {
    std::copy_n(bytes.begin(), hash.size(), hash.begin());
    bytes.remove_prefix(hash.size());
  }
  return hashes;
}

absl::StatusOr<std::string> EncodeEntryBundle(std::span<const std::string> entries) {
  if (!IsWidth(entries.size())) {
    return absl::InvalidArgumentError("entry bundle: width must be 1 to 256");
  }
  std::string bytes;
  for (const std::string& entry : entries) {
    if (entry.size() > kMaxEntryBytes) {
      return absl::InvalidArgumentError("entry bundle: an entry is over 65535 bytes");
    }
    bytes += base::BigEndian(entry.size(), kLengthBytes);
    bytes += entry;
  }
  return bytes;
}

absl::StatusOr<std::vector<std::string>> DecodeEntryBundle(std::string_view bytes, uint32_t width) {
  if (!IsWidth(width)) return absl::InvalidArgumentError("entry bundle: width must be 1 to 256");
  std::vector<std::string> entries;
  while (entries.size() < width) {
    if (bytes.size() < kLengthBytes) return absl::InvalidArgumentError("entry bundle: cut short");
    const auto length = static_cast<size_t>(base::ReadBigEndian(bytes.substr(0, kLengthBytes)));
    bytes.remove_prefix(kLengthBytes);
    if (bytes.size() < length) return absl::InvalidArgumentError("entry bundle: cut short");
    entries.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (!bytes.empty())
    return absl::InvalidArgumentError("entry bundle: more entries than its width");
  return entries;
}

}  // namespace kluis::audit
