// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "crypto/keyring_places.h"
#include "crypto/memory.h"
#include "crypto/root_key_file.h"

namespace kluis::crypto {
namespace {

constexpr uint64_t kFirstGeneration = 1;
constexpr uint64_t kSlots = uint64_t{1} << kSlotBits;

}  // namespace

std::vector<KeyringPlace> PlacesOf(std::span<const KeyringPaths> paths, FileSystem& files) {
  std::vector<KeyringPlace> places;
  for (const KeyringPaths& place : paths) {
    places.push_back({place.state_path, std::make_unique<RootKeyFile>(place.root_key_path, files)});
  }
  return places;
}

Keyring::Keyring(std::vector<KeyringReplica> replicas, KeyringState state,
                 std::vector<std::string> repairs)
    : replicas_(std::move(replicas)),
      id_(state.id),
      repairs_(std::move(repairs)),
      attempt_(state.generation),
      cover_(std::move(state.cover)),
      generation_(state.generation) {}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Create(std::vector<KeyringPlace> places,
                                                         FileSystem& files) {
  absl::StatusOr<std::vector<KeyringReplica>> replicas = ReplicasAt(std::move(places), files);
  if (!replicas.ok()) return replicas.status();
  for (KeyringReplica& replica : *replicas) {
    const absl::Status absent = replica.CheckAbsent();
    if (!absent.ok()) return absent;
  }
  EnsureSodium();
  KeyringState state{{}, kFirstGeneration, SegmentedCover::Fresh()};
  randombytes_buf(state.id.data(), state.id.size());
  for (KeyringReplica& replica : *replicas) {
    const absl::Status saved = replica.SaveWhole(state.id, state.generation, state.cover);
    if (!saved.ok()) return saved;
  }
  return std::unique_ptr<Keyring>(new Keyring(*std::move(replicas), std::move(state), {}));
}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Open(std::vector<KeyringPlace> places,
                                                       FileSystem& files) {
  absl::StatusOr<std::vector<KeyringReplica>> replicas = ReplicasAt(std::move(places), files);
  if (!replicas.ok()) return replicas.status();
  std::vector<std::string> repairs;
  absl::StatusOr<KeyringState> newest = BringTogether(*replicas, repairs);
  if (!newest.ok()) return newest.status();
  return std::unique_ptr<Keyring>(
      new Keyring(*std::move(replicas), *std::move(newest), std::move(repairs)));
}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Create(const KeyringPaths& paths,
                                                         FileSystem& files) {
  return Create(PlacesOf({&paths, 1}, files), files);
}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Open(const KeyringPaths& paths,
                                                       FileSystem& files) {
  return Open(PlacesOf({&paths, 1}, files), files);
}

absl::StatusOr<SecretKey32> Keyring::Key(uint32_t slot) const {
  const std::shared_lock cover_lock(cover_mutex_);
  const CoverNode* const node = cover_.Find(slot);
  if (node == nullptr) return absl::NotFoundError("slot: punctured");
  static std::atomic<size_t> threads = 0;
  thread_local const size_t thread = threads++;
  SharedPath& mine = paths_[thread % kPaths];
  // A thread that finds another one using its path goes without.
  const std::unique_lock path_lock(mine.mutex, std::try_to_lock);
  return path_lock.owns_lock() ? mine.path.Key(*node, slot) : Descend(*node, slot);
}

void Keyring::Keys(std::span<const uint32_t> slots, SlotKeys& keys) const {
  const std::shared_lock cover_lock(cover_mutex_);
  keys.Derive(cover_, slots);
}

absl::Status Keyring::Derive(
    uint32_t first, uint64_t count,
    const std::function<void(uint32_t slot, const SecretKey32& key)>& visit) const {
  if (count > kSlots - first) return absl::InvalidArgumentError("slots: there are 2^32");
  KeyringPath path;
  for (uint64_t next = first; next < first + count;) {
    const uint64_t end =
        std::min(first + count, (next | ((uint64_t{1} << kSegmentSlotBits) - 1)) + 1);
    // The path holds no seed of a state that a Puncture replaced, as it starts anew with each lock.
    const std::shared_lock cover_lock(cover_mutex_);
    const CoverNode* node = nullptr;
    for (; next < end; ++next) {
      const auto slot = static_cast<uint32_t>(next);
      if (node == nullptr || !node->Covers(slot)) node = cover_.Find(slot);
      if (node != nullptr) visit(slot, path.Key(*node, slot));
    }
    path.Forget();
  }
  return absl::OkStatus();
}

absl::Status Keyring::Puncture(std::span<const uint32_t> slots) {
  std::vector<uint32_t> sorted(slots.begin(), slots.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());

  const std::scoped_lock puncture_lock(puncture_mutex_);
  SegmentedCover::Change change = cover_.Puncture(sorted);
  if (change.segments.empty() && all_saved_) return absl::OkStatus();

  // First out of memory, then out of the files: a failed write must not leave the key in use.
  all_saved_ = false;
  for (const auto& [number, segment] : change.segments) unsaved_.insert(number);
  {
    const std::unique_lock cover_lock(cover_mutex_);
    cover_.Apply(std::move(change));
    for (SharedPath& shared : paths_) shared.path.Forget();  // nobody derives meanwhile
  }

  ++attempt_;
  const std::vector<uint32_t> changed(unsaved_.begin(), unsaved_.end());
  for (KeyringReplica& replica : replicas_) {
    const absl::Status saved = replica.Save(id_, attempt_, cover_, changed);
    if (!saved.ok()) {
      return absl::UnavailableError(
          absl::StrCat("keyring ", replica.path(), ": not punctured: ", saved.message()));
    }
  }
  all_saved_ = true;
  unsaved_.clear();
  const std::unique_lock cover_lock(cover_mutex_);
  generation_ = attempt_;
  return absl::OkStatus();
}

absl::Status Keyring::Rekey(std::vector<std::unique_ptr<RootKeyStore>> stores) {
  const std::scoped_lock puncture_lock(puncture_mutex_);
  if (stores.size() != replicas_.size()) {
    return absl::InvalidArgumentError("rekey: needs one store for each place");
  }
  all_saved_ = false;  // a place that fails must not stay behind the others
  attempt_ += 2;       // a place that has to be saved whole first takes two
  const std::vector<uint32_t> changed(unsaved_.begin(), unsaved_.end());
  for (size_t i = 0; i < replicas_.size(); ++i) {
    const absl::Status saved =
        replicas_[i].ChangeStore(std::move(stores[i]), id_, attempt_, cover_, changed);
    if (!saved.ok()) {
      return absl::Status(saved.code(), absl::StrCat("keyring ", replicas_[i].path(),
                                                     ": not rekeyed: ", saved.message()));
    }
  }
  all_saved_ = true;
  unsaved_.clear();
  const std::unique_lock cover_lock(cover_mutex_);
  generation_ = attempt_;
  return absl::OkStatus();
}

bool Keyring::IsPunctured(uint32_t slot) const {
  const std::shared_lock lock(cover_mutex_);
  return cover_.Find(slot) == nullptr;
}

uint64_t Keyring::generation() const {
  const std::shared_lock lock(cover_mutex_);
  return generation_;
}

size_t Keyring::cover_size() const {
  const std::shared_lock lock(cover_mutex_);
  return cover_.size();
}

Hash Keyring::Commitment() const {
  const std::shared_lock lock(cover_mutex_);
  return cover_.Commitment(generation_);
}

}  // namespace kluis::crypto
