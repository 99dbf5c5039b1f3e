// SPDX-License-Identifier: Apache-2.0
#include "audit/log/log_directory.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "audit/log/bundle_check.h"
#include "audit/log/in_order.h"
#include "audit/log/tile_edge.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/tiles.h"
#include "audit/visible_text.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

std::string Hex(const Hash& hash) { return base::ToHex(crypto::Bytes(hash)); }

absl::Status In(const std::string& name, const absl::Status& failure) {
  return absl::Status(failure.code(), absl::StrCat(name, ": ", failure.message()));
}

struct Older {
  std::string name;
  Checkpoint checkpoint;
};

// The older checkpoints by size. kDataLoss: one of them is larger than the log.
absl::StatusOr<std::vector<Older>> OpenOlder(const VerifyOptions& options, const VerifierKey& key,
                                             uint64_t size) {
  std::vector<Older> all;
  for (const OlderCheckpoint& kept : options.since) {
    absl::StatusOr<OpenedCheckpoint> opened = OpenCheckpoint(kept.note, key.name(), {&key, 1});
    if (!opened.ok()) return In(kept.name, opened.status());
    if (opened->checkpoint.size > size) {
      return absl::DataLossError(absl::StrCat(kept.name, ": the log had ", opened->checkpoint.size,
                                              " entries then, and has ", size, " now"));
    }
    all.push_back({kept.name, std::move(opened->checkpoint)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Older& a, const Older& b) {
    return a.checkpoint.size < b.checkpoint.size;
  });
  return all;
}

// Takes bundles in order and follows the tree above them.
class TreeCheck {
 public:
  TreeCheck(const TileFiles& files, const Checkpoint& checkpoint, std::vector<Older> older)
      : files_(files), checkpoint_(checkpoint), older_(std::move(older)) {}

  // The leaf hashes of the next bundle; `root` is their root.
  absl::Status Add(const std::vector<Hash>& leaves, const Hash& root) {
    const absl::Status extends = CompareOlder(leaves);
    if (!extends.ok()) return extends;
    if (leaves.size() < kTileWidth) {
      tail_ = leaves;
      return absl::OkStatus();
    }
    for (const TileEdge::FullTile& full : edge_.AppendBundle(root)) {
      const absl::Status same = files_.Compare(full.tile, full.hashes);
      if (!same.ok()) return same;
    }
    return absl::OkStatus();
  }

  // Compares what is left: partial tiles, and the checkpoint's root. Returns the root.
  absl::StatusOr<Hash> Finish() {
    const absl::Status extends = CompareOlder({});  // of an empty log
    if (!extends.ok()) return extends;
    for (uint32_t level = 1; level < kTileLevels; ++level) {
      const std::vector<Hash>& hashes = edge_.Partial(level);
      if (hashes.empty()) continue;
      const absl::Status same = files_.Compare(NewestTile(level, checkpoint_.size), hashes);
      if (!same.ok()) return same;
    }
    const Hash root = edge_.Root(tail_);
    if (root == checkpoint_.root) return root;
    return absl::DataLossError(absl::StrCat("log: root of ", checkpoint_.size, " entries is ",
                                            Hex(root), ", the checkpoint says ",
                                            Hex(checkpoint_.root)));
  }

 private:
  // Of the older checkpoints those that end before or in a bundle of these leaves.
  absl::Status CompareOlder(std::span<const Hash> leaves) {
    for (; next_ < older_.size(); ++next_) {
      const Checkpoint& old = older_[next_].checkpoint;
      if (old.size > edge_.size() + leaves.size()) break;
      const Hash root = edge_.Root(leaves.first(old.size - edge_.size()));
      if (root == old.root) continue;
      return absl::DataLossError(absl::StrCat(older_[next_].name, ": its root at size ", old.size,
                                              " is ", Hex(old.root), ", but in this log of size ",
                                              checkpoint_.size, " the first ", old.size,
                                              " entries have the root ", Hex(root)));
    }
    return absl::OkStatus();
  }

  const TileFiles& files_;
  const Checkpoint& checkpoint_;
  const std::vector<Older> older_;
  size_t next_ = 0;  // of older_
  TileEdge edge_;
  std::vector<Hash> tail_;  // the leaves of the last bundle, when it is partial
};

// What a worker finds out about one bundle.
struct Findings {
  std::vector<Hash> leaves;
  Hash root{};  // of `leaves`
  EntryCounts counts;
  std::optional<Bundle> bundle;  // only where somebody looks at the entries
};

// Shows `visit` the entries of `bundle`; those that are none are left out: CountEntries names them.
void VisitEntries(const Bundle& bundle,
                  const std::function<void(uint64_t index, const v1::Entry& entry)>& visit) {
  v1::Entry entry;
  for (size_t i = 0; i < bundle.size(); ++i) {
    const uint64_t index = bundle.first_index() + i;
    if (ParseEntry(bundle.entry(i), index, entry).ok()) visit(index, entry);
  }
}

}  // namespace

