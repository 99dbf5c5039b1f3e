// SPDX-License-Identifier: Apache-2.0
#include "client/replaced_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "client/file_error.h"

namespace kluis::client {
absl::StatusOr<ReplacedFile> ReplacedFile::Open(const std::string& path) {
  const std::string partial = absl::StrCat(path, ".partial");
  if (unlink(partial.c_str()) != 0 && errno != ENOENT) return Refused(partial, "remove", errno);
  base::FileDescriptor file(open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return Refused(partial, "create", errno);
  return ReplacedFile(path, partial, std::move(file));
}

ReplacedFile::~ReplacedFile() {
  if (!partial_.empty()) unlink(partial_.c_str());
}

absl::Status ReplacedFile::Write(std::string_view text) {
  return WriteAll(file_.get(), text, partial_);
}

absl::Status ReplacedFile::Commit() {
  if (fsync(file_.get()) != 0) return Refused(partial_, "write", errno);
  if (file_.Close() != 0) return Refused(partial_, "close", errno);
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) return Refused(path_, "replace", errno);
  partial_.clear();
  return absl::OkStatus();
}

absl::Status WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Refused(path, "write", errno);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace kluis::client
