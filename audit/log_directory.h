// Reads and verifies an exported log: a directory in the form of c2sp.org/tlog-tiles.
//   checkpoint                       the signed note
//   tile/entries/<N>[.p/<W>]         entry bundles: all that the checkpoint covers
//   tile/0/<N>[.p/<W>]               leaf hashes; where they are there, they tell which entry
//   differs
// Files beyond the checkpoint (of other sizes, higher levels) are not looked at. Needs public keys
// only. Holds one bundle at a time, whatever the log's size. An object belongs to one thread.
#ifndef KLUIS_AUDIT_LOG_DIRECTORY_H_
#define KLUIS_AUDIT_LOG_DIRECTORY_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/tiles.h"
#include "audit/verifier_key.h"
#include "audit/verify_log.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// What a verified log holds.
struct DirectoryReport {
  Checkpoint checkpoint;
  LogReport log;
  uint64_t refused = 0;                       // entries whose decision was a refusal
  std::map<std::string, uint64_t> by_kind;    // "COMBINATION" -> entries
  std::map<std::string, uint64_t> by_reason;  // of refused entries
};

class LogDirectory {
 public:
  // `path` is the directory; nothing is read yet.
  explicit LogDirectory(std::string path);

  // The checkpoint, verified under `key`, whose name is the log's origin. kNotFound: no checkpoint.
  // kInvalidArgument, kDataLoss: as OpenCheckpoint.
  absl::StatusOr<Checkpoint> ReadCheckpoint(const VerifierKey& key) const;

  // Verifies the checkpoint and every entry under it: the recomputed root, each entry's form
  // (version 1, a decision, a kind) and that decision times never step back. The message names the
  // first index that differs, or the sizes, where they can be known: a changed entry has an index
  // when the directory has its leaf hash, else only the root differs.
  // kNotFound: no checkpoint. kDataLoss: anything missing or different. kInvalidArgument: as
  // OpenCheckpoint.
  absl::StatusOr<DirectoryReport> Verify(const VerifierKey& key) const;

  // Entry `index` in a log of the size that the checkpoint claims; neither signature nor root is
  // verified. kOutOfRange: `index` is not below the size. kNotFound, kDataLoss: as Verify.
  absl::StatusOr<v1::Entry> ReadEntry(uint64_t index) const;

 private:
  // The entries of bundle `index` in a log of `size`, compared with their leaf hashes if present.
  absl::StatusOr<std::vector<std::string>> ReadBundle(uint64_t index, uint64_t size) const;
  absl::Status CompareWithLeaves(const Tile& bundle, const std::vector<std::string>& entries) const;
  // The file of `tile`, or of the full tile that has replaced it since. kNotFound: neither.
  absl::StatusOr<std::string> ReadTile(const Tile& tile, Tile& found) const;

  std::string path_;
};

// `bytes` as the entry at `index` must be. kDataLoss: not an Entry of version 1 with a decision and
// a known kind; the message names the index.
absl::StatusOr<v1::Entry> DecodeEntry(std::string_view bytes, uint64_t index);

// For people, ends with "verified: N entries under the signed root\n"; and one JSON object.
std::string ReportText(const DirectoryReport& report);
std::string ReportJson(const DirectoryReport& report);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_DIRECTORY_H_
