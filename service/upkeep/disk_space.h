// SPDX-License-Identifier: Apache-2.0
// The free space of the file system that holds the database, and a reserve on it: a file that takes
// up space until it is given back. As an interface, so that a test fills the disk with a number.
// One thread at a time (service/upkeep/space_guard.h sees to it). Source: POSIX fstatvfs,
// posix_fallocate.
#ifndef KLUIS_SERVICE_UPKEEP_DISK_SPACE_H_
#define KLUIS_SERVICE_UPKEEP_DISK_SPACE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::service {

class DiskSpace {
 public:
  virtual ~DiskSpace() = default;

  // Bytes that a process without privileges may still write. kUnavailable: the system refused.
  virtual absl::StatusOr<uint64_t> FreeBytes() = 0;

  // Whether the reserve is there: a file of exactly `bytes`, each of them really taken.
  virtual bool IsReserved(uint64_t bytes) = 0;

  // Makes the reserve, in place of one of another size. After an error there is none.
  // kResourceExhausted: not enough space. kUnavailable: the system refused.
  virtual absl::Status Reserve(uint64_t bytes) = 0;

  // Gives the reserve back; also when there is none. kUnavailable: the system refused.
  virtual absl::Status Release() = 0;
};

// `reserve_path` is the reserve's file, in a directory that exists, on the file system of `data`
// (or, when that is not there yet, of the directory it will be made in).
// kFailedPrecondition: they are on different file systems. kNotFound: a directory is missing.
// kUnavailable: the system refused.
absl::StatusOr<std::unique_ptr<DiskSpace>> OpenDiskSpace(const std::string& data,
                                                         const std::string& reserve_path);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_UPKEEP_DISK_SPACE_H_
