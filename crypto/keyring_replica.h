// SPDX-License-Identifier: Apache-2.0
// One place of a keyring, whole by itself: with its files and its root key the keyring opens. Each
// place has keys of its own; that the places hold the same keyring is the concern of keyring.h.
//
//   <path>.<generation>         "kluis-keyring-v2"[16] | generation u64 | table bytes u64 |
//                               nonce[24] | sealed table | tag[16]: XChaCha20-Poly1305 under the
//                               root key, the first 32 bytes are authenticated data
//   <path>.pages.<generation>   the pages that the table names (keyring_table.h), in any order
//   the root key                root_key_store.h
//
// Each save has a fresh generation, root key and table, and a fresh key for each page that changes:
// once the old root key is destroyed, every older table and page is unreadable, in every backup.
// The order, each step on disk before the next:
//   1. write the changed pages where no page of the current table is, or all pages in a new file
//   2. write the new table               (nothing refers to either yet)
//   3. replace the root key: from here on the new state
//   4. destroy the old root key
//   5. remove the old table, and the old pages if they are in a file of their own
// After a crash the root key alone says which state holds. All pages go to a new file when the
// present one is a third larger than what is in it, and after a save that failed.
//
// Putting back all files of an older state together opens it: no file can know better. The root key
// therefore stays outside every backup, and the log holds each generation's Commitment. Version 1,
// which had its whole cover in one file, is refused.
// Not thread-safe; one process at a time, which the owner of the data directory ensures.
#ifndef KLUIS_CRYPTO_KEYRING_REPLICA_H_
#define KLUIS_CRYPTO_KEYRING_REPLICA_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/keyring_segments.h"
#include "crypto/keyring_table.h"
#include "crypto/root_key_store.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

struct KeyringPlace {
  std::string path;                        // to which each file's ending is appended
  std::unique_ptr<RootKeyStore> root_key;  // outside every backup, best on another device
};

struct KeyringState {
  KeyringId id;
  uint64_t generation;
  SegmentedCover cover;
};

class KeyringReplica {
 public:
  // `files` must outlive this object.
  KeyringReplica(KeyringPlace place, FileSystem& files);

  const std::string& path() const { return place_.path; }
  std::string root_key_name() const { return place_.root_key->name(); }

  // What is known of a place that Load could not read: the generation that its root key says, else
  // that of the newest table by name. 0: nothing.
  uint64_t ClaimedGeneration();

  // kAlreadyExists: a file of a keyring, whole or not, is there; the message names it. kNotFound,
  // kUnavailable: see FileSystem.
  absl::Status CheckAbsent();

  // The saved state. Writes nothing, but for what RootKeyStore::Read decides.
  // kNotFound: no root key. kDataLoss: a file is altered or cut off, or they do not belong
  // together. kFailedPrecondition: a file is open to group or others. kUnavailable: the system
  // refused. The message names this place.
  absl::StatusOr<KeyringState> Load();

  // After Load: destroys and removes what an interrupted save left. kUnavailable: the system
  // refused.
  absl::Status Settle();

  // All of a state, over whatever is here: for a new keyring and for one that is behind or missing.
  // Removes every table and page that the root key here does not open; what it opens stays until
  // the new root key is in its place. `generation` is higher than any before. After any failure the
  // files open to what they opened to before, or to this; call again with a higher generation until
  // OK. kUnavailable and the codes of RootKeyStore.
  absl::Status SaveWhole(const KeyringId& id, uint64_t generation, const SegmentedCover& cover);

  // The same for a state that differs from the one saved or loaded last in the segments `changed`
  // (ascending) and in the top.
  absl::Status Save(const KeyringId& id, uint64_t generation, const SegmentedCover& cover,
                    std::span<const uint32_t> changed);

  // The same state under a fresh root key, which `store` keeps from now on in place of the one
  // before: another wrapper over the same file. After an error the store that opens what is on disk
  // is kept; call again until OK. `generation` is two higher than any before, `changed` as for
  // Save. Codes as Save.
  absl::Status ChangeStore(std::unique_ptr<RootKeyStore> store, const KeyringId& id,
                           uint64_t generation, const SegmentedCover& cover,
                           std::span<const uint32_t> changed);

 private:
  std::string TablePath(uint64_t generation) const;
  std::string PagesPath(uint64_t generation) const;
  absl::Status WritePages(const std::string& path, const KeyringTable& table,
                          const SegmentedCover& cover, std::span<const uint32_t> changed);
  absl::Status Switch(uint64_t generation, const KeyringTable& table, const SegmentedCover& cover);
  absl::StatusOr<SecretBytes> ReadTable(uint64_t generation,
                                        std::span<const uint8_t, kRootKeyBytes> root_key);
  absl::StatusOr<KeyringState> ReadState();
  absl::Status RemoveLeftovers();
  template <typename Unwanted>
  absl::Status RemoveFiles(Unwanted unwanted);

  KeyringPlace place_;
  std::string directory_;
  FileSystem& files_;

  uint64_t root_generation_ = 0;
  KeyringTable table_;    // as it is on disk
  bool settled_ = false;  // table_ is the one that the root key opens
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_REPLICA_H_
