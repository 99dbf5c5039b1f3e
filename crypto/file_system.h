// SPDX-License-Identifier: Apache-2.0
// The few file operations that keys, the keyring and the published log need, as an interface so
// that a test can fail or cut off each of them. Paths are used as given; a path that is itself a
// symbolic link is never followed.
#ifndef KLUIS_CRYPTO_FILE_SYSTEM_H_
#define KLUIS_CRYPTO_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

// Bytes for one place in a file.
struct FilePiece {
  uint64_t offset;
  std::span<const uint8_t> bytes;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // The whole file. kNotFound: no such file. kFailedPrecondition: not a regular file, readable or
  // writable by group or others (the message says chmod 600), or over `max_bytes`.
  // kUnavailable: the system refused.
  virtual absl::StatusOr<SecretBytes> ReadPrivate(const std::string& path, size_t max_bytes) = 0;

  // The whole file, whoever may read it. kNotFound: no such file. kFailedPrecondition: not a
  // regular file, or over `max_bytes`. kUnavailable: the system refused.
  virtual absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) = 0;

  // Makes a new file of mode 0600 and returns when its bytes are on disk; its name is there only
  // after SyncDirectory. After a failure part of the file may exist.
  // kAlreadyExists: the path is taken. kUnavailable: the system refused.
  virtual absl::Status CreateSynced(const std::string& path, std::span<const uint8_t> bytes) = 0;

  // As CreateSynced, but of mode 0644, whatever the umask: everybody may read it.
  virtual absl::Status CreateReadable(const std::string& path, std::string_view bytes) = 0;

  // Writes each piece at its offset into a file that exists, which grows where a piece ends beyond
  // it, and returns when all are on disk. After a failure any part of any piece may be written.
  // kNotFound: no such file. kUnavailable: not a regular file, or the system refused.
  virtual absl::Status WriteSynced(const std::string& path, std::span<const FilePiece> pieces) = 0;

  // Overwrites the bytes of a file in place with zeros and returns when they are on disk: as gone
  // as the disk makes them. kNotFound, kUnavailable.
  virtual absl::Status Wipe(const std::string& path) = 0;

  // Atomic; replaces `to`. Between two directories it is on disk when both are synced; a crash
  // before may leave both names. kNotFound, kUnavailable.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  // kNotFound, kUnavailable.
  virtual absl::Status Remove(const std::string& path) = 0;

  // Makes a directory of mode 0755, whatever the umask; its name is there only after SyncDirectory
  // of the one above. kAlreadyExists: the path is taken. kNotFound: the one above is missing.
  // kUnavailable.
  virtual absl::Status MakeDirectory(const std::string& path) = 0;

  // kNotFound. kUnavailable: it is not empty, or the system refused.
  virtual absl::Status RemoveDirectory(const std::string& path) = 0;

  // Returns when all names made, renamed and removed in `directory` are on disk.
  // kNotFound, kUnavailable.
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;

  // The names in `directory` without . and .., in no order. kNotFound, kUnavailable.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
};

// The machine's own file system. Thread-safe.
FileSystem& RealFileSystem();

// MakeDirectory of `path` and of whatever is missing above it, each name on disk on return. OK also
// when `path` is a directory already. Errors as of FileSystem.
absl::Status MakeDirectories(FileSystem& files, const std::string& path);

// Makes `bytes` the content of `path`, of mode 0644, and returns when that is on disk: written
// beside it, synced and renamed, so that a reader and a crash find the old file or the new one,
// whole. Errors as of FileSystem; after one, which of the two is on disk is open.
absl::Status ReplaceReadable(FileSystem& files, const std::string& path, std::string_view bytes);

// "a/b" -> "a", "b" -> ".", "/b" -> "/".
std::string DirectoryOf(std::string_view path);

// "a/b" -> "b".
std::string FileNameOf(std::string_view path);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_FILE_SYSTEM_H_
