// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/replay.h"

#include <algorithm>
#include <array>
#include <deque>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/checkpoint.h"
#include "audit/log/bundle_check.h"
#include "audit/log/log_source.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/replay/completeness.h"
#include "audit/replay/decisions.h"
#include "audit/replay/details.h"
#include "audit/replay/state.h"
#include "audit/replay/work_pool.h"
#include "audit/tiles.h"
#include "audit/witness/cosignature.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

constexpr uint64_t kBundlesAhead = 8;  // read and prepared before they are due

// The root of a log from the roots of its full bundles, and the leaves of the last one.
class BundleTree {
 public:
  // A full bundle, the next one.
  void Add(const Hash& root) {
    for (const Node& node : upper_.Append(root)) edge_[node.level] = node.hash;
  }

  absl::StatusOr<Hash> RootWith(const std::vector<Hash>& leaves) const {
    constexpr uint32_t kBundleLevel = 8;
    const NodeReader read = [this](uint32_t level, uint64_t) -> absl::StatusOr<Hash> {
      return edge_[level - kBundleLevel];
    };
    absl::StatusOr<MerkleFrontier> frontier =
        MerkleFrontier::Restore(upper_.size() * kTileWidth, read);
    if (!frontier.ok()) return frontier.status();
    for (const Hash& leaf : leaves) frontier->Append(leaf);
    return frontier->Root();
  }

 private:
  MerkleFrontier upper_;         // its leaves are the bundles' roots
  std::array<Hash, 64> edge_{};  // the last complete node of each of its levels
};

class Run {
 public:
  static absl::StatusOr<ReplayReport> Of(const Checkpoint& checkpoint, const VerifierKey& key,
                                         const BundleReader& read, const ReplayOptions& options) {
    absl::StatusOr<std::unique_ptr<ScratchState>> state = ScratchState::Create(options.scratch);
    if (!state.ok()) return state.status();
    Run run(checkpoint, key, read, options, **state);
    const absl::Status done = run.All();
    if (!done.ok()) return done;
    return std::move(run.report_);
  }

 private:
  Run(const Checkpoint& checkpoint, const VerifierKey& key, const BundleReader& read,
      const ReplayOptions& options, ScratchState& state)
      : checkpoint_(checkpoint),
        key_(key),
        read_(read),
        options_(options),
        pool_(options.threads > 0 ? options.threads
                                  : std::max(1u, std::thread::hardware_concurrency())),
        completeness_(state, report_.completeness),
        fold_(state, pool_, report_.state),
        decisions_(state, report_.decisions) {
    report_.checkpoint = checkpoint;
    if (options.details != nullptr) {
      report_.details.emplace();
      details_.emplace(*options.details, state, *report_.details);
    }
  }

  absl::Status All() {
    const uint64_t bundles = (checkpoint_.size + kTileWidth - 1) / kTileWidth;
    std::deque<std::future<absl::StatusOr<PreparedBundle>>> ahead;
    uint64_t next = 0;
    for (uint64_t bundle = 0; bundle < bundles; ++bundle) {
      for (; next < bundles && next < bundle + kBundlesAhead; ++next) {
        ahead.push_back(pool_.Submit(
            [this, next] { return PrepareBundle(read_, next, key_.name(), key_.key(), seen_); }));
      }
      absl::StatusOr<PreparedBundle> prepared = ahead.front().get();
      ahead.pop_front();
      if (!prepared.ok()) {
        report_.integrity.status = absl::DataLossError(prepared.status().message());
        break;
      }
      const absl::Status added = Add(bundle, *prepared);
      if (!added.ok()) return added;
      if (options_.progress) options_.progress(report_.integrity.entries, checkpoint_.size);
      // Its memory is given back by another thread.
      pool_.Submit([spent = std::make_shared<PreparedBundle>(*std::move(prepared))] {});
    }
    return Finish();
  }

