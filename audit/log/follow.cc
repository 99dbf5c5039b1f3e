// SPDX-License-Identifier: Apache-2.0
#include "audit/log/follow.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/log/bundle_check.h"
#include "audit/log/log_directory.h"
#include "audit/note.h"
#include "audit/proofs.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

std::string RootText(const Checkpoint& checkpoint) {
  return base::ToBase64(crypto::Bytes(checkpoint.root));
}

Comparison Fork(const Checkpoint& older, const Checkpoint& newer) {
  return {Relation::kFork,
          absl::StrCat("fork: size ", older.size, " had root ", RootText(older), ", size ",
                       newer.size, " with root ", RootText(newer), " does not extend it")};
}

Look Failed(Sight sight, std::string detail) {
  Look look;
  look.sight = sight;
  look.detail = std::move(detail);
  return look;
}

}  // namespace

Comparison CompareCheckpoints(const Checkpoint& older, const Checkpoint& newer,
                              LogSource& newer_log) {
  if (older.size == newer.size) {
    return older.root == newer.root ? Comparison{} : Fork(older, newer);
  }
  if (newer.size < older.size) {
    return {Relation::kShrank,
            absl::StrCat("shrunk: from ", older.size, " entries to ", newer.size)};
  }
  if (older.size == 0) {
    return older.root == EmptyRoot() ? Comparison{Relation::kGrew, ""} : Fork(older, newer);
  }
  PublishedTiles tiles(newer_log, newer.size);
  const absl::StatusOr<std::vector<Hash>> proof =
      ProveConsistency(older.size, newer.size, tiles.Reader());
  if (!proof.ok()) {
    return {absl::IsUnavailable(proof.status()) ? Relation::kUnreached : Relation::kUnproven,
            std::string(proof.status().message())};
  }
  const absl::Status consistent =
      VerifyConsistency(older.size, older.root, newer.size, newer.root, *proof);
  if (consistent.ok()) return {Relation::kGrew, ""};
  // A fork only when the tiles are the newer log's: when they prove another tree of the older size.
  const absl::StatusOr<MerkleFrontier> other = MerkleFrontier::Restore(older.size, tiles.Reader());
  if (!other.ok() ||
      !VerifyConsistency(older.size, other->Root(), newer.size, newer.root, *proof).ok()) {
    return {Relation::kUnproven,
            absl::StrCat("the tiles do not lead to the signed root of size ", newer.size)};
  }
  return Fork(older, newer);
}

absl::StatusOr<v1::Entry> ReadLastEntry(const Checkpoint& checkpoint, LogSource& log) {
  if (checkpoint.size == 0) return absl::InvalidArgumentError("checkpoint: of an empty log");
  const uint64_t last = checkpoint.size - 1;
  PublishedTiles tiles(log, checkpoint.size);
  const absl::StatusOr<std::vector<std::string>> bundle = tiles.ReadBundle(last / kTileWidth);
  if (!bundle.ok()) return bundle.status();
  const absl::StatusOr<std::vector<Hash>> proof =
      ProveInclusion(last, checkpoint.size, tiles.Reader());
  if (!proof.ok()) return proof.status();
  const absl::Status included =
      VerifyInclusion(LeafHash(bundle->back()), last, checkpoint.size, *proof, checkpoint.root);
  if (!included.ok()) {
    return absl::DataLossError(absl::StrCat("entry ", last, ": not under the signed root"));
  }
  return DecodeEntry(bundle->back(), last);
}

absl::StatusOr<std::map<std::string, uint64_t>> CountAdded(const Checkpoint& older,
                                                           const Checkpoint& newer,
                                                           LogSource& newer_log) {
  PublishedTiles tiles(newer_log, newer.size);
  absl::StatusOr<MerkleFrontier> tree = MerkleFrontier::Restore(older.size, tiles.Reader());
  if (!tree.ok()) return tree.status();
  if (tree->Root() != older.root) {
    return absl::DataLossError(absl::StrCat("the tiles do not lead to the root at ", older.size));
  }
  std::map<std::string, uint64_t> kinds;
  while (tree->size() < newer.size) {
    const absl::StatusOr<std::vector<std::string>> bundle =
        tiles.ReadBundle(tree->size() / kTileWidth);
    if (!bundle.ok()) return bundle.status();
    for (size_t i = tree->size() % kTileWidth; i < bundle->size(); ++i) {
      const absl::StatusOr<v1::Entry> entry = DecodeEntry((*bundle)[i], tree->size());
      if (!entry.ok()) return entry.status();
      ++kinds[KindWord(entry->kind())];
      tree->Append(LeafHash((*bundle)[i]));
    }
  }
  if (tree->Root() != newer.root) {
    return absl::DataLossError(
        absl::StrCat("the entries from ", older.size, " on do not lead to the signed root"));
  }
  return kinds;
}

