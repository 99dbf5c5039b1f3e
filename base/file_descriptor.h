// SPDX-License-Identifier: Apache-2.0
// An open file, closed with the object. Move-only.
#ifndef KLUIS_BASE_FILE_DESCRIPTOR_H_
#define KLUIS_BASE_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace kluis::base {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}  // negative: none
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { Close(); }

  int get() const { return fd_; }

  // -1, or the result of close(2).
  int Close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 ? -1 : close(fd);
  }

 private:
  int fd_;
};

}  // namespace kluis::base

#endif  // KLUIS_BASE_FILE_DESCRIPTOR_H_
