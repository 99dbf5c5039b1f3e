// SPDX-License-Identifier: Apache-2.0
// A file written piece by piece that appears whole or not at all, and that only its owner can read.
// Messages name the path and what to do. Not thread-safe. Movable.
#ifndef KLUIS_CLIENT_REPLACED_FILE_H_
#define KLUIS_CLIENT_REPLACED_FILE_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_descriptor.h"

namespace kluis::client {

class ReplacedFile {
 public:
  // Starts `path`.partial with mode 0600; one that a crash left behind is thrown away.
  // kInvalidArgument: it cannot be made.
  static absl::StatusOr<ReplacedFile> Open(const std::string& path);

  ReplacedFile(ReplacedFile&& other) noexcept
      : path_(std::move(other.path_)),
        partial_(std::exchange(other.partial_, std::string())),
        file_(std::move(other.file_)) {}
  ReplacedFile& operator=(ReplacedFile&&) = delete;
  // Without a Commit nothing is left.
  ~ReplacedFile();

  // kInvalidArgument: the system refused.
  absl::Status Write(std::string_view text);

  // Syncs what was written and gives it its name, in place of an earlier file. Call once.
  // kInvalidArgument: the system refused; the earlier file is as it was.
  absl::Status Commit();

 private:
  ReplacedFile(std::string path, std::string partial, base::FileDescriptor file)
      : path_(std::move(path)), partial_(std::move(partial)), file_(std::move(file)) {}

  std::string path_;
  std::string partial_;  // empty: nothing to throw away
  base::FileDescriptor file_;
};

// Writes all of `text` to the descriptor; `path` is for the message.
// kInvalidArgument: the system refused.
absl::Status WriteAll(int fd, std::string_view text, const std::string& path);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_REPLACED_FILE_H_