Follower::Follower(LogSource& log, VerifierKey key, int64_t max_age_seconds,
                   std::vector<VerifierKey> witnesses, size_t quorum)
    : log_(log),
      key_(std::move(key)),
      max_age_seconds_(max_age_seconds),
      witnesses_(std::move(witnesses)),
      quorum_(quorum) {}

absl::Status Follower::Resume(std::string_view note, int64_t seen_at) {
  const std::array keys = {key_};
  absl::StatusOr<OpenedCheckpoint> opened = OpenCheckpoint(note, key_.name(), keys);
  if (!opened.ok()) return opened.status();
  note_ = std::string(note);
  last_ = std::move(opened->checkpoint);
  seen_at_ = seen_at;
  closed_at_ = 0;
  return absl::OkStatus();
}

Look Follower::LookAgain(int64_t now) {
  const absl::StatusOr<std::string> note = log_.Read("checkpoint", kMaxNoteBytes);
  Look look;
  if (note.ok()) {
    look = Judge(*note, now);
  } else {
    const bool there = absl::IsDataLoss(note.status());
    look.sight = there ? Sight::kBad : Sight::kUnreachable;
    look.detail = std::string(note.status().message());
  }
  look.checkpoint = last_;
  look.closed_at = closed_at_;
  const bool well =
      look.sight == Sight::kFirst || look.sight == Sight::kUnchanged || look.sight == Sight::kGrew;
  if (well && max_age_seconds_ > 0 && Age(now) > max_age_seconds_) {
    look.sight = Sight::kStopped;
    look.detail = absl::StrCat("stopped: no newer checkpoint for ", Age(now), " s");
  }
  return look;
}

Look Follower::Judge(const std::string& note, int64_t now) {
  const absl::StatusOr<CosignedCheckpoint> opened = OpenCosigned(note, key_, witnesses_, quorum_);
  if (!opened.ok()) {
    return Failed(Sight::kBad, absl::StrCat("checkpoint: ", opened.status().message()));
  }
  const Checkpoint& newer = opened->checkpoint;
  Look look;
  look.sight = Sight::kFirst;
  if (last_) {
    Comparison compared = CompareCheckpoints(*last_, newer, log_);
    look.detail = std::move(compared.detail);
    switch (compared.relation) {
      case Relation::kSame:
        look.sight = Sight::kUnchanged;
        break;
      case Relation::kGrew:
        look.sight = Sight::kGrew;
        look.added = newer.size - last_->size;
        break;
      case Relation::kFork:
        look.sight = Sight::kFork;
        return look;
      case Relation::kShrank:
        look.sight = Sight::kShrank;
        return look;
      case Relation::kUnproven:
        look.sight = Sight::kBad;
        return look;
      case Relation::kUnreached:
        look.sight = Sight::kUnreachable;
        return look;
    }
  }
  int64_t closed_at = closed_at_;
  const bool asks = look.sight != Sight::kUnchanged || closed_at_ == 0;
  if (asks && newer.size > 0) {
    const absl::StatusOr<v1::Entry> last = ReadLastEntry(newer, log_);
    if (!last.ok()) {
      const bool silent = absl::IsUnavailable(last.status());
      return Failed(silent ? Sight::kUnreachable : Sight::kBad,
                    std::string(last.status().message()));
    }
    closed_at = last->decided_at();
  }
  closed_at_ = closed_at;
  if (look.sight == Sight::kUnchanged) return look;  // also with other cosignatures below it
  seen_at_ = now;
  last_ = newer;
  note_ = note;
  return look;
}

// By the log's own time, and by ours: a vault with a fast clock could stretch its own.
int64_t Follower::Age(int64_t now) const {
  return std::max(now - seen_at_, closed_at_ > 0 ? now - closed_at_ : 0);
}

}  // namespace kluis::audit
