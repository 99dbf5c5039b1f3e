// SPDX-License-Identifier: Apache-2.0
#include "audit/log/tile_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/checkpoint.h"
#include "audit/note.h"
#include "audit/note_text.h"

namespace kluis::audit {
namespace {

constexpr uint32_t kBundle = kTileLevels;  // the key of the newest bundle
constexpr char kPartialSuffix[] = ".p";

absl::Status Differs(const std::string& path, std::string_view how) {
  return absl::DataLossError(absl::StrCat(path, ": ", std::string(how)));
}

absl::StatusOr<Checkpoint> ReadNote(std::string_view note) {
  const absl::StatusOr<Note> parsed = ParseNote(note);
  if (!parsed.ok()) return parsed.status();
  return ParseCheckpoint(parsed->text);
}

}  // namespace

TileWriter::TileWriter(crypto::FileSystem& files, std::string directory, std::string_view origin)
    : files_(files), directory_(std::move(directory)), origin_(origin) {}

absl::StatusOr<std::unique_ptr<TileWriter>> TileWriter::Open(crypto::FileSystem& files,
                                                             std::string directory,
                                                             std::string_view origin) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  if (directory.empty()) return absl::InvalidArgumentError("tiles: no directory");
  if (!IsOrigin(origin)) return absl::InvalidArgumentError("tiles: bad origin");
  const absl::Status made = crypto::MakeDirectories(files, directory);
  if (!made.ok()) return made;
  std::unique_ptr<TileWriter> writer(new TileWriter(files, std::move(directory), origin));
  writer->synced_directories_.insert(writer->directory_);
  const absl::Status removed = files.Remove(writer->directory_ + "/.new");
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  const absl::Status read = writer->ReadCheckpoint();
  if (!read.ok()) return read;
  writer->RemoveLeftovers();
  return writer;
}

