#include "audit/log_directory.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "crypto/codec.h"

namespace kluis::audit {
namespace {

constexpr size_t kMaxBundleBytes = kTileWidth * (2 + kMaxEntryBytes);

// kNotFound: no such regular file. kDataLoss: over `max_bytes`, or it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure)) {
    return absl::NotFoundError(absl::StrCat("no file ", path));
  }
  const uintmax_t size = std::filesystem::file_size(path, failure);
  if (!failure && size > max_bytes) return absl::DataLossError(absl::StrCat(path, ": too large"));
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(failure ? 0 : size, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (failure || !stream) return absl::DataLossError(absl::StrCat("cannot read ", path));
  return bytes;
}

// "LOG_KIND_COMBINATION" -> "COMBINATION".
std::string KindWord(v1::LogKind kind) {
  constexpr std::string_view kPrefix = "LOG_KIND_";
  return v1::LogKind_Name(kind).substr(kPrefix.size());
}

std::string Range(uint64_t first, uint32_t width) {
  return absl::StrCat("entries ", first, " to ", first + width - 1);
}

void Count(const v1::Entry& entry, DirectoryReport& report) {
  ++report.by_kind[KindWord(entry.kind())];
  if (entry.decision().allowed()) return;
  ++report.refused;
  ++report.by_reason[entry.decision().reason()];
}

// The text of a stranger's entry, safe for a terminal.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text;
}

}  // namespace

LogDirectory::LogDirectory(std::string path) : path_(std::move(path)) {}

absl::StatusOr<Checkpoint> LogDirectory::ReadCheckpoint(const VerifierKey& key) const {
  const absl::StatusOr<std::string> note = ReadFile(path_ + "/checkpoint", kMaxNoteBytes);
  if (!note.ok()) return note.status();
  const std::array keys = {key};
  absl::StatusOr<OpenedCheckpoint> opened = OpenCheckpoint(*note, key.name(), keys);
  if (!opened.ok()) {
    return absl::Status(opened.status().code(),
                        absl::StrCat("checkpoint: ", opened.status().message()));
  }
  return std::move(opened->checkpoint);
}

absl::StatusOr<std::string> LogDirectory::ReadTile(const Tile& tile, Tile& found) const {
  const size_t max_bytes = tile.entries ? kMaxBundleBytes : kTileWidth * sizeof(Hash);
  found = tile;
  absl::StatusOr<std::string> path = TilePath(found);
  if (!path.ok()) return path.status();
  absl::StatusOr<std::string> bytes = ReadFile(absl::StrCat(path_, "/", *path), max_bytes);
  if (!absl::IsNotFound(bytes.status()) || tile.width == kTileWidth) return bytes;
  found.width = kTileWidth;
  path = TilePath(found);
  if (!path.ok()) return path.status();
  return ReadFile(absl::StrCat(path_, "/", *path), max_bytes);
}

absl::StatusOr<std::vector<std::string>> LogDirectory::ReadBundle(uint64_t index,
                                                                  uint64_t size) const {
  const Tile wanted{true, 0, index, TileWidthAt(0, index, size)};
  const std::string range = Range(index * kTileWidth, wanted.width);
  Tile found;
  const absl::StatusOr<std::string> bytes = ReadTile(wanted, found);
  if (absl::IsNotFound(bytes.status())) {
    return absl::DataLossError(
        absl::StrCat(range, ": their bundle is missing: ", bytes.status().message()));
  }
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<std::vector<std::string>> entries = DecodeEntryBundle(*bytes, found.width);
  if (!entries.ok()) {
    return absl::DataLossError(
        absl::StrCat(range, ": their bundle does not hold exactly ", found.width, " entries"));
  }
  entries->resize(wanted.width);
  const absl::Status same = CompareWithLeaves(wanted, *entries);
  if (!same.ok()) return same;
  return entries;
}

absl::Status LogDirectory::CompareWithLeaves(const Tile& bundle,
                                             const std::vector<std::string>& entries) const {
  Tile found;
  const absl::StatusOr<std::string> bytes = ReadTile({false, 0, bundle.index, bundle.width}, found);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  const uint64_t first = bundle.index * kTileWidth;
  const absl::StatusOr<std::vector<Hash>> leaves = DecodeTile(*bytes, found.width);
  if (!leaves.ok()) {
    return absl::DataLossError(absl::StrCat(Range(first, bundle.width),
                                            ": their tile does not hold exactly ", found.width,
                                            " leaf hashes"));
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (LeafHash(entries[i]) == (*leaves)[i]) continue;
    return absl::DataLossError(
        absl::StrCat("entry ", first + i, ": differs from its leaf hash in the log"));
  }
  return absl::OkStatus();
}