  absl::Status Add(uint64_t bundle, const PreparedBundle& prepared) {
    for (size_t i = 0; i < prepared.entries.size(); ++i) {
      const absl::Status added = AddEntry(bundle * kTileWidth + i, prepared.entries[i]);
      if (!added.ok()) return added;
    }
    report_.integrity.entries += prepared.entries.size();
    report_.integrity.entry_bytes += prepared.bytes;
    if (prepared.leaves.empty()) {
      tree_.Add(prepared.root);
      bundle_roots_.push_back(prepared.root);
    } else {
      last_leaves_ = prepared.leaves;
    }
    return absl::OkStatus();
  }

  absl::Status AddEntry(uint64_t index, const PreparedEntry& prepared) {
    absl::Status status = decisions_.Judge(index, prepared);
    if (!status.ok() || !prepared.malformed.empty()) return status;
    const v1::Entry& entry = *prepared.entry;
    status = completeness_.Add(index, entry);
    if (status.ok() && entry.decision().allowed()) status = CheckHead(index, entry.command());
    if (status.ok() && details_.has_value()) status = details_->Judge(index, entry);
    if (!status.ok()) return status;
    for (const PreparedWrite& write : prepared.writes) {
      if (write.key.empty()) continue;  // a change without content, which Judge refused
      status = fold_.Apply(write.key, write.value);
      if (!status.ok()) return status;
    }
    if (entry.command().has_close_checkpoint() && entry.decision().allowed()) {
      fold_.Compare(index, entry.command().close_checkpoint());
    }
    return absl::OkStatus();
  }

  // An order about the clock is for one head, and witnesses cosign one: it must be one that this
  // log had since the last such entry.
  absl::Status CheckHead(uint64_t index, const v1::Command& command) {
    if (command.has_confirm_clock()) {
      const v1::ClockOrder& order = command.confirm_clock().order();
      return CheckHead(index, order.size(), order.root());
    }
    if (command.has_set_clock_back()) {
      const v1::ClockSetBackOrder& order = command.set_clock_back().order();
      return CheckHead(index, order.size(), order.root());
    }
    if (command.has_witness_clock()) return CheckWitnessed(index, command.witness_clock());
    return absl::OkStatus();
  }

  absl::Status CheckHead(uint64_t index, uint64_t size, const std::string& root) {
    std::string had;
    if (size > head_after_ && size <= index) {
      const absl::StatusOr<Hash> hash = RootAt(size);
      if (!hash.ok()) return hash.status();
      had = base::ToHex(crypto::Bytes(*hash));
    }
    if (had != root) Mismatch(index, "mends the clock for a head that the log did not have then");
    head_after_ = index;
    return absl::OkStatus();
  }

  absl::Status CheckWitnessed(uint64_t index, const v1::WitnessClock& witness) {
    const size_t quorum = std::max<size_t>(options_.quorum, 1);
    const auto opened = OpenCosigned(witness.note(), key_, options_.witnesses, quorum);
    const absl::StatusOr<Note> note = ParseNote(witness.note());
    if (!opened.ok() || !note.ok()) {
      Mismatch(index,
               "takes the time from witnesses that this replay does not know: give their keys");
      return absl::OkStatus();
    }
    std::multiset<int64_t> times;
    for (const VerifierKey& known : options_.witnesses) {
      const auto cosignature = FindCosignature(note->signatures, note->text, known);
      if (cosignature.ok()) times.insert(static_cast<int64_t>(*CosignatureTime(*cosignature)));
    }
    size_t found = 0;
    for (const int64_t time : witness.cosigned_at()) {
      const auto at = times.find(time);
      if (at == times.end()) continue;
      times.erase(at);
      ++found;
    }
    if (found < quorum || found != static_cast<size_t>(witness.cosigned_at_size())) {
      Mismatch(index, "takes the time from witnesses that did not say it");
    }
    return CheckHead(index, opened->checkpoint.size,
                     base::ToHex(crypto::Bytes(opened->checkpoint.root)));
  }

  void Mismatch(uint64_t index, std::string reason) {
    report_.completeness.mismatches.Add({index, "", "", std::move(reason)});
  }

