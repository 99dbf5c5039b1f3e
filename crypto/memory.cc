#include "crypto/memory.h"

#include <sodium.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "absl/status/status.h"

namespace kluis::crypto {

absl::Status HardenProcess() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) {
    return absl::InternalError("setrlimit: RLIMIT_CORE cannot be set to 0");
  }
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return absl::InternalError("prctl: PR_SET_DUMPABLE cannot be cleared");
  }
  return absl::OkStatus();
}

absl::Status CanLockMemory(size_t bytes) {
  void* const pages =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return absl::ResourceExhaustedError("mmap: no memory to lock");
  const bool locked = mlock(pages, bytes) == 0;
  munmap(pages, bytes);
  if (locked) return absl::OkStatus();
  return absl::ResourceExhaustedError("mlock: RLIMIT_MEMLOCK is too low");
}

size_t LockedMemoryLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  return limit.rlim_cur;
}

absl::StatusOr<bool> SwapIsOn(const std::string& table) {
  std::ifstream file(table);
  std::string line;
  if (!std::getline(file, line)) return absl::UnavailableError("swap: its table cannot be read");
  return static_cast<bool>(std::getline(file, line)) && !line.empty();
}

void EnsureSodium() {
  static const int started = sodium_init();
  if (started < 0) std::abort();
}

}  // namespace kluis::crypto
