// SPDX-License-Identifier: Apache-2.0
// Reads and verifies an exported log: a directory in the form of c2sp.org/tlog-tiles.
//   checkpoint                       the signed note
//   tile/entries/<N>[.p/<W>]         entry bundles
//   tile/<L>/<N>[.p/<W>]             tiles of every level
// All that the checkpoint covers must be there: the partial tiles of its size, or the full ones
// that have replaced them since. Files beyond the checkpoint are not looked at. Needs public keys
// only. Holds a few bundles at a time, whatever the log's size. Thread-safe.
#ifndef KLUIS_AUDIT_LOG_LOG_DIRECTORY_H_
#define KLUIS_AUDIT_LOG_LOG_DIRECTORY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/log/verify_log.h"
#include "audit/verifier_key.h"
#include "crypto/file_system.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// A checkpoint that somebody kept, to be compared with.
struct OlderCheckpoint {
  std::string name;  // for messages, such as its file
  std::string note;
};

struct VerifyOptions {
  std::vector<VerifierKey> witnesses;  // of type 04
  size_t quorum = 0;                   // how many of them must have cosigned
  std::vector<OlderCheckpoint> since;  // the log must extend each of them
  size_t threads = 0;                  // 0: as many as the machine has cores
  // Told how many entries of how many are verified, by the thread that called.
  std::function<void(uint64_t done, uint64_t size)> progress;
  // Shown each well-formed entry, in order, by the thread that called, as the log is read; what it
  // saw is the log's only when Verify says OK in the end.
  std::function<void(uint64_t index, const v1::Entry& entry)> visit;
};

// kInvalidArgument: a witness's key that is not of type 04 or is there twice, or a quorum above
// their number.
absl::Status CheckOptions(const VerifyOptions& options);

// What a verified log holds.
struct DirectoryReport {
  Checkpoint checkpoint;
  LogReport log;
  uint64_t refused = 0;                       // entries whose decision was a refusal
  std::map<std::string, uint64_t> by_kind;    // "COMBINATION" -> entries
  std::map<std::string, uint64_t> by_reason;  // of refused entries
  std::vector<std::string> cosigned_by;       // names of the witnesses
  std::vector<uint64_t> extends;              // sizes of VerifyOptions::since, ascending
};

class LogDirectory {
 public:
  // `path` is the directory; nothing is read yet. `files` must outlive this object and, unless
  // Verify is told to use one thread, be thread-safe.
  explicit LogDirectory(std::string path, crypto::FileSystem& files = crypto::RealFileSystem());

  // Verifies the checkpoint, its cosignatures, every entry and every tile under it, and that the
  // log extends each of `since`; then each entry's form (version 1, a decision, a kind) and that
  // decision times never step back but where an order of supervisors set them. The message names
  // the first entry or the file that differs; where only a root does, both roots; where a size
  // does, both sizes. kNotFound: no checkpoint. kDataLoss: anything missing or different, or too
  // few cosignatures. kInvalidArgument: as OpenCheckpoint and CheckOptions.
  absl::StatusOr<DirectoryReport> Verify(const VerifierKey& key,
                                         const VerifyOptions& options = {}) const;

  // Entry `index` in a log of the size that the checkpoint claims, compared with its leaf hash;
  // neither signature nor root is verified. kOutOfRange: `index` is not below the size. kNotFound,
  // kDataLoss: as Verify.
  absl::StatusOr<v1::Entry> ReadEntry(uint64_t index) const;

 private:
  absl::StatusOr<std::string> ReadNote() const;

  std::string path_;
  crypto::FileSystem& files_;
};

// `bytes` as the entry at `index` must be. kDataLoss: not an Entry of version 1 with a decision and
// a known kind; the message names the index.
absl::StatusOr<v1::Entry> DecodeEntry(std::string_view bytes, uint64_t index);

// For people, ends with "verified: N entries under the signed root\n"; and one JSON object.
std::string ReportText(const DirectoryReport& report);
std::string ReportJson(const DirectoryReport& report);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_LOG_DIRECTORY_H_
