// SPDX-License-Identifier: Apache-2.0
// How the whole process uses memory and locks.
#ifndef KLUIS_SERVICE_PROCESS_PROCESS_H_
#define KLUIS_SERVICE_PROCESS_PROCESS_H_

#include <malloc.h>

#include <cstddef>

#include "absl/synchronization/mutex.h"
#include "crypto/memory.h"
#include "service/process/logging.h"

namespace kluis::service {

// What must be lockable for no secret to lie in pages that may be swapped out: the keys of a
// gallery's load, 100 KiB a thread, the templates of an atomic batch of 10,000 rows, 2 KiB each,
// and room beside them.
inline constexpr size_t kLockedBytesNeeded = 32 << 20;

// Says in the log what a reader of the machine's swap could find: "memory-not-locked" when less
// than kLockedBytesNeeded can be locked, "swap-is-on". At each start; nothing is refused.
inline void WarnOfSwap(Logger& logger) {
  if (!crypto::CanLockMemory(kLockedBytesNeeded).ok()) {
    logger.Warn("memory-not-locked", {{"limit_kib", crypto::LockedMemoryLimit() / 1024},
                                      {"needed_kib", kLockedBytesNeeded / 1024}});
  }
  if (crypto::SwapIsOn().value_or(false)) logger.Warn("swap-is-on");
}

// Once, first in main, before any thread.
inline void TuneProcess() {
  // With messages and batches of some kilobytes glibc otherwise gives memory back and faults the
  // same pages in at every call.
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  // Every block of a kilobyte and more would first merge all small ones that were freed.
  mallopt(M_MXFAST, 0);
  // Debian's abseil looks for lock cycles at every lock that gRPC takes: a check for its own tests.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_PROCESS_H_
