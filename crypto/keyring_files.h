// The keyring's two files and the order in which they change.
//
//   <state_path>.<generation>   the cover, sealed under the root key of that generation:
//     "kluis-keyring-v1"[16] | generation u64 | cover bytes u64 | nonce[24] | sealed cover |
//     tag[16] XChaCha20-Poly1305, the first 32 bytes are authenticated data; integers little-endian
//   <root_key_path>             "kluis-root-key-1"[16] | generation u64 | root key[32]
//
// Each save has a fresh generation and a fresh root key, so that destroying 32 bytes makes every
// older state, in every backup, unreadable. The order, each step synced before the next:
//   1. write the new state           (nothing refers to it yet)
//   2. write <root_key_path>.new
//   3. rename <root_key_path> to .old, 4. rename .new to <root_key_path>: from here on the new
//   state
//   5. overwrite .old with zeros, remove it
//   6. remove the old state
// After a crash, <root_key_path> alone says which state holds; when it is missing (between 3 and 4)
// .old is put back. Leftovers are destroyed only once the rename that made them so is synced.
//
// Putting back both old files together opens the old state: no file can know better. The root key
// therefore stays outside every backup, and the log holds each generation's Commitment.
// Not thread-safe; one process at a time, which the owner of the data directory ensures.
#ifndef KLUIS_CRYPTO_KEYRING_FILES_H_
#define KLUIS_CRYPTO_KEYRING_FILES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

struct KeyringPaths {
  std::string state_path;     // without the generation, which is appended
  std::string root_key_path;  // outside every backup, best on another device
};

struct SavedCover {
  uint64_t generation;
  SecretBytes cover;
};

class KeyringFiles {
 public:
  // `files` must outlive this object.
  KeyringFiles(KeyringPaths paths, FileSystem& files);

  // kInvalidArgument: a path is empty, or both are the same. kAlreadyExists: a file of a keyring,
  // whole or not, is there; the message names it. kNotFound, kUnavailable: see FileSystem.
  absl::Status CheckAbsent();

  // Steps 1 to 6; OK only when the old root key is destroyed. After any failure the files open to
  // the old or the new cover; call again with a higher generation until OK.
  // kUnavailable: the system refused.
  absl::Status Save(uint64_t generation, std::span<const uint8_t> cover);

  // The saved cover; removes what an interrupted Save left. kNotFound: no root key file.
  // kDataLoss: a file is altered or cut off, or they do not belong together.
  // kFailedPrecondition: a file is open to group or others. kUnavailable: the system refused.
  absl::StatusOr<SavedCover> Load();

 private:
  std::string StatePath(uint64_t generation) const;
  absl::StatusOr<bool> Exists(const std::string& path);
  absl::Status WriteState(uint64_t generation, std::span<const uint8_t, 32> root_key,
                          std::span<const uint8_t> cover);
  absl::StatusOr<SecretBytes> ReadState(uint64_t generation, std::span<const uint8_t, 32> root_key);
  absl::Status WriteRootKey(uint64_t generation, std::span<const uint8_t, 32> root_key);
  absl::Status Switch();
  absl::Status RestoreRootKey();
  absl::Status DestroyOtherRootKeys();
  absl::Status RemoveOtherStates(uint64_t generation);
  bool IsStateName(std::string_view name) const;

  KeyringPaths paths_;
  std::string new_key_path_;
  std::string old_key_path_;
  std::string key_directory_;
  std::string state_directory_;
  FileSystem& files_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_FILES_H_
