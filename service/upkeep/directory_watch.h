// SPDX-License-Identifier: Apache-2.0
// Notices that a directory is not the one that was opened: moved away, deleted, replaced by
// another, its symbolic link turned elsewhere. A database whose directory was swapped goes on
// writing into files that nobody will find again, so this must be seen at once. Thread-safe.
//
// The directory and the pinned files are held open, so that the system cannot give their numbers to
// others; what their names lead to must stay these very files. Times do not count: writing within
// the directory changes nothing.
#ifndef KLUIS_SERVICE_UPKEEP_DIRECTORY_WATCH_H_
#define KLUIS_SERVICE_UPKEEP_DIRECTORY_WATCH_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::service {

class DirectoryWatch {
 public:
  struct Watched {
    std::string path;                  // of the directory
    std::vector<std::string> pinned;   // small files in it that never change
    std::vector<std::string> present;  // files in it that may be replaced but not missing
  };

  // The directory of an open database: RocksDB's IDENTITY is pinned, CURRENT is present.
  static Watched DatabaseAt(std::string path);

  // Remembers what is there now. kNotFound: the directory or a file is missing. kUnavailable: the
  // system refused.
  static absl::StatusOr<std::unique_ptr<DirectoryWatch>> Start(Watched watched);

  // OK while all is as it was. Costs a few system calls. kDataLoss: one line that names the path
  // and says what became of it. kUnavailable: the system refused to look. A directory that is put
  // back is in order again.
  absl::Status Check() const;

 private:
  // A file or directory that is held open.
  class Held {
   public:
    explicit Held(int descriptor) : descriptor_(descriptor) {}
    Held(Held&& other) noexcept;
    Held& operator=(Held&&) = delete;
    ~Held();
    int descriptor() const { return descriptor_; }

   private:
    int descriptor_;
  };
  struct Pinned {
    std::string path;
    Held held;
    std::string content;
  };

  DirectoryWatch(Watched watched, Held directory);

  const Watched watched_;
  const Held directory_;
  std::vector<Pinned> pinned_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_UPKEEP_DIRECTORY_WATCH_H_
