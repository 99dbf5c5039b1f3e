// SPDX-License-Identifier: Apache-2.0
// A disk of which a test says how much is taken. Thread-safe as far as its guard is.
#ifndef KLUIS_TESTS_FAKES_FAKE_DISK_SPACE_H_
#define KLUIS_TESTS_FAKES_FAKE_DISK_SPACE_H_

#include <cstdint>

#include "service/upkeep/disk_space.h"

namespace kluis::service {

// The disk itself, which outlives the guard that looks at it through a FakeDiskSpace.
struct FakeDisk {
  uint64_t free = 0;  // without the reserve
  uint64_t reserved = 0;
  int looks = 0;
  int reserves = 0;  // tried
  int releases = 0;
  absl::Status look_status;
  absl::Status reserve_status;
  absl::Status release_status;
};

class FakeDiskSpace final : public DiskSpace {
 public:
  explicit FakeDiskSpace(FakeDisk& disk) : disk_(disk) {}

  absl::StatusOr<uint64_t> FreeBytes() override {
    ++disk_.looks;
    if (!disk_.look_status.ok()) return disk_.look_status;
    return disk_.free;
  }
  bool IsReserved(uint64_t bytes) override { return disk_.reserved == bytes; }
  absl::Status Reserve(uint64_t bytes) override {
    ++disk_.reserves;
    if (!disk_.reserve_status.ok()) return disk_.reserve_status;
    disk_.free += disk_.reserved;
    disk_.reserved = 0;
    if (disk_.free < bytes) return absl::ResourceExhaustedError("fake disk: full");
    disk_.free -= bytes;
    disk_.reserved = bytes;
    return absl::OkStatus();
  }
  absl::Status Release() override {
    ++disk_.releases;
    if (!disk_.release_status.ok()) return disk_.release_status;
    disk_.free += disk_.reserved;
    disk_.reserved = 0;
    return absl::OkStatus();
  }

 private:
  FakeDisk& disk_;
};

}  // namespace kluis::service

#endif  // KLUIS_TESTS_FAKES_FAKE_DISK_SPACE_H_
