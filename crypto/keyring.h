// SPDX-License-Identifier: Apache-2.0
// Forgetting that a backup cannot undo: one key for each of 2^32 slots, and a way to destroy the
// key of a slot for good. Everything that may have to be forgotten is sealed under its own slot.
//
// The keys are leaves of a GGM tree (keyring_cover.h); to puncture a slot is to replace the node
// above it by the siblings along its path, to save that under fresh keys, and to destroy the old
// root key (keyring_replica.h). Hand slots out in order: neighbours share their paths.
//
// A keyring may be kept in several places, each whole by itself. All are punctured before Puncture
// returns; Open brings them to the newest state, and never the newest to an older one:
//   - a place without a root key is made again from the others
//   - a place that is behind is overwritten from the newest, if the newest is that place after some
//     punctures
//   - a place that is damaged, is of another keyring, or differs from another of the same
//     generation is refused, and with it the keyring: the message says which files to remove if
//     that loses nothing. Nothing is changed then.
//
// Cost: Key O(log cover size) to find the node, then at most 32 hashes of 0.3 us, about two for the
// next slot in order. Puncture writes, in each place, the segments of its slots (4096 slots; 10 KiB
// with a slot in fifty punctured, 68 KiB at most) and 76 bytes for each segment that ever lost a
// slot; of slots punctured together all go in one write.
// Thread-safe: Key and the other const calls run side by side, also during a Puncture's writes.
#ifndef KLUIS_CRYPTO_KEYRING_H_
#define KLUIS_CRYPTO_KEYRING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/keyring_path.h"
#include "crypto/keyring_replica.h"
#include "crypto/keyring_segments.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"
#include "crypto/slot_keys.h"

namespace kluis::crypto {

// A place whose root key is a file (root_key_file.h).
struct KeyringPaths {
  std::string state_path;     // to which each file's ending is appended
  std::string root_key_path;  // outside every backup, best on another device
};

// `files` must outlive the places.
std::vector<KeyringPlace> PlacesOf(std::span<const KeyringPaths> paths,
                                   FileSystem& files = RealFileSystem());

class Keyring {
 public:
  // A new keyring with every slot, on disk in all places before this returns. `files` must outlive
  // it. kInvalidArgument: no place, an empty name, or one name twice. kAlreadyExists: there is a
  // keyring, or what a failed Create left (nothing is sealed under it; remove it by hand).
  // kNotFound: no such directory. kUnavailable: the system refused.
  static absl::StatusOr<std::unique_ptr<Keyring>> Create(std::vector<KeyringPlace> places,
                                                         FileSystem& files = RealFileSystem());

  // The keyring as the last successful Puncture, or a later interrupted one, left it, and all
  // places brought to it. kInvalidArgument: as Create. kNotFound: no place has a root key.
  // kDataLoss: altered, cut off, or files that do not belong together. kFailedPrecondition: a file
  // is open to group or others (the message says chmod 600), or the directory of one of several
  // places is missing. kUnavailable: the system refused. The message names the place.
  static absl::StatusOr<std::unique_ptr<Keyring>> Open(std::vector<KeyringPlace> places,
                                                       FileSystem& files = RealFileSystem());

  // The same for one place.
  static absl::StatusOr<std::unique_ptr<Keyring>> Create(const KeyringPaths& paths,
                                                         FileSystem& files = RealFileSystem());
  static absl::StatusOr<std::unique_ptr<Keyring>> Open(const KeyringPaths& paths,
                                                       FileSystem& files = RealFileSystem());

  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;
  ~Keyring() = default;

  // The 32-byte key of `slot`, for deriving keys from (derive.h). kNotFound: punctured.
  absl::StatusOr<SecretKey32> Key(uint32_t slot) const;

  // The keys of `slots`, in any order, as Key gives them, to `keys`; those of punctured slots are
  // missing there. More slots than capacity() end the process: `keys` has no room for them. Of a
  // thousand of a million slots eleven hashes each, at a fifth of the price of one by itself. A
  // Puncture meanwhile waits for all of them.
  void Keys(std::span<const uint32_t> slots, SlotKeys& keys) const;

  // Calls `visit` in order for each slot from `first` on, `count` in all, that is not punctured:
  // two hashes a slot. A Puncture meanwhile waits for at most 4096 slots. `visit` must not call
  // this keyring. kInvalidArgument: there are no such slots.
  absl::Status Derive(
      uint32_t first, uint64_t count,
      const std::function<void(uint32_t slot, const SecretKey32& key)>& visit) const;

  // Destroys the keys of `slots`, in any order; already punctured ones do not matter. All or none
  // is on disk. OK only when the new state is synced and the old root key is destroyed, in every
  // place. On failure the slots stop deriving in this process at once, but a restart may bring them
  // back: call again, with these or any slots, until OK. kUnavailable: a place refused; the message
  // names it.
  absl::Status Puncture(std::span<const uint32_t> slots);

  // Puts the root key of each place under a store of its own, in the order of the places: the end
  // of a rekey. Each place gets a fresh root key, and what opened the one before opens nothing. On
  // failure some places may be under their old store; call again until OK. kInvalidArgument: not as
  // many stores as places. kUnavailable and the codes of RootKeyStore: the message names the place.
  absl::Status Rekey(std::vector<std::unique_ptr<RootKeyStore>> stores);

  bool IsPunctured(uint32_t slot) const;

  // Of the last save; grows with each, not always by one.
  uint64_t generation() const;

  // Nodes in the cover: 34 bytes each on disk in a segment, 37 above; 40 in memory.
  size_t cover_size() const;

  // SegmentedCover::Commitment for the log: which slots are left in which generation. Says what is
  // on disk unless the last Puncture failed.
  Hash Commitment() const;

  // What Open did to places that were behind or missing: one line each, for the operator.
  const std::vector<std::string>& repairs() const { return repairs_; }

 private:
  Keyring(std::vector<KeyringReplica> replicas, KeyringState state,
          std::vector<std::string> repairs);

  std::vector<KeyringReplica> replicas_;
  const KeyringId id_;
  const std::vector<std::string> repairs_;

  // Taken in this order.
  std::mutex puncture_mutex_;              // one Puncture at a time: replicas_, attempt_, unsaved_
  mutable std::shared_mutex cover_mutex_;  // cover_, generation_

  uint64_t attempt_;            // generation of the last save that was tried
  bool all_saved_ = true;       // the cover in memory is the one in all places
  std::set<uint32_t> unsaved_;  // segments that changed since it was
  SegmentedCover cover_;
  uint64_t generation_;

  // The way to the last key of a thread; two threads may share one.
  struct SharedPath {
    std::mutex mutex;  // held for one derivation, under cover_mutex_
    KeyringPath path;
  };
  static constexpr size_t kPaths = 8;
  mutable std::array<SharedPath, kPaths> paths_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_H_