  // Of the log's first `size` entries, all of which were read.
  absl::StatusOr<Hash> RootAt(uint64_t size) const {
    const uint64_t full = std::min<uint64_t>(size / kTileWidth, bundle_roots_.size());
    BundleTree tree;
    for (uint64_t i = 0; i < full; ++i) tree.Add(bundle_roots_[i]);
    std::vector<Hash> leaves;  // of the bundle that is added now, and so not among them
    for (uint64_t bundle = full; full * kTileWidth + leaves.size() < size; ++bundle) {
      const absl::StatusOr<BundleBytes> bytes = read_(bundle);
      if (!bytes.ok()) return bytes.status();
      for (const std::string_view entry : bytes->entries) {
        if (full * kTileWidth + leaves.size() < size) leaves.push_back(LeafHash(entry));
      }
    }
    return tree.RootWith(leaves);
  }

  absl::Status Finish() {
    fold_.Finish();
    const absl::StatusOr<Hash> root = tree_.RootWith(last_leaves_);
    if (!root.ok()) return root.status();
    report_.integrity.root = *root;
    if (report_.integrity.status.ok() && *root != checkpoint_.root) {
      report_.integrity.status = absl::DataLossError(
          absl::StrCat("the entries have the root ", base::ToHex(crypto::Bytes(*root)),
                       ", and the signed one is ", base::ToHex(crypto::Bytes(checkpoint_.root))));
    }
    if (!report_.integrity.status.ok() && report_.integrity.entries < checkpoint_.size) {
      return absl::OkStatus();  // what is open, or closes, cannot be said
    }
    absl::Status status = completeness_.Finish();
    if (status.ok() && details_.has_value()) status = details_->Finish();
    return status;
  }

  const Checkpoint& checkpoint_;
  const VerifierKey& key_;
  const BundleReader& read_;
  const ReplayOptions& options_;
  ReplayReport report_;
  SeenKeys seen_;
  BundleTree tree_;
  std::vector<Hash> bundle_roots_;  // of the full bundles: 32 bytes for 256 entries
  uint64_t head_after_ = 0;         // index of the last order about the clock
  std::vector<Hash> last_leaves_;
  WorkPool pool_;  // ends before what its work uses
  CompletenessCheck completeness_;
  StateFold fold_;
  DecisionCheck decisions_;
  std::optional<DetailCheck> details_;
};

}  // namespace

absl::StatusOr<ReplayReport> Replay(const Checkpoint& checkpoint, const VerifierKey& key,
                                    const BundleReader& read, const ReplayOptions& options) {
  return Run::Of(checkpoint, key, read, options);
}

absl::StatusOr<ReplayReport> ReplayDirectory(const std::string& directory, const VerifierKey& key,
                                             const std::vector<VerifierKey>& witnesses,
                                             size_t quorum, const ReplayOptions& options) {
  DirectorySource source(directory);
  const absl::StatusOr<std::string> note = source.Read("checkpoint", kMaxNoteBytes);
  if (!note.ok()) return note.status();
  const absl::StatusOr<CosignedCheckpoint> opened = OpenCosigned(*note, key, witnesses, quorum);
  if (!opened.ok()) return opened.status();
  const TileFiles files(crypto::RealFileSystem(), directory);
  const BundleReader read = [&](uint64_t index) -> absl::StatusOr<BundleBytes> {
    absl::StatusOr<Bundle> read_bundle = Bundle::Read(files, index, opened->checkpoint.size);
    if (!read_bundle.ok()) return read_bundle.status();
    const auto bundle = std::make_shared<const Bundle>(*std::move(read_bundle));
    BundleBytes bytes{bundle, {}, bundle->leaves()};
    for (size_t i = 0; i < bundle->size(); ++i) bytes.entries.push_back(bundle->entry(i));
    return bytes;
  };
  ReplayOptions with = options;
  with.witnesses = witnesses;
  with.quorum = quorum;
  absl::StatusOr<ReplayReport> report = Replay(opened->checkpoint, key, read, with);
  if (!report.ok()) return report;
  report->integrity.witnesses = opened->cosigned_by.size();
  return report;
}

}  // namespace kluis::audit
