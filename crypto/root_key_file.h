// SPDX-License-Identifier: Apache-2.0
// The root key in a file of its own, of mode 0600:
//
//   <path>   "kluis-root-key-1"[16] | generation u64 little-endian | root key[32], or what a
//            RootWrapper makes of generation and key (root_wrapper.h)
//
// Replace: write <path>.new and sync it, rename <path> to .old, rename .new to <path>, sync the
// directory. DestroyOthers: overwrite .new and .old with zeros and sync, then remove them. The two
// renames are in one directory, which a journal keeps in order: after a crash between them .old is
// put back. Nothing is overwritten, nor destroyed by the wrapper, before the rename that made it a
// leftover is synced. To change the wrapper: Read with a RootKeyFile of the old one, Replace the
// same key with one of the new one, then DestroyOthers with the latter and DestroyAll of
// the old wrapper.
// Not thread-safe.
#ifndef KLUIS_CRYPTO_ROOT_KEY_FILE_H_
#define KLUIS_CRYPTO_ROOT_KEY_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/root_key_store.h"
#include "crypto/root_wrapper.h"

namespace kluis::crypto {

// How a root key begins that nothing wraps.
inline constexpr std::string_view kPlainRootKey = "kluis-root-key-1";

class RootKeyFile final : public RootKeyStore {
 public:
  // Both must outlive this object. With a wrapper, Read, Replace and DestroyOthers also have its
  // error codes. Each place needs a wrapper of its own: one destroys what opens all others.
  RootKeyFile(std::string path, FileSystem& files, RootWrapper* wrapper = nullptr);

  // The file as it is, to see who wrapped it: changes nothing and decides nothing, so that it may
  // be called while another object replaces the file; it is missing for a moment then. Codes as
  // Read, but the content is not looked at.
  absl::StatusOr<SecretBytes> ReadRaw();

  // Decides what an interrupted Replace left, as Read does. Not while another object is in use.
  absl::Status Decide() { return Restore(); }

  // Destroys the file: for a place that was left under a wrapper that is over. kNotFound: none.
  absl::Status Destroy();

  std::string name() const override { return path_; }
  absl::Status CheckAbsent() override;
  absl::StatusOr<RootKey> Read() override;
  absl::Status Replace(uint64_t generation, std::span<const uint8_t, kRootKeyBytes> key) override;
  absl::Status DestroyOthers() override;

 private:
  absl::StatusOr<bool> Exists(const std::string& path);
  absl::Status Restore();
  absl::Status WipeLeftovers();

  std::string path_;
  std::string new_path_;
  std::string old_path_;
  std::string directory_;
  FileSystem& files_;
  RootWrapper* wrapper_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_ROOT_KEY_FILE_H_