absl::Status CheckOptions(const VerifyOptions& options) {
  std::set<crypto::PublicKey> seen;
  for (const VerifierKey& witness : options.witnesses) {
    if (witness.type() != KeyType::kEd25519Cosignature) {
      return absl::InvalidArgumentError("witness: must be a witness's key, of type 04");
    }
    // One witness under two names would be counted twice.
    if (!seen.insert(witness.key()).second) {
      return absl::InvalidArgumentError("witness: the same key twice");
    }
  }
  if (options.quorum <= options.witnesses.size()) return absl::OkStatus();
  return absl::InvalidArgumentError("quorum: is above the number of witnesses");
}

LogDirectory::LogDirectory(std::string path, crypto::FileSystem& files)
    : path_(std::move(path)), files_(files) {}

absl::StatusOr<std::string> LogDirectory::ReadNote() const {
  absl::StatusOr<std::string> note = files_.Read(path_ + "/checkpoint", kMaxNoteBytes);
  if (note.ok() || absl::IsNotFound(note.status())) return note;
  return absl::DataLossError(note.status().message());
}

absl::StatusOr<DirectoryReport> LogDirectory::Verify(const VerifierKey& key,
                                                     const VerifyOptions& options) const {
  const absl::Status sound = CheckOptions(options);
  if (!sound.ok()) return sound;
  const absl::StatusOr<std::string> note = ReadNote();
  if (!note.ok()) return note.status();
  absl::StatusOr<CosignedCheckpoint> opened =
      OpenCosigned(*note, key, options.witnesses, options.quorum);
  if (!opened.ok()) return In("checkpoint", opened.status());
  const Checkpoint& checkpoint = opened->checkpoint;
  absl::StatusOr<std::vector<Older>> older = OpenOlder(options, key, checkpoint.size);
  if (!older.ok()) return older.status();

  DirectoryReport report{checkpoint, {}, 0, {}, {}, std::move(opened->cosigned_by), {}};
  for (const Older& old : *older) report.extends.push_back(old.checkpoint.size);

  const TileFiles tiles(files_, path_);
  TreeCheck tree(tiles, checkpoint, *std::move(older));
  EntryCounts counts;
  const uint64_t bundles = checkpoint.size / kTileWidth + (checkpoint.size % kTileWidth != 0);
  const size_t threads =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  InOrder<absl::StatusOr<Findings>> findings(
      bundles, threads, [&](uint64_t index) -> absl::StatusOr<Findings> {
        absl::StatusOr<Bundle> bundle = Bundle::Read(tiles, index, checkpoint.size);
        if (!bundle.ok()) return bundle.status();
        Findings found{bundle->leaves(), RootOf(bundle->leaves()), CountEntries(*bundle), {}};
        if (options.visit) found.bundle = *std::move(bundle);
        return found;
      });
  for (uint64_t index = 0; index < bundles; ++index) {
    const absl::StatusOr<Findings> found = findings.Next();
    if (!found.ok()) return found.status();
    const absl::Status same = tree.Add(found->leaves, found->root);
    if (!same.ok()) return same;
    counts.Add(found->counts);
    if (found->bundle.has_value()) VisitEntries(*found->bundle, options.visit);
    report.log.entries += found->leaves.size();
    if (options.progress) options.progress(report.log.entries, checkpoint.size);
  }
  const absl::StatusOr<Hash> root = tree.Finish();
  if (!root.ok()) {
    if (counts.malformed.ok()) return root.status();
    return absl::DataLossError(
        absl::StrCat(counts.malformed.message(), "; ", root.status().message()));
  }
  if (!counts.malformed.ok()) return counts.malformed;
  report.log.root = *root;
  report.refused = counts.refused;
  for (const auto& [kind, count] : counts.by_kind) report.by_kind[KindWord(kind)] = count;
  report.by_reason = std::move(counts.by_reason);
  return report;
}

