// SPDX-License-Identifier: Apache-2.0
// Keeps the last of the disk for those who take something back. While space is short, nothing is
// written but revocations, reads of what is held, and the upkeep that both need; a reserve on the
// disk is given back for them, and made again once there is space. So a full disk stops enrolments
// and searches, never a withdrawal, and nobody restarts anything. Thread-safe.
//
//   level     begins below (default)      who may write
//   OK        -                           everybody
//   LOW       low_bytes (32 MiB free)     revocations, reads and upkeep
//   CRITICAL  half of low_bytes           the same; the reserve is given back
//   FULL      an eighth of low_bytes      nobody: a write that fails would end the database
//
// A level is left for a better one only with half as much again as its mark, so it does not flap,
// and only by Refresh. While the reserve is away the level is CRITICAL or FULL.
#ifndef KLUIS_SERVICE_UPKEEP_SPACE_GUARD_H_
#define KLUIS_SERVICE_UPKEEP_SPACE_GUARD_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "absl/status/status.h"
#include "kluis/v1/ledger.pb.h"
#include "service/upkeep/disk_space.h"

namespace kluis::service {

// The reason of every refusal for want of space; no entry is made of one.
inline constexpr char kAuditUnavailable[] = "AUDIT_UNAVAILABLE";

enum class SpaceLevel { kOk, kLow, kCritical, kFull };  // from best to worst

// What a level permits, for operators: begins with its name in lowercase.
std::string_view InWords(SpaceLevel level);

// Whether acts of this kind go on while space is short. An act that is not decided on here does
// not compile.
bool GoesOnWithoutSpace(v1::Command::ActCase act);

class SpaceGuard {
 public:
  struct Options {
    uint64_t reserve_bytes = uint64_t{64} << 20;  // 0: none is made
    uint64_t low_bytes = uint64_t{32} << 20;      // at least 1 MiB
    std::chrono::milliseconds fresh_for{10};      // Admit looks again after this
  };

  // Takes over a reserve that is already there, and refreshes once. Open it before the database:
  // on a full disk the reserve is what the database opens with.
  SpaceGuard(std::unique_ptr<DiskSpace> disk, Options options);

  // Looks at the disk and settles level and reserve, for better or worse. Call it every second.
  SpaceLevel Refresh();

  // OK, or why this command cannot be written now: kUnavailable with the reason AUDIT_UNAVAILABLE.
  // Looks at the disk first unless somebody just did; that can only make the level worse.
  absl::Status Admit(const v1::Command& command);

  SpaceLevel level() const;
  // As last seen, without the reserve.
  uint64_t free_bytes() const;
  bool has_reserve() const;

 private:
  SpaceLevel Plain(uint64_t free) const;
  void Look(bool may_improve);

  const std::unique_ptr<DiskSpace> disk_;
  const Options options_;

  mutable std::mutex mutex_;  // guards what follows, and the disk
  SpaceLevel level_ = SpaceLevel::kOk;
  uint64_t free_bytes_ = 0;
  bool reserved_ = false;
  std::chrono::steady_clock::time_point looked_at_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_UPKEEP_SPACE_GUARD_H_
