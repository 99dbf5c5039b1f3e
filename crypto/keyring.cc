#include "crypto/keyring.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

namespace kluis::crypto {
namespace {

constexpr size_t kSeedBytes = 32;

// The part of `path` that holds the seed at `depth`.
std::span<uint8_t, kSeedBytes> SeedAt(SecretBytes& path, int depth) {
  return path.ExposeMutable().subspan(static_cast<size_t>(depth) * kSeedBytes).first<kSeedBytes>();
}

// Without the shared path: for a thread that finds another one using it.
SecretKey32 Descend(const CoverNode& node, uint32_t slot) {
  SecretKey32 seed{std::span<const uint8_t, kSeedBytes>(node.seed)};
  for (int depth = node.depth; depth < kSlotBits; ++depth) {
    SecretKey32 child;
    DeriveChild(seed.Expose(), BranchOf(slot, depth), child.ExposeMutable());
    seed = std::move(child);
  }
  return seed;
}

}  // namespace

Keyring::Keyring(KeyringFiles files, KeyringCover cover, uint64_t generation)
    : files_(std::move(files)),
      attempt_(generation),
      cover_(std::move(cover)),
      generation_(generation),
      path_(SecretBytes::Zero((kSlotBits + 1) * kSeedBytes)) {}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Create(const KeyringPaths& paths,
                                                         FileSystem& files) {
  constexpr uint64_t kFirstGeneration = 1;
  KeyringFiles keyring_files(paths, files);
  const absl::Status absent = keyring_files.CheckAbsent();
  if (!absent.ok()) return absent;
  KeyringCover cover = KeyringCover::Fresh();
  const SecretBytes bytes = cover.Serialize();
  const absl::Status saved = keyring_files.Save(kFirstGeneration, bytes.Expose());
  if (!saved.ok()) return saved;
  return std::unique_ptr<Keyring>(
      new Keyring(std::move(keyring_files), std::move(cover), kFirstGeneration));
}

absl::StatusOr<std::unique_ptr<Keyring>> Keyring::Open(const KeyringPaths& paths,
                                                       FileSystem& files) {
  KeyringFiles keyring_files(paths, files);
  const absl::StatusOr<SavedCover> saved = keyring_files.Load();
  if (!saved.ok()) return saved.status();
  absl::StatusOr<KeyringCover> cover = KeyringCover::Parse(saved->cover.Expose());
  if (!cover.ok()) return cover.status();
  return std::unique_ptr<Keyring>(
      new Keyring(std::move(keyring_files), *std::move(cover), saved->generation));
}

absl::StatusOr<SecretKey32> Keyring::Key(uint32_t slot) const {
  const std::shared_lock cover_lock(cover_mutex_);
  const CoverNode* const node = cover_.Find(slot);
  if (node == nullptr) return absl::NotFoundError("slot: punctured");

  const std::unique_lock path_lock(path_mutex_, std::try_to_lock);
  if (!path_lock.owns_lock()) return Descend(*node, slot);

  int depth = node->depth;
  if (path_top_ == node->depth && node->Covers(path_slot_)) {
    depth = std::countl_zero(slot ^ path_slot_);  // 32 for the same slot
  } else {
    std::memcpy(SeedAt(path_, depth).data(), node->seed.data(), kSeedBytes);
    path_top_ = depth;
  }
  for (; depth < kSlotBits; ++depth) {
    DeriveChild(SeedAt(path_, depth), BranchOf(slot, depth), SeedAt(path_, depth + 1));
  }
  path_slot_ = slot;
  return SecretKey32{std::span<const uint8_t, kSeedBytes>(SeedAt(path_, kSlotBits))};
}

absl::Status Keyring::Puncture(std::span<const uint32_t> slots) {
  std::vector<uint32_t> sorted(slots.begin(), slots.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());

  const std::scoped_lock puncture_lock(puncture_mutex_);
  const bool all_punctured =
      std::all_of(sorted.begin(), sorted.end(), [&](uint32_t slot) { return IsPunctured(slot); });
  if (all_punctured && !unsaved_) return absl::OkStatus();

  // First out of memory, then out of the files: a failed write must not leave the key in use.
  unsaved_ = true;
  KeyringCover left = cover_.Without(sorted);
  const SecretBytes bytes = left.Serialize();
  {
    const std::unique_lock cover_lock(cover_mutex_);
    const std::scoped_lock path_lock(path_mutex_);
    cover_ = std::move(left);
    path_top_ = -1;
    sodium_memzero(path_.ExposeMutable().data(), path_.size());
  }

  const absl::Status saved = files_.Save(++attempt_, bytes.Expose());
  if (!saved.ok()) return saved;
  unsaved_ = false;
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
