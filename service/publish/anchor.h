// SPDX-License-Identifier: Apache-2.0
// The last signed checkpoint, in a file apart from the database: what was signed cannot be taken
// back with a copy of an older database. Changed by compare-and-swap, so that a second vault on a
// copy of the database, or somebody who puts an older file back, is found before anything is
// signed. One thread at a time.
#ifndef KLUIS_SERVICE_PUBLISH_ANCHOR_H_
#define KLUIS_SERVICE_PUBLISH_ANCHOR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"

namespace kluis::service {

class Anchor {
 public:
  // Reads `path`, when it exists. kUnavailable: the system refused; kFailedPrecondition: not a
  // file.
  static absl::StatusOr<Anchor> Open(crypto::FileSystem& files, std::string path);

  // The note as it was read or written last; empty: nothing was signed yet.
  const std::string& note() const { return note_; }

  // Replaces the file, which must still hold note(), and returns when `note` is on disk.
  // kDataLoss: it holds something else. kUnavailable: the system refused; the file holds one of the
  // two, and Replace may be called again.
  absl::Status Replace(const std::string& note);

 private:
  Anchor(crypto::FileSystem& files, std::string path) : files_(&files), path_(std::move(path)) {}

  absl::StatusOr<std::string> Read() const;

  crypto::FileSystem* files_;
  std::string path_;
  std::string note_;
  std::string pending_;  // written perhaps: a Replace that failed
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PUBLISH_ANCHOR_H_
