// SPDX-License-Identifier: Apache-2.0
// Where a published log is read from (a web server, a directory), and its tiles as a tree.
// Nothing here is verified: a root that somebody signed says whether the hashes are the log's.
// An object belongs to one thread. Source: c2sp.org/tlog-tiles.
#ifndef KLUIS_AUDIT_LOG_LOG_SOURCE_H_
#define KLUIS_AUDIT_LOG_LOG_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "audit/tiles.h"

namespace kluis::audit {

class LogSource {
 public:
  virtual ~LogSource() = default;

  // The file at `path` below the log's prefix ("checkpoint", "tile/0/000"), whole.
  // kNotFound: there is none. kDataLoss: over `max_bytes`. kUnavailable: no answer.
  virtual absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) = 0;
};

// A directory of the machine's own file system.
class DirectorySource final : public LogSource {
 public:
  explicit DirectorySource(std::string directory);
  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override;

 private:
  std::string directory_;
};

// The tiles of a log of `size` leaves. Keeps the last kKeptTiles of them.
class PublishedTiles {
 public:
  static constexpr size_t kKeptTiles = 64;

  // `source` must outlive this object.
  PublishedTiles(LogSource& source, uint64_t size);

  // Node (level, index) of audit/merkle.h, from the tile that holds it or the hashes below it:
  // complete nodes of a tree of `size` leaves only. kDataLoss: the tile is missing or not one; the
  // message names its path. kUnavailable: as LogSource::Read.
  absl::StatusOr<Hash> ReadNode(uint32_t level, uint64_t index);

  // ReadNode of this object, which must outlive it.
  NodeReader Reader();

  // The entries that tile `index` of level 0 covers, below `size`. Errors as ReadNode.
  absl::StatusOr<std::vector<std::string>> ReadBundle(uint64_t index);

 private:
  absl::StatusOr<std::string> ReadTileFile(Tile& tile);
  absl::StatusOr<const std::vector<Hash>*> ReadHashes(uint32_t level, uint64_t index);

  LogSource& source_;
  uint64_t size_;
  std::map<std::pair<uint32_t, uint64_t>, std::vector<Hash>> tiles_;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_LOG_SOURCE_H_
