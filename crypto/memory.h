// SPDX-License-Identifier: Apache-2.0
// What the process as a whole must do to keep secrets out of reach of a core dump, and what it can
// find out about being written to a disk.
#ifndef KLUIS_CRYPTO_MEMORY_H_
#define KLUIS_CRYPTO_MEMORY_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::crypto {

// Forbids core dumps (RLIMIT_CORE 0) and makes the process undumpable (PR_SET_DUMPABLE 0), which
// also refuses ptrace and /proc/<pid>/mem to other processes of the same user. Call first in main,
// before any secret is read; both last until exec. Not thread-safe.
// kInternal: the kernel refused, the message names the call.
absl::Status HardenProcess();

// Has every function of every shared library found before main, and not at its first call: starts
// this program again, with the same arguments, unless LD_BIND_NOW is in the environment already.
// Finding a function at its first call puts the vector registers on the stack, and in them may be
// what was copied last: pieces of faces stayed there for as long as the thread lived. Call before
// anything is opened; returns only where nothing had to be done. Not thread-safe.
// kInternal: it could not be started again, the message names the call.
// Source: ld.so(8); _dl_runtime_resolve in glibc 2.36, sysdeps/x86_64/dl-trampoline.h.
absl::Status BindLibrariesNow(char** arguments);

// Whether `bytes` can be locked in memory beside what is locked already: tries it, and gives them
// back. kResourceExhausted: no, RLIMIT_MEMLOCK is lower (and CAP_IPC_LOCK is not held); secrets
// then lie in pages that the kernel may write to swap. Thread-safe.
absl::Status CanLockMemory(size_t bytes);

// RLIMIT_MEMLOCK in bytes, as it is in force; SIZE_MAX when there is none.
size_t LockedMemoryLimit();

// Whether the machine has any swap, be it a disk or compressed memory: requests and answers, which
// are not locked, may go there. `table` is in the form of /proc/swaps: a line of titles, then a
// line for each. kUnavailable: it cannot be read.
absl::StatusOr<bool> SwapIsOn(const std::string& table = "/proc/swaps");

// Starts libsodium once and aborts if it cannot start: without it there is no random generator.
// Every entry to crypto/ that needs it calls it itself. Thread-safe.
void EnsureSodium();

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_MEMORY_H_
