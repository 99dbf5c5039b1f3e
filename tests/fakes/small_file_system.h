// SPDX-License-Identifier: Apache-2.0
// A file system whose disk has a mount of its own, so that it can really be filled: a tmpfs. Only a
// privileged process may mount; elsewhere `why_not` says so, and a test is skipped. One thread.
#ifndef KLUIS_TESTS_FAKES_SMALL_FILE_SYSTEM_H_
#define KLUIS_TESTS_FAKES_SMALL_FILE_SYSTEM_H_

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "tests/fakes/scratch_directory.h"

namespace kluis {

class SmallFileSystem {
 public:
  explicit SmallFileSystem(uint64_t mib) {
    const std::string options = "mode=0700,size=" + std::to_string(mib) + "m";
    if (mount("kluis-test", path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
      why_not_ = std::string("this process may not mount a tmpfs: ") + std::strerror(errno);
    }
  }
  // Whatever used it must be closed.
  ~SmallFileSystem() {
    if (why_not_.empty()) umount2(path().c_str(), MNT_DETACH);
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  const std::string& path() const { return scratch_.path(); }
  const std::string& why_not() const { return why_not_; }  // empty: it is there

  uint64_t FreeBytes() const {
    struct statvfs space {};
    if (statvfs(path().c_str(), &space) != 0) return 0;
    return uint64_t{space.f_bavail} * uint64_t{space.f_frsize};
  }

  // Takes all that is free, but for `left` bytes. May be called again.
  void Fill(uint64_t left = 0) {
    const int file = open(Filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const uint64_t free = FreeBytes();
    const off_t end = lseek(file, 0, SEEK_END);
    if (free > left) filled_ = posix_fallocate(file, end, static_cast<off_t>(free - left)) == 0;
    close(file);
  }
  bool filled() const { return filled_; }
  void Empty() { unlink(Filler().c_str()); }

 private:
  std::string Filler() const { return path() + "/filler"; }

  const ScratchDirectory scratch_;
  std::string why_not_;
  bool filled_ = false;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_SMALL_FILE_SYSTEM_H_
