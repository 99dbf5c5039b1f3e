// How the whole process uses memory and locks.
#ifndef KLUIS_SERVICE_PROCESS_H_
#define KLUIS_SERVICE_PROCESS_H_

#include <malloc.h>

#include "absl/synchronization/mutex.h"

namespace kluis::service {

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

#endif  // KLUIS_SERVICE_PROCESS_H_