absl::StatusOr<DirectoryReport> LogDirectory::Verify(const VerifierKey& key) const {
  const absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(key);
  if (!checkpoint.ok()) return checkpoint.status();

  DirectoryReport report;
  report.checkpoint = *checkpoint;
  absl::Status malformed;  // told only when the root holds: else the root says it
  std::vector<std::string> bundle;
  uint64_t next = 0;
  int64_t latest = 0;
  const EntryReader read = [&]() -> absl::StatusOr<std::optional<std::string>> {
    if (next == checkpoint->size) return std::nullopt;
    const size_t place = next % kTileWidth;
    if (place == 0) {
      absl::StatusOr<std::vector<std::string>> entries =
          ReadBundle(next / kTileWidth, checkpoint->size);
      if (!entries.ok()) return entries.status();
      bundle = *std::move(entries);
    }
    const absl::StatusOr<v1::Entry> entry = DecodeEntry(bundle[place], next);
    if (!entry.ok()) {
      malformed.Update(entry.status());
    } else {
      if (entry->decided_at() < latest) {
        malformed.Update(absl::DataLossError(
            absl::StrCat("entry ", next, ": decided before the entry before it")));
      }
      latest = entry->decided_at();
      Count(*entry, report);
    }
    ++next;
    return std::move(bundle[place]);
  };
  const absl::StatusOr<LogReport> log = VerifyEntries(read, *checkpoint);
  if (!log.ok()) {
    if (malformed.ok() || next < checkpoint->size) return log.status();
    return absl::DataLossError(absl::StrCat(malformed.message(), "; ", log.status().message()));
  }
  if (!malformed.ok()) return malformed;
  report.log = *log;
  return report;
}

absl::StatusOr<v1::Entry> LogDirectory::ReadEntry(uint64_t index) const {
  const absl::StatusOr<std::string> note = ReadFile(path_ + "/checkpoint", kMaxNoteBytes);
  if (!note.ok()) return note.status();
  const absl::StatusOr<Note> parsed = ParseNote(*note);
  if (!parsed.ok()) return parsed.status();
  const absl::StatusOr<Checkpoint> checkpoint = ParseCheckpoint(parsed->text);
  if (!checkpoint.ok()) return checkpoint.status();
  if (index >= checkpoint->size) {
    return absl::OutOfRangeError(
        absl::StrCat("index: must be below the log's size, ", checkpoint->size));
  }
  const absl::StatusOr<std::vector<std::string>> entries =
      ReadBundle(index / kTileWidth, checkpoint->size);
  if (!entries.ok()) return entries.status();
  return DecodeEntry((*entries)[index % kTileWidth], index);
}

absl::StatusOr<v1::Entry> DecodeEntry(std::string_view bytes, uint64_t index) {
  v1::Entry entry;
  if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || entry.version() != 1 ||
      !entry.has_decision() || !v1::LogKind_IsValid(entry.kind()) ||
      entry.kind() == v1::LOG_KIND_UNSPECIFIED) {
    return absl::DataLossError(absl::StrCat("entry ", index, ": not an entry of version 1"));
  }
  return entry;
}

std::string ReportText(const DirectoryReport& report) {
  std::string text =
      absl::StrCat("origin    ", report.checkpoint.origin, "\nsize      ", report.checkpoint.size,
                   "\nroot      ", crypto::ToBase64(crypto::Bytes(report.log.root)), "\nby kind\n");
  for (const auto& [kind, count] : report.by_kind) {
    absl::StrAppend(&text, "  ", count, "  ", kind, "\n");
  }
  absl::StrAppend(&text, "refused   ", report.refused, "\n");
  for (const auto& [reason, count] : report.by_reason) {
    absl::StrAppend(&text, "  ", count, "  ", Printable(reason), "\n");
  }
  absl::StrAppend(&text, "verified: ", report.log.entries, " entries under the signed root\n");
  return text;
}

std::string ReportJson(const DirectoryReport& report) {
  std::map<std::string, uint64_t> reasons;
  for (const auto& [reason, count] : report.by_reason) reasons[Printable(reason)] += count;
  return nlohmann::ordered_json{{"verified", true},
                                {"origin", report.checkpoint.origin},
                                {"size", report.checkpoint.size},
                                {"root", crypto::ToBase64(crypto::Bytes(report.log.root))},
                                {"by_kind", report.by_kind},
                                {"refused", report.refused},
                                {"refused_by_reason", reasons}}
             .dump() +
         "\n";
}

}  // namespace kluis::audit