absl::StatusOr<v1::Entry> LogDirectory::ReadEntry(uint64_t index) const {
  const absl::StatusOr<std::string> note = ReadNote();
  if (!note.ok()) return note.status();
  const absl::StatusOr<Note> parsed = ParseNote(*note);
  if (!parsed.ok()) return parsed.status();
  const absl::StatusOr<Checkpoint> checkpoint = ParseCheckpoint(parsed->text);
  if (!checkpoint.ok()) return checkpoint.status();
  if (index >= checkpoint->size) {
    return absl::OutOfRangeError(
        absl::StrCat("index: must be below the log's size, ", checkpoint->size));
  }
  const absl::StatusOr<Bundle> bundle =
      Bundle::Read(TileFiles(files_, path_), index / kTileWidth, checkpoint->size);
  if (!bundle.ok()) return bundle.status();
  return DecodeEntry(bundle->entry(index % kTileWidth), index);
}

absl::StatusOr<v1::Entry> DecodeEntry(std::string_view bytes, uint64_t index) {
  v1::Entry entry;
  const absl::Status parsed = ParseEntry(bytes, index, entry);
  if (!parsed.ok()) return parsed;
  return entry;
}

std::string ReportText(const DirectoryReport& report) {
  std::string text =
      absl::StrCat("origin    ", report.checkpoint.origin, "\nsize      ", report.checkpoint.size,
                   "\nroot      ", base::ToBase64(crypto::Bytes(report.log.root)), "\nby kind\n");
  for (const auto& [kind, count] : report.by_kind) {
    absl::StrAppend(&text, "  ", count, "  ", kind, "\n");
  }
  absl::StrAppend(&text, "refused   ", report.refused, "\n");
  for (const auto& [reason, count] : report.by_reason) {
    absl::StrAppend(&text, "  ", count, "  ", VisibleText(reason), "\n");
  }
  if (!report.cosigned_by.empty()) {
    absl::StrAppend(&text, "cosigned  ", absl::StrJoin(report.cosigned_by, ", "), "\n");
  }
  if (!report.extends.empty()) {
    absl::StrAppend(&text, "extends   the log of size ", absl::StrJoin(report.extends, ", "), "\n");
  }
  absl::StrAppend(&text, "verified: ", report.log.entries, " entries under the signed root\n");
  return text;
}

std::string ReportJson(const DirectoryReport& report) {
  std::map<std::string, uint64_t> reasons;
  for (const auto& [reason, count] : report.by_reason) reasons[reason] += count;
  return nlohmann::ordered_json{{"verified", true},
                                {"origin", report.checkpoint.origin},
                                {"size", report.checkpoint.size},
                                {"root", base::ToBase64(crypto::Bytes(report.log.root))},
                                {"by_kind", report.by_kind},
                                {"refused", report.refused},
                                {"refused_by_reason", reasons},
                                {"cosigned_by", report.cosigned_by},
                                {"extends", report.extends}}
             .dump() +
         "\n";
}

}  // namespace kluis::audit
