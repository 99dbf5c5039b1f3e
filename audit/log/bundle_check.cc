// SPDX-License-Identifier: Apache-2.0
#include "audit/log/bundle_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/big_endian.h"
#include "policy/rules.h"

namespace kluis::audit {
namespace {

// Entries under one hash of a tile of `level`; levels of 8 and above have no tiles.
uint64_t EntriesUnder(uint32_t level) { return uint64_t{1} << (8 * level); }

// "entries 256 to 511".
std::string EntriesText(uint64_t first, uint64_t count) {
  return absl::StrCat("entries ", first, " to ", first + (count - 1));
}

std::string RangeOf(const Tile& tile) {
  const uint64_t under = EntriesUnder(tile.level);
  return EntriesText(tile.index * kTileWidth * under, tile.width * under);
}

// "tile/1/000.p/3 (entries 0 to 196607): <what>".
absl::Status Wrong(const std::string& path, const Tile& tile, const std::string& what) {
  return absl::DataLossError(absl::StrCat(path, " (", RangeOf(tile), "): ", what));
}

absl::Status StepsBack(uint64_t index) {
  return absl::DataLossError(absl::StrCat("entry ", index, ": decided before the entry before it"));
}

}  // namespace

TileFiles::TileFiles(crypto::FileSystem& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

absl::StatusOr<TileFile> TileFiles::Read(const Tile& tile) const {
  const size_t max_bytes = tile.entries ? kMaxBundleBytes : kTileWidth * sizeof(Hash);
  Tile found = tile;
  for (;;) {
    const absl::StatusOr<std::string> path = TilePath(found);
    if (!path.ok()) return path.status();
    absl::StatusOr<std::string> bytes =
        files_.Read(absl::StrCat(directory_, "/", *path), max_bytes);
    if (bytes.ok()) return TileFile{*path, *std::move(bytes), found.width};
    if (!absl::IsNotFound(bytes.status())) {
      return Wrong(*path, tile, std::string(bytes.status().message()));
    }
    if (found.width == kTileWidth) return Wrong(*TilePath(tile), tile, "missing");
    found.width = kTileWidth;
  }
}

absl::Status TileFiles::Compare(const Tile& tile, std::span<const Hash> hashes) const {
  const absl::StatusOr<TileFile> file = Read(tile);
  if (!file.ok()) return file.status();
  const absl::StatusOr<std::vector<Hash>> found = DecodeTile(file->bytes, file->width);
  if (!found.ok()) {
    return Wrong(file->path, tile, absl::StrCat("does not hold exactly ", file->width, " hashes"));
  }
  const uint64_t under = EntriesUnder(tile.level);
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] == (*found)[i]) continue;
    const uint64_t first = (tile.index * kTileWidth + i) * under;
    if (under == 1) {
      return absl::DataLossError(
          absl::StrCat("entry ", first, ": differs from its leaf hash in ", file->path));
    }
    return absl::DataLossError(absl::StrCat(file->path, ": hash ", i, " differs from that of ",
                                            EntriesText(first, under)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Bundle> Bundle::Read(const TileFiles& files, uint64_t index, uint64_t size) {
  const uint32_t width = TileWidthAt(0, index, size);
  const Tile wanted{true, 0, index, width};
  absl::StatusOr<TileFile> file = files.Read(wanted);
  if (!file.ok()) return file.status();
  Bundle bundle;
  bundle.first_index_ = index * kTileWidth;
  bundle.bytes_ = std::move(file->bytes);
  const std::string_view bytes = bundle.bytes_;
  // As far as it can be read, so that the first entry that differs has a name.
  size_t end = 0;
  while (bundle.ends_.size() < file->width && bytes.size() - end >= kLengthBytes) {
    const size_t length = base::ReadBigEndian(bytes.substr(end, kLengthBytes));
    if (bytes.size() - end - kLengthBytes < length) break;
    end += kLengthBytes + length;
    bundle.ends_.push_back(end);
    if (bundle.leaves_.size() < width) {
      bundle.leaves_.push_back(LeafHash(bytes.substr(end - length, length)));
    }
  }
  const absl::Status same = files.Compare({false, 0, index, width}, bundle.leaves_);
  if (!same.ok()) return same;
  if (bundle.ends_.size() < file->width) {
    return Wrong(file->path, wanted,
                 absl::StrCat("does not hold exactly ", file->width, " entries: entry ",
                              bundle.first_index_ + bundle.ends_.size(), " is cut short"));
  }
  if (end != bytes.size()) {
    return Wrong(
        file->path, wanted,
        absl::StrCat("does not hold exactly ", file->width, " entries: more follows entry ",
                     bundle.first_index_ + file->width - 1));
  }
  bundle.ends_.resize(width);
  return bundle;
}

std::string_view Bundle::entry(size_t i) const {
  const size_t begin = (i == 0 ? 0 : ends_[i - 1]) + kLengthBytes;
  return std::string_view(bytes_).substr(begin, ends_[i] - begin);
}

EntryCounts CountEntries(const Bundle& bundle) {
  EntryCounts counts;
  counts.last_time = std::numeric_limits<int64_t>::min();
  v1::Entry entry;
  for (size_t i = 0; i < bundle.size(); ++i) {
    const uint64_t index = bundle.first_index() + i;
    const absl::Status parsed = ParseEntry(bundle.entry(i), index, entry);
    if (!parsed.ok()) {
      counts.malformed.Update(parsed);
      continue;
    }
    const bool first = counts.by_kind.empty();
    if (first) counts.first_time = entry.decided_at(), counts.first_timed = index;
    if (!first && entry.decided_at() < counts.last_time) counts.malformed.Update(StepsBack(index));
    counts.last_time =
        policy::TimeAfter(entry.command(), entry.decision().allowed(), entry.decided_at());
    ++counts.by_kind[entry.kind()];
    if (entry.decision().allowed()) continue;
    ++counts.refused;
    ++counts.by_reason[entry.decision().reason()];
  }
  return counts;
}

void EntryCounts::Add(const EntryCounts& next) {
  for (const auto& [kind, count] : next.by_kind) by_kind[kind] += count;
  for (const auto& [reason, count] : next.by_reason) by_reason[reason] += count;
  refused += next.refused;
  if (!next.by_kind.empty()) {
    if (next.first_time < last_time) malformed.Update(StepsBack(next.first_timed));
    if (by_kind.empty()) first_time = next.first_time, first_timed = next.first_timed;
    last_time = next.last_time;
  }
  malformed.Update(next.malformed);
}

std::string KindWord(v1::LogKind kind) {
  constexpr std::string_view kPrefix = "LOG_KIND_";
  return v1::LogKind_Name(kind).substr(kPrefix.size());
}

absl::Status ParseEntry(std::string_view bytes, uint64_t index, v1::Entry& entry) {
  if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || entry.version() != 1 ||
      !entry.has_decision() || !v1::LogKind_IsValid(entry.kind()) ||
      entry.kind() == v1::LOG_KIND_UNSPECIFIED) {
    return absl::DataLossError(absl::StrCat("entry ", index, ": not an entry of version 1"));
  }
  return absl::OkStatus();
}

}  // namespace kluis::audit