absl::Status TileWriter::ReadCheckpoint() {
  const std::string path = directory_ + "/checkpoint";
  absl::StatusOr<std::string> note = files_.Read(path, kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  if (absl::IsFailedPrecondition(note.status())) {
    return absl::DataLossError(note.status().message());
  }
  if (!note.ok()) return note.status();
  const absl::StatusOr<Checkpoint> checkpoint = ReadNote(*note);
  if (!checkpoint.ok()) return Differs(path, std::string(checkpoint.status().message()));
  if (checkpoint->origin != origin_) return Differs(path, "is of another log");
  checkpoint_ = *std::move(note);
  size_ = cleaned_ = checkpoint->size;
  root_ = checkpoint->root;
  return ReadNewestTiles();
}

absl::Status TileWriter::ReadNewestTiles() {
  std::vector<std::vector<Hash>> partial(kTileLevels);
  std::string names;
  for (uint32_t level = 0; HashesAtLevel(level, size_) > 0; ++level) {
    absl::StatusOr<std::vector<Hash>> hashes = ReadNewestTile(level);
    if (!hashes.ok()) return hashes.status();
    absl::StrAppend(&names, names.empty() ? "" : ", ", newest_.at(level).path);
    if (hashes->size() < kTileWidth) partial[level] = *std::move(hashes);
  }
  const absl::StatusOr<TileEdge> edge = TileEdge::Restore(size_, std::move(partial));
  if (!edge.ok()) return edge.status();
  if (edge->Root() == root_) return absl::OkStatus();
  return Differs(directory_ + "/checkpoint",
                 absl::StrCat("its root is not that of the newest tiles: ", names));
}

absl::StatusOr<std::vector<Hash>> TileWriter::ReadNewestTile(uint32_t level) {
  const Tile tile = NewestTile(level, size_);
  const std::string path = PathOf(tile);
  const absl::StatusOr<std::string> bytes = ReadTile(tile);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<std::vector<Hash>> hashes = DecodeTile(*bytes, tile.width);
  if (!hashes.ok()) return Differs(path, std::string(hashes.status().message()));
  newest_[level] = {path, crypto::Sha256({*bytes})};
  if (level > 0) {
    const Tile full{false, level - 1, HashesAtLevel(level, size_) - 1, kTileWidth};
    const absl::StatusOr<std::string> under = ReadTile(full);
    if (!under.ok()) return under.status();
    const absl::StatusOr<std::vector<Hash>> parts = DecodeTile(*under, kTileWidth);
    if (parts.ok() && RootOf(*parts) == hashes->back()) return hashes;
    return Differs(path, "its last hash is not the root of " + PathOf(full));
  }
  const Tile bundle{true, 0, tile.index, tile.width};
  const absl::StatusOr<std::string> entries_bytes = ReadTile(bundle);
  if (!entries_bytes.ok()) return entries_bytes.status();
  const absl::StatusOr<std::vector<std::string>> entries =
      DecodeEntryBundle(*entries_bytes, bundle.width);
  if (!entries.ok()) return Differs(PathOf(bundle), std::string(entries.status().message()));
  for (size_t i = 0; i < entries->size(); ++i) {
    if (LeafHash((*entries)[i]) == (*hashes)[i]) continue;
    return Differs(PathOf(bundle), absl::StrCat("entry ", tile.index * kTileWidth + i,
                                                " differs from its hash in ", path));
  }
  newest_[kBundle] = {PathOf(bundle), crypto::Sha256({*entries_bytes})};
  return hashes;
}

absl::StatusOr<Hash> TileWriter::WriteTiles(uint64_t size, const EntryReader& read) {
  if (size < size_) return absl::InvalidArgumentError("tiles: a log never gets smaller");
  std::vector<std::vector<Hash>> partial(kTileLevels);
  std::vector<std::string> bundle;
  for (const auto& [level, left] : newest_) {
    const absl::StatusOr<std::string> bytes = ReadAsLeft(left);
    if (!bytes.ok()) return bytes.status();
    const auto width = static_cast<uint32_t>(HashesAtLevel(level % kBundle, size_) % kTileWidth);
    if (width == 0) continue;
    absl::Status decoded;
    if (level == kBundle) {
      absl::StatusOr<std::vector<std::string>> entries = DecodeEntryBundle(*bytes, width);
      decoded = entries.status();
      if (entries.ok()) bundle = *std::move(entries);
    } else {
      absl::StatusOr<std::vector<Hash>> hashes = DecodeTile(*bytes, width);
      decoded = hashes.status();
      if (hashes.ok()) partial[level] = *std::move(hashes);
    }
    if (!decoded.ok()) return Differs(left.path, std::string(decoded.message()));
  }
  absl::StatusOr<TileEdge> edge = TileEdge::Restore(size_, std::move(partial));
  if (!edge.ok()) return edge.status();

  Run run{newest_, {}};
  for (uint64_t index = size_; index < size; ++index) {
    absl::StatusOr<std::string> entry = read(index);
    if (!entry.ok()) return entry.status();
    bundle.push_back(*std::move(entry));
    for (const TileEdge::FullTile& full : edge->AppendLeaf(LeafHash(bundle.back()))) {
      if (full.tile.level == 0) {
        const absl::Status written = WriteBundle(full.tile.index, bundle, run);
        if (!written.ok()) return written;
        bundle.clear();
      }
      const absl::Status written = WriteTile(full.tile, full.hashes, run);
      if (!written.ok()) return written;
    }
  }
  const absl::Status written = WritePartials(*edge, bundle, run);
  if (!written.ok()) return written;
  size_ = size;
  root_ = edge->Root();
  newest_ = std::move(run.newest);
  return root_;
}

absl::Status TileWriter::WritePartials(const TileEdge& edge, const std::vector<std::string>& bundle,
                                       Run& run) {
  const uint64_t size = edge.size();
  for (uint32_t level = 0; HashesAtLevel(level, size) > HashesAtLevel(level, size_); ++level) {
    if (edge.Partial(level).empty()) continue;
    const Tile tile = NewestTile(level, size);
    absl::Status written;
    if (level == 0) written = WriteBundle(tile.index, bundle, run);
    if (written.ok()) written = WriteTile(tile, edge.Partial(level), run);
    if (!written.ok()) return written;
  }
  for (const std::string& directory : run.directories) {
    const absl::Status synced = files_.SyncDirectory(directory);
    if (!synced.ok()) return synced;
  }
  return absl::OkStatus();
}

absl::Status TileWriter::WriteBundle(uint64_t index, const std::vector<std::string>& entries,
                                     Run& run) {
  const absl::StatusOr<std::string> bytes = EncodeEntryBundle(entries);
  if (!bytes.ok()) return bytes.status();
  return Write({true, 0, index, static_cast<uint32_t>(entries.size())}, *bytes, run);
}

absl::Status TileWriter::WriteTile(const Tile& tile, const std::vector<Hash>& hashes, Run& run) {
  const absl::StatusOr<std::string> bytes = EncodeTile(hashes);
  if (!bytes.ok()) return bytes.status();
  return Write(tile, *bytes, run);
}

absl::Status TileWriter::Write(const Tile& tile, const std::string& bytes, Run& run) {
  const std::string path = PathOf(tile);
  const std::string directory = crypto::DirectoryOf(path);
  const absl::Status made = MakeDirectory(directory);
  if (!made.ok()) return made;
  const absl::Status placed = Place(path, bytes);
  if (!placed.ok()) return placed;
  run.directories.insert(directory);
  run.newest[tile.entries ? kBundle : tile.level] = {path, crypto::Sha256({bytes})};
  return absl::OkStatus();
}

absl::Status TileWriter::MakeDirectory(const std::string& path) {
  if (synced_directories_.contains(path)) return absl::OkStatus();
  const std::string above = crypto::DirectoryOf(path);
  absl::Status status = MakeDirectory(above);
  if (!status.ok()) return status;
  status = files_.MakeDirectory(path);
  if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
  // Also when the name was there: who made it may have failed before it was on disk.
  status = files_.SyncDirectory(above);
  if (status.ok()) synced_directories_.insert(path);
  return status;
}

absl::Status TileWriter::Place(const std::string& path, std::string_view bytes) {
  const std::string fresh = directory_ + "/.new";
  absl::Status written = files_.CreateReadable(fresh, bytes);
  if (absl::IsAlreadyExists(written)) {  // of a call that failed
    const absl::Status removed = files_.Remove(fresh);
    if (!removed.ok()) return removed;
    written = files_.CreateReadable(fresh, bytes);
  }
  if (!written.ok()) return written;
  return files_.Rename(fresh, path);
}

absl::Status TileWriter::Publish(std::string_view note) {
  const absl::StatusOr<Checkpoint> checkpoint = ReadNote(note);
  if (!checkpoint.ok()) return checkpoint.status();
  if (checkpoint->origin != origin_ || checkpoint->size != size_ || checkpoint->root != root_) {
    return absl::InvalidArgumentError("tiles: the checkpoint is not that of the tiles");
  }
  const absl::Status placed = Place(directory_ + "/checkpoint", note);
  if (!placed.ok()) return placed;
  checkpoint_ = std::string(note);
  const absl::Status synced = files_.SyncDirectory(directory_);
  if (!synced.ok()) return synced;
  if (RemoveReplaced(cleaned_, size_).ok()) cleaned_ = size_;
  return absl::OkStatus();
}

absl::Status TileWriter::RemoveReplaced(uint64_t from, uint64_t size) {
  for (uint32_t level = 0; level < kTileLevels; ++level) {
    const uint64_t end = HashesAtLevel(level, size) / kTileWidth;
    for (uint64_t index = HashesAtLevel(level, from) / kTileWidth; index < end; ++index) {
      absl::Status removed = RemovePartials({false, level, index, kTileWidth});
      if (removed.ok() && level == 0) removed = RemovePartials({true, 0, index, kTileWidth});
      if (!removed.ok()) return removed;
    }
  }
  return absl::OkStatus();
}

absl::Status TileWriter::RemovePartials(const Tile& full) {
  const std::string directory = PathOf(full) + kPartialSuffix;
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const absl::Status removed = files_.Remove(absl::StrCat(directory, "/", name));
    if (!removed.ok()) return removed;
  }
  synced_directories_.erase(directory);
  return files_.RemoveDirectory(directory);
}

