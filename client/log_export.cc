// SPDX-License-Identifier: Apache-2.0
#include "client/log_export.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/log/tile_writer.h"
#include "crypto/file_system.h"

namespace kluis::client {
namespace {

constexpr uint64_t kEntriesAtOnce = 4096;
constexpr size_t kMaxKeyBytes = 1024;

// Entries by rising index, fetched some thousand at a time.
class Fetcher {
 public:
  Fetcher(Session& session, uint64_t end, const std::function<void(uint64_t)>& progress)
      : session_(session), end_(end), progress_(progress) {}

  absl::StatusOr<std::string> Entry(uint64_t index) {
    if (index < first_ || index >= first_ + entries_.size()) {
      const absl::Status fetched = Fetch(index);
      if (!fetched.ok()) return fetched;
    }
    return entries_[index - first_];
  }

 private:
  absl::Status Fetch(uint64_t index) {
    entries_.clear();
    first_ = index;
    if (progress_) progress_(index);
    return ReadEntries(session_, index, std::min(end_, index + kEntriesAtOnce),
                       [&](uint64_t, const std::string& entry) {
                         entries_.push_back(entry);
                         return absl::OkStatus();
                       });
  }

  Session& session_;
  const uint64_t end_;
  const std::function<void(uint64_t)>& progress_;
  uint64_t first_ = 0;
  std::vector<std::string> entries_;
};

absl::Status NotThisLog(const std::string& directory, std::string_view why) {
  return absl::DataLossError(
      absl::StrCat(directory, ": is not an earlier export of this log: ", std::string(why)));
}

// The log's key beside the log. A directory keeps the key it has.
absl::Status KeepKey(crypto::FileSystem& files, const std::string& directory,
                     const std::string& key) {
  const std::string path = directory + "/vkey";
  const absl::StatusOr<std::string> kept = files.Read(path, kMaxKeyBytes);
  if (kept.ok() && *kept == key) return absl::OkStatus();
  if (kept.ok()) return NotThisLog(directory, "its vkey is another");
  if (!absl::IsNotFound(kept.status())) return kept.status();
  return crypto::ReplaceReadable(files, path, key);
}

}  // namespace

absl::StatusOr<uint64_t> ExportLog(Session& session, const LogHead& head,
                                   const std::string& directory,
                                   const std::function<void(uint64_t)>& progress) {
  crypto::FileSystem& files = crypto::RealFileSystem();
  const auto writer = audit::TileWriter::Open(files, directory, head.checkpoint.origin);
  if (!writer.ok()) return writer.status();
  const absl::Status keyed = KeepKey(files, directory, head.key.ToString() + "\n");
  if (!keyed.ok()) return keyed;
  const uint64_t before = (*writer)->size();
  const uint64_t size = head.checkpoint.size;
  if (before > size) {
    return NotThisLog(directory,
                      absl::StrCat("it has ", before, " entries, the vault's log has ", size));
  }

  Fetcher fetcher(session, size, progress);
  const absl::StatusOr<audit::Hash> root = (*writer)->WriteTiles(
      size, [&](uint64_t index) -> absl::StatusOr<std::string> { return fetcher.Entry(index); });
  if (!root.ok()) return root.status();
  if (*root != head.checkpoint.root) {
    if (before > 0) return NotThisLog(directory, "with it, the entries lead to another root");
    return absl::DataLossError("log: the entries do not lead to the checkpoint's root");
  }
  const absl::Status published = (*writer)->Publish(head.note);
  if (!published.ok()) return published;
  if (progress) progress(size);
  return before;
}

}  // namespace kluis::client
