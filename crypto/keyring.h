// Forgetting that a backup cannot undo: one key for each of 2^32 slots, and a way to destroy the
// key of a slot for good. Everything that may have to be forgotten is sealed under its own slot.
//
// The keys are leaves of a GGM tree (keyring_cover.h); to puncture a slot is to replace the node
// above it by the siblings along its path, to save that under a fresh root key, and to destroy the
// old root key (keyring_files.h). Hand slots out in order: neighbours share their paths.
//
// Cost: Key O(log cover size) to find the node, then at most 32 hashes of 0.3 us, about two for the
// next slot in order. Puncture rewrites the whole cover, 37 bytes a node, so puncture many slots in
// one call.
// Thread-safe: Key and the other const calls run side by side, also during a Puncture's writes.
#ifndef KLUIS_CRYPTO_KEYRING_H_
#define KLUIS_CRYPTO_KEYRING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/keyring_cover.h"
#include "crypto/keyring_files.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"

namespace kluis::crypto {

class Keyring {
 public:
  // A new keyring with every slot, on disk before this returns. `files` must outlive it.
  // kInvalidArgument: paths are empty or equal. kAlreadyExists: there is a keyring, or what a
  // failed Create left (nothing is sealed under it; remove it by hand). kNotFound: no such
  // directory. kUnavailable: the system refused.
  static absl::StatusOr<std::unique_ptr<Keyring>> Create(const KeyringPaths& paths,
                                                         FileSystem& files = RealFileSystem());

  // The keyring as the last successful Puncture, or a later interrupted one, left it.
  // kNotFound: no root key file. kDataLoss: altered, cut off, or files that do not belong together.
  // kFailedPrecondition: a file is open to group or others (the message says chmod 600).
  // kUnavailable: the system refused.
  static absl::StatusOr<std::unique_ptr<Keyring>> Open(const KeyringPaths& paths,
                                                       FileSystem& files = RealFileSystem());

  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;
  ~Keyring() = default;

  // The 32-byte key of `slot`, for deriving keys from (derive.h). kNotFound: punctured.
  absl::StatusOr<SecretKey32> Key(uint32_t slot) const;

  // Destroys the keys of `slots`, in any order; already punctured ones do not matter. All or none
  // is on disk. OK only when the new cover is synced and the old root key is destroyed. On failure
  // the slots stop deriving in this process at once, but a restart may bring them back: call again,
  // with these or any slots, until OK. kUnavailable: the system refused.
  absl::Status Puncture(std::span<const uint32_t> slots);

  bool IsPunctured(uint32_t slot) const;

  // Of the last save; grows with each, not always by one.
  uint64_t generation() const;

  // Nodes in the cover: 37 bytes each on disk, 40 in memory.
  size_t cover_size() const;

  // KeyringCover::Commitment for the log: which slots are left in which generation. Says what is on
  // disk unless the last Puncture failed.
  Hash Commitment() const;

 private:
  Keyring(KeyringFiles files, KeyringCover cover, uint64_t generation);

  KeyringFiles files_;

  // Taken in this order.
  std::mutex puncture_mutex_;              // one Puncture at a time: files_, attempt_, unsaved_
  mutable std::shared_mutex cover_mutex_;  // cover_, generation_
  mutable std::mutex path_mutex_;          // path_...: held for one derivation

  uint64_t attempt_;      // generation of the last save that was tried
  bool unsaved_ = false;  // the cover in memory may not be the one on disk
  KeyringCover cover_;
  uint64_t generation_;

  // The seeds from the cover's node down to the last derived slot, by depth.
  mutable SecretBytes path_;
  mutable uint32_t path_slot_ = 0;
  mutable int path_top_ = -1;  // depth of the first seed held; -1: none
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_H_
