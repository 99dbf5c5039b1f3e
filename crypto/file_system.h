// The few file operations that keys and the keyring need, as an interface so that a test can fail
// or cut off each of them. Paths are used as given; symbolic links are never followed.
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

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // The whole file. kNotFound: no such file. kFailedPrecondition: not a regular file, readable or
  // writable by group or others (the message says chmod 600), or over `max_bytes`.
  // kUnavailable: the system refused.
  virtual absl::StatusOr<SecretBytes> ReadPrivate(const std::string& path, size_t max_bytes) = 0;

  // Makes a new file of mode 0600 and returns when its bytes are on disk; its name is there only
  // after SyncDirectory. After a failure part of the file may exist.
  // kAlreadyExists: the path is taken. kUnavailable: the system refused.
  virtual absl::Status CreateSynced(const std::string& path, std::span<const uint8_t> bytes) = 0;

  // Overwrites the bytes of a file in place with zeros and returns when they are on disk: as gone
  // as the disk makes them. kNotFound, kUnavailable.
  virtual absl::Status Wipe(const std::string& path) = 0;

  // Atomic; replaces `to`. Both in one directory. kNotFound, kUnavailable.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  // kNotFound, kUnavailable.
  virtual absl::Status Remove(const std::string& path) = 0;

  // Returns when all names made, renamed and removed in `directory` are on disk.
  // kNotFound, kUnavailable.
  virtual absl::Status SyncDirectory(const std::string& directory) = 0;

  // The names in `directory` without . and .., in no order. kNotFound, kUnavailable.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
};

// The machine's own file system. Thread-safe.
FileSystem& RealFileSystem();

// "a/b" -> "a", "b" -> ".", "/b" -> "/".
std::string DirectoryOf(std::string_view path);

// "a/b" -> "b".
std::string FileNameOf(std::string_view path);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_FILE_SYSTEM_H_
