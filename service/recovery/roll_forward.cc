// SPDX-License-Identifier: Apache-2.0
#include "service/recovery/roll_forward.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/checkpoint.h"
#include "audit/log/bundle_check.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/tiles.h"
#include "base/codec.h"
#include "crypto/file_system.h"
#include "policy/record_key.h"
#include "service/ledger/log_rows.h"
#include "service/ledger/state_summary.h"
#include "service/recovery/restored_rows.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

// A checkpoint of this log, and the file it is in.
struct Signed {
  std::string where;
  audit::Checkpoint checkpoint;
};

absl::StatusOr<std::optional<Signed>> ReadSigned(const std::string& path,
                                                 const audit::VerifierKey& key) {
  const absl::StatusOr<std::string> note =
      crypto::RealFileSystem().Read(path, audit::kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return std::nullopt;
  if (!note.ok()) return note.status();
  const auto opened = audit::OpenCheckpoint(*note, key.name(), {&key, 1});
  if (!opened.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not a checkpoint of this log: ", opened.status().message()));
  }
  return Signed{path, opened->checkpoint};
}

// What was signed, by size.
absl::StatusOr<std::vector<Signed>> ReadAllSigned(const PublishedLog& log) {
  std::vector<Signed> all;
  for (const std::string& path : {log.anchor, log.directory + "/checkpoint"}) {
    absl::StatusOr<std::optional<Signed>> found = ReadSigned(path, log.key);
    if (!found.ok()) return found.status();
    if (found->has_value()) {
      all.push_back(**std::move(found));
    } else if (path == log.anchor) {
      return absl::FailedPreconditionError(absl::StrCat("audit.anchor: ", path,
                                                        " is missing: put it back, or the newest ",
                                                        "checkpoint that a witness holds"));
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Signed& a, const Signed& b) {
    return a.checkpoint.size < b.checkpoint.size;
  });
  return all;
}

absl::Status OtherRoot(uint64_t from, const Signed& expected) {
  return absl::DataLossError(absl::StrCat(
      "log: the database's ", from, " entries and the published ones after them do not lead to ",
      "the root at ", expected.checkpoint.size, " that was signed (", expected.where, ")"));
}

// An entry whose changes this version knows how to apply.
absl::StatusOr<v1::Entry> ReadEntry(std::string_view bytes, uint64_t index) {
  v1::Entry entry;
  const absl::Status parsed = audit::ParseEntry(bytes, index, entry);
  if (!parsed.ok()) return parsed;
  for (const v1::RecordChange& change : entry.changes()) {
    if (policy::Apply(change).key.empty()) {
      return absl::DataLossError(
          absl::StrCat("entry ", index, ": has a change that this version does not know"));
    }
  }
  return entry;
}

// The published entries from the database's size to the last one signed.
class Gap {
 public:
  Gap(storage::Database& database, const PublishedLog& log, std::vector<Signed> all_signed,
      audit::MerkleFrontier frontier)
      : database_(database),
        tiles_(crypto::RealFileSystem(), log.directory),
        signed_(std::move(all_signed)),
        start_(std::move(frontier)),
        end_(signed_.back().checkpoint.size) {}

  // That the database is an older copy, and that the entries after it lead to what was signed.
  absl::Status Verify() {
    audit::MerkleFrontier frontier = start_;
    size_t next = 0;  // of signed_
    for (; next < signed_.size() && signed_[next].checkpoint.size <= start_.size(); ++next) {
      const audit::Checkpoint& older = signed_[next].checkpoint;
      const auto root = audit::RangeRoot(0, older.size, NodesOf(database_));
      if (!root.ok()) return root.status();
      if (*root != older.root) return OtherRoot(start_.size(), signed_[next]);
    }
    return ForEachBundle([&](const audit::Bundle& bundle, size_t first) -> absl::Status {
      roots_.push_back(audit::RootOf(bundle.leaves()));
      for (size_t i = first; i < bundle.size() && frontier.size() < end_; ++i) {
        const auto entry = ReadEntry(bundle.entry(i), frontier.size());
        if (!entry.ok()) return entry.status();
        frontier.Append(bundle.leaves()[i]);
        for (; next < signed_.size() && signed_[next].checkpoint.size == frontier.size(); ++next) {
          if (signed_[next].checkpoint.root == frontier.Root()) continue;
          return OtherRoot(start_.size(), signed_[next]);
        }
      }
      return absl::OkStatus();
    });
  }

  // A bundle in a batch, so that a crash leaves a shorter log and the state that belongs to it.
  absl::Status Append() {
    audit::MerkleFrontier frontier = start_;
    size_t read = 0;  // of roots_
    return ForEachBundle([&](const audit::Bundle& bundle, size_t first) -> absl::Status {
      if (audit::RootOf(bundle.leaves()) != roots_[read++]) {
        return absl::DataLossError("log: a published bundle changed while it was read");
      }
      storage::Batch batch;
      for (size_t i = first; i < bundle.size() && frontier.size() < end_; ++i) {
        const uint64_t at = frontier.size();
        const absl::Status added =
            Add(bundle.entry(i), at, frontier.Append(bundle.leaves()[i]), batch);
        if (!added.ok()) return added;
      }
      batch.Put(Column::kLog, storage::LogSizeKey(), storage::EncodeU64(frontier.size()));
      return database_.Write(std::move(batch)).status();
    });
  }

  uint64_t end() const { return end_; }

 private:
  // `visit` sees each bundle and where in it the entries begin that the database does not have.
  absl::Status ForEachBundle(
      const std::function<absl::Status(const audit::Bundle&, size_t first)>& visit) const {
    for (uint64_t at = start_.size(); at < end_;) {
      const uint64_t index = at / audit::kTileWidth;
      const absl::StatusOr<audit::Bundle> bundle = audit::Bundle::Read(tiles_, index, end_);
      if (!bundle.ok()) return bundle.status();
      const absl::Status visited = visit(*bundle, at % audit::kTileWidth);
      if (!visited.ok()) return visited;
      at = (index + 1) * audit::kTileWidth;
    }
    return absl::OkStatus();
  }

  static absl::Status Add(std::string_view bytes, uint64_t index,
                          const std::vector<audit::Node>& nodes, storage::Batch& batch) {
    const absl::StatusOr<v1::Entry> entry = ReadEntry(bytes, index);
    if (!entry.ok()) return entry.status();
    batch.Put(Column::kLog, storage::EntryKey(index), bytes);
    for (const audit::Node& node : nodes) {
      batch.Put(Column::kLog, storage::NodeKey(static_cast<uint8_t>(node.level), node.index),
                crypto::Bytes(node.hash));
    }
    for (const v1::RecordChange& change : entry->changes()) {
      const policy::RecordWrite write = policy::Apply(change);
      if (write.value.has_value()) {
        batch.Put(Column::kState, write.key, *write.value);
      } else {
        batch.Delete(Column::kState, write.key);
      }
    }
    return absl::OkStatus();
  }

  storage::Database& database_;
  const audit::TileFiles tiles_;
  const std::vector<Signed> signed_;
  const audit::MerkleFrontier start_;
  const uint64_t end_;
  std::vector<crypto::Hash> roots_;  // of the bundles that were verified
};

// The last entry under every signed checkpoint has the digest of the state.
absl::Status CheckState(const storage::Database& database, uint64_t size) {
  const auto last = database.Get(Column::kLog, storage::EntryKey(size - 1));
  if (!last.ok()) return last.status();
  v1::Entry entry;
  if (!last->has_value() || !entry.ParseFromString(**last)) {
    return absl::DataLossError("log: the last entry is damaged");
  }
  const absl::StatusOr<StateSummary> state = Summarize(database);
  if (!state.ok()) return state.status();
  const crypto::Hash digest = state->digest.Value();
  if (entry.command().close_checkpoint().state_digest() == crypto::Bytes(digest)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("state: is not the one that the ", size,
                                          " entries make; the backup was edited or damaged"));
}

}  // namespace

