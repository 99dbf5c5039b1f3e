// SPDX-License-Identifier: Apache-2.0
// Reads the tiles of an exported log and compares one entry bundle with its leaf hashes: the part
// of LogDirectory that runs on many threads. Thread-safe. Source: c2sp.org/tlog-tiles.
#ifndef KLUIS_AUDIT_LOG_BUNDLE_CHECK_H_
#define KLUIS_AUDIT_LOG_BUNDLE_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "audit/tiles.h"
#include "crypto/file_system.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// The file of a tile: of its own width, or the full one that has replaced it since.
struct TileFile {
  std::string path;  // below the directory
  std::string bytes;
  uint32_t width = 0;  // of the file
};

// The tiles of a directory. `files` must outlive it.
class TileFiles {
 public:
  TileFiles(crypto::FileSystem& files, std::string directory);

  // kDataLoss: missing, or not a file of a possible length; the message names path and first entry.
  absl::StatusOr<TileFile> Read(const Tile& tile) const;

  // OK when `tile` holds `hashes`, as many as its width. kDataLoss: missing, cut short, or another
  // hash; the message names the path and the entries below it.
  absl::Status Compare(const Tile& tile, std::span<const Hash> hashes) const;

 private:
  crypto::FileSystem& files_;
  std::string directory_;
};

// The entries below tile `index` of level 0 in a log of `size` leaves, from their bundle and
// compared with their leaf hashes.
class Bundle {
 public:
  // Reads both files. kDataLoss: one is missing, cut short or too long, or an entry has another
  // hash; the message names the first such entry, or the path and its entries.
  static absl::StatusOr<Bundle> Read(const TileFiles& files, uint64_t index, uint64_t size);

  uint64_t first_index() const { return first_index_; }
  size_t size() const { return ends_.size(); }
  // Entry `first_index() + i`, valid while this object lives and is not moved.
  std::string_view entry(size_t i) const;
  // LeafHash of each entry.
  const std::vector<Hash>& leaves() const { return leaves_; }

 private:
  uint64_t first_index_ = 0;
  std::string bytes_;
  std::vector<size_t> ends_;  // where each entry ends in `bytes_`
  std::vector<Hash> leaves_;
};

// What the entries of a bundle say.
struct EntryCounts {
  std::map<v1::LogKind, uint64_t> by_kind;
  std::map<std::string, uint64_t> by_reason;  // of refused entries
  uint64_t refused = 0;
  // Decision times of well-formed entries, unix seconds.
  int64_t first_time = std::numeric_limits<int64_t>::max();
  int64_t last_time = 0;
  uint64_t first_timed = 0;  // the index of the entry of first_time
  absl::Status malformed;  // the first entry that is none, or was decided before the one before it

  // Adds what the bundle behind these entries says.
  void Add(const EntryCounts& next);
};
EntryCounts CountEntries(const Bundle& bundle);

// "COMBINATION" for LOG_KIND_COMBINATION; `kind` is one of them.
std::string KindWord(v1::LogKind kind);

// Reads `bytes` into `entry`. kDataLoss: not an Entry of version 1 with a decision and a known
// kind; the message names the index.
absl::Status ParseEntry(std::string_view bytes, uint64_t index, v1::Entry& entry);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_BUNDLE_CHECK_H_