void TileWriter::RemoveLeftovers() {
  for (const auto& [level, left] : newest_) {
    const bool entries = level == kBundle;
    const Tile newest{entries, level % kBundle, NewestTile(level % kBundle, size_).index,
                      kTileWidth};
    const std::string near = crypto::DirectoryOf(*TilePath(newest));
    const absl::StatusOr<std::vector<std::string>> names =
        files_.List(absl::StrCat(directory_, "/", near));
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      if (!name.ends_with(kPartialSuffix)) continue;
      const absl::StatusOr<Tile> partial = ParseTilePath(absl::StrCat(near, "/", name, "/1"));
      if (!partial.ok()) continue;
      if (partial->index >= HashesAtLevel(level % kBundle, size_) / kTileWidth) continue;
      RemovePartials({entries, partial->level, partial->index, kTileWidth}).IgnoreError();
    }
  }
}

absl::Status TileWriter::Check() const {
  if (!checkpoint_.empty()) {
    const Left checkpoint{directory_ + "/checkpoint", crypto::Sha256({checkpoint_})};
    const absl::Status same = ReadAsLeft(checkpoint).status();
    if (!same.ok()) return same;
  }
  for (const auto& [level, left] : newest_) {
    const absl::Status same = ReadAsLeft(left).status();
    if (!same.ok()) return same;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TileWriter::ReadAsLeft(const Left& left) const {
  absl::StatusOr<std::string> bytes = files_.Read(left.path, kMaxBundleBytes);
  if (absl::IsNotFound(bytes.status())) return Differs(left.path, "is gone");
  if (absl::IsFailedPrecondition(bytes.status())) {
    return absl::DataLossError(bytes.status().message());
  }
  if (bytes.ok() && crypto::Sha256({*bytes}) != left.digest) {
    return Differs(left.path, "was changed by somebody else");
  }
  return bytes;
}

absl::StatusOr<std::string> TileWriter::ReadTile(const Tile& tile) const {
  const std::string path = PathOf(tile);
  absl::StatusOr<std::string> bytes = files_.Read(path, kMaxBundleBytes);
  if (absl::IsNotFound(bytes.status())) return Differs(path, "is missing");
  if (absl::IsFailedPrecondition(bytes.status())) {
    return absl::DataLossError(bytes.status().message());
  }
  return bytes;
}

std::string TileWriter::PathOf(const Tile& tile) const {
  return absl::StrCat(directory_, "/", *TilePath(tile));
}

}  // namespace kluis::audit