absl::StatusOr<RolledForward> RollForward(storage::Database& database, const PublishedLog& log) {
  absl::StatusOr<std::vector<Signed>> all_signed = ReadAllSigned(log);
  if (!all_signed.ok()) return all_signed.status();
  const absl::StatusOr<uint64_t> from = LogSizeIn(database);
  if (!from.ok()) return from.status();
  absl::StatusOr<audit::MerkleFrontier> frontier =
      audit::MerkleFrontier::Restore(*from, NodesOf(database));
  if (!frontier.ok()) return frontier.status();

  Gap gap(database, log, *std::move(all_signed), *std::move(frontier));
  absl::Status status = gap.Verify();
  if (status.ok()) status = gap.Append();
  if (!status.ok()) return status;
  RolledForward rolled;
  rolled.from_size = *from;
  rolled.to_size = std::max(*from, gap.end());
  if (rolled.to_size == gap.end()) status = CheckState(database, rolled.to_size);
  if (!status.ok()) return status;
  const absl::StatusOr<uint64_t> removed = RemoveErasedRows(database);
  if (!removed.ok()) return removed.status();
  rolled.removed_rows = *removed;
  absl::StatusOr<LostRows> lost = FindLostRows(database);
  if (!lost.ok()) return lost.status();
  rolled.lost_templates = std::move(lost->templates);
  rolled.lost_subjects = std::move(lost->subjects);
  status = database.Flush();
  if (!status.ok()) return status;
  return rolled;
}

}  // namespace kluis::service
