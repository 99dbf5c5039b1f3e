// What the process as a whole must do to keep secrets out of reach of a core dump.
#ifndef KLUIS_CRYPTO_MEMORY_H_
#define KLUIS_CRYPTO_MEMORY_H_

#include "absl/status/status.h"

namespace kluis::crypto {

// Forbids core dumps (RLIMIT_CORE 0) and makes the process undumpable (PR_SET_DUMPABLE 0), which
// also refuses ptrace and /proc/<pid>/mem to other processes of the same user. Call first in main,
// before any secret is read; both last until exec. Not thread-safe.
// kInternal: the kernel refused, the message names the call.
absl::Status HardenProcess();

// Starts libsodium once and aborts if it cannot start: without it there is no random generator.
// Every entry to crypto/ that needs it calls it itself. Thread-safe.
void EnsureSodium();

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_MEMORY_H_
