// SPDX-License-Identifier: Apache-2.0
#include "audit/log/log_source.h"

#include <filesystem>
#include <fstream>
#include <span>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::audit {
namespace {

constexpr uint32_t kTileHeight = 8;  // levels of the tree in a tile

}  // namespace

DirectorySource::DirectorySource(std::string directory) : directory_(std::move(directory)) {}

absl::StatusOr<std::string> DirectorySource::Read(const std::string& path, size_t max_bytes) {
  const std::string full = absl::StrCat(directory_, "/", path);
  std::error_code failure;
  if (!std::filesystem::is_regular_file(full, failure)) {
    return absl::NotFoundError(absl::StrCat("no file ", full));
  }
  const uintmax_t size = std::filesystem::file_size(full, failure);
  if (failure) return absl::UnavailableError(absl::StrCat("cannot read ", full));
  if (size > max_bytes) return absl::DataLossError(absl::StrCat(full, ": too large"));
  std::ifstream stream(full, std::ios::binary);
  std::string bytes(size, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream) return absl::UnavailableError(absl::StrCat("cannot read ", full));
  return bytes;
}

PublishedTiles::PublishedTiles(LogSource& source, uint64_t size) : source_(source), size_(size) {}

// A partial tile may be gone as soon as the full one is there; `tile` becomes what was found.
absl::StatusOr<std::string> PublishedTiles::ReadTileFile(Tile& tile) {
  const size_t max_bytes = tile.entries ? kMaxBundleBytes : kTileWidth * sizeof(Hash);
  const absl::StatusOr<std::string> path = TilePath(tile);
  if (!path.ok()) return path.status();
  absl::StatusOr<std::string> bytes = source_.Read(*path, max_bytes);
  if (absl::IsNotFound(bytes.status()) && tile.width < kTileWidth) {
    tile.width = kTileWidth;
    const absl::StatusOr<std::string> full = TilePath(tile);
    if (!full.ok()) return full.status();
    bytes = source_.Read(*full, max_bytes);
  }
  if (!absl::IsNotFound(bytes.status())) return bytes;
  return absl::DataLossError(absl::StrCat(*path, ": missing under the checkpoint of ", size_));
}

absl::StatusOr<const std::vector<Hash>*> PublishedTiles::ReadHashes(uint32_t level,
                                                                    uint64_t index) {
  const auto kept = tiles_.find({level, index});
  if (kept != tiles_.end()) return &kept->second;
  const Tile wanted{false, level, index, TileWidthAt(level, index, size_)};
  if (wanted.width == 0) return absl::InvalidArgumentError("tile: beyond the log's size");
  Tile found = wanted;
  const absl::StatusOr<std::string> bytes = ReadTileFile(found);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<std::vector<Hash>> hashes = DecodeTile(*bytes, found.width);
  if (!hashes.ok()) {
    return absl::DataLossError(
        absl::StrCat(*TilePath(found), ": not exactly ", found.width, " hashes"));
  }
  hashes->resize(wanted.width);
  if (tiles_.size() >= kKeptTiles) tiles_.clear();
  return &(tiles_[{level, index}] = *std::move(hashes));
}

absl::StatusOr<Hash> PublishedTiles::ReadNode(uint32_t level, uint64_t index) {
  const uint32_t tile_level = level / kTileHeight;
  const uint64_t width = uint64_t{1} << level % kTileHeight;
  const uint64_t first = index * width;  // of the hashes at this level of tiles
  const absl::StatusOr<const std::vector<Hash>*> hashes =
      ReadHashes(tile_level, first / kTileWidth);
  if (!hashes.ok()) return hashes.status();
  const uint64_t place = first % kTileWidth;
  if (place + width > (*hashes)->size()) {
    return absl::InvalidArgumentError("node: not complete at the log's size");
  }
  return RootOf(std::span(**hashes).subspan(place, width));
}

NodeReader PublishedTiles::Reader() {
  return [this](uint32_t level, uint64_t index) { return ReadNode(level, index); };
}

absl::StatusOr<std::vector<std::string>> PublishedTiles::ReadBundle(uint64_t index) {
  const Tile wanted{true, 0, index, TileWidthAt(0, index, size_)};
  if (wanted.width == 0) return absl::InvalidArgumentError("bundle: beyond the log's size");
  Tile found = wanted;
  const absl::StatusOr<std::string> bytes = ReadTileFile(found);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<std::vector<std::string>> entries = DecodeEntryBundle(*bytes, found.width);
  if (!entries.ok()) {
    return absl::DataLossError(
        absl::StrCat(*TilePath(found), ": not exactly ", found.width, " entries"));
  }
  entries->resize(wanted.width);
  return entries;
}

}  // namespace kluis::audit
