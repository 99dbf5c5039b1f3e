// SPDX-License-Identifier: Apache-2.0
// Publishes the log as a directory that any static web server can serve, and that verifies at its
// checkpoint after a crash anywhere. Source: c2sp.org/tlog-tiles.
//   checkpoint                     the signed note, replaced whole
//   tile/entries/<N>[.p/<W>]       entry bundles
//   tile/<L>/<N>[.p/<W>]           tiles of every level
//   .new                           the file that is being written; removed by the next Open
//
// Each file is written as .new, synced, and renamed; the directories are synced before the
// checkpoint is written. So a file of the log is whole, and the checkpoint covers only what is on
// disk. A partial tile stays until a checkpoint is on disk that covers the full one. Files of a
// size that never got its checkpoint are overwritten, or stay as partial tiles until the full tile.
//
// Files have mode 0644, directories 0755. One object per directory; it belongs to one thread at a
// time. After a failure it is as it was, and the call can be made again.
#ifndef KLUIS_AUDIT_LOG_TILE_WRITER_H_
#define KLUIS_AUDIT_LOG_TILE_WRITER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/log/tile_edge.h"
#include "audit/merkle.h"
#include "audit/tiles.h"
#include "crypto/file_system.h"

namespace kluis::audit {

class TileWriter {
 public:
  // Gives the entry at `index`; it must not change any more.
  using EntryReader = std::function<absl::StatusOr<std::string>(uint64_t index)>;

  // Goes on from the checkpoint in `directory`, whose signatures are not verified: the caller
  // compares size() and root() with what it knows. A directory without a checkpoint starts from 0;
  // a missing one is made. `files` must outlive this object.
  // kDataLoss: the checkpoint is none of `origin`, or the newest tiles do not lead to its root; the
  // message names the file. kInvalidArgument: `origin` is not IsOrigin. kUnavailable: the system
  // refused.
  static absl::StatusOr<std::unique_ptr<TileWriter>> Open(crypto::FileSystem& files,
                                                          std::string directory,
                                                          std::string_view origin);

  // Brings bundles and tiles up to `size` entries, of which it reads [size(), size), and returns
  // the root: recomputed from these entries and the tiles on disk. Costs the new entries and one
  // file per level, whatever the log's size. kInvalidArgument: `size` is below size(), or an entry
  // is over kMaxEntryBytes. kDataLoss: as Check. kUnavailable: the system refused. Errors of `read`
  // are passed on.
  absl::StatusOr<Hash> WriteTiles(uint64_t size, const EntryReader& read);

  // Replaces the checkpoint by `note`, and then removes the partial tiles that full ones have
  // replaced; what cannot be removed is tried again by the next call.
  // kInvalidArgument: `note` is not a checkpoint of the origin at size() and root().
  // kUnavailable: the system refused; which of the two checkpoints is on disk is then open, the
  // call may be made again.
  absl::Status Publish(std::string_view note);

  // Reads the checkpoint and the newest tile of each level. kDataLoss: one is gone, or is not as
  // this object left it; the message names it. kUnavailable: the system refused.
  absl::Status Check() const;

  // Entries that the tiles hold: of the last WriteTiles, or of the checkpoint after Open.
  uint64_t size() const { return size_; }
  // Their root.
  const Hash& root() const { return root_; }
  // The note that was published last; empty before the first one.
  const std::string& checkpoint() const { return checkpoint_; }

 private:
  // A file as it was left.
  struct Left {
    std::string path;
    Hash digest{};  // of its bytes
  };
  // What one WriteTiles has done so far.
  struct Run {
    std::map<uint32_t, Left> newest;
    std::set<std::string> directories;  // to be synced
  };

  TileWriter(crypto::FileSystem& files, std::string directory, std::string_view origin);

  absl::Status ReadCheckpoint();
  // Reads and compares the newest tiles at size().
  absl::Status ReadNewestTiles();
  absl::StatusOr<std::vector<Hash>> ReadNewestTile(uint32_t level);
  absl::StatusOr<std::string> ReadTile(const Tile& tile) const;
  absl::StatusOr<std::string> ReadAsLeft(const Left& left) const;

  absl::Status WritePartials(const TileEdge& edge, const std::vector<std::string>& bundle,
                             Run& run);
  absl::Status WriteBundle(uint64_t index, const std::vector<std::string>& entries, Run& run);
  absl::Status WriteTile(const Tile& tile, const std::vector<Hash>& hashes, Run& run);
  absl::Status Write(const Tile& tile, const std::string& bytes, Run& run);
  // `path` is new or replaced; its directory is not synced yet.
  absl::Status Place(const std::string& path, std::string_view bytes);
  absl::Status MakeDirectory(const std::string& path);

  // Removes the partial tiles of those that became full between the two sizes.
  absl::Status RemoveReplaced(uint64_t from, uint64_t size);
  absl::Status RemovePartials(const Tile& full);
  // Finds what a crash left of them near the newest tiles.
  void RemoveLeftovers();

  std::string PathOf(const Tile& tile) const;

  crypto::FileSystem& files_;
  const std::string directory_;
  const std::string origin_;
  uint64_t size_ = 0;
  Hash root_ = EmptyRoot();
  std::string checkpoint_;
  std::map<uint32_t, Left> newest_;           // by level, and kTileLevels for the bundle
  uint64_t cleaned_ = 0;                      // size up to which RemoveReplaced is done
  std::set<std::string> synced_directories_;  // whose names are known to be on disk
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_TILE_WRITER_H_
