// SPDX-License-Identifier: Apache-2.0
#include "crypto/memory.h"

#include <sodium.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

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

absl::Status BindLibrariesNow(char** arguments) {
  constexpr char kName[] = "LD_BIND_NOW";
  if (const char* now = std::getenv(kName); now != nullptr && *now != '\0') {
    return absl::OkStatus();
  }
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (unknown) return absl::InternalError("readlink: /proc/self/exe cannot be read");
  if (setenv(kName, "1", /*overwrite=*/1) != 0) {
    return absl::InternalError("setenv: LD_BIND_NOW cannot be set");
  }
  execv(program.c_str(), arguments);
  return absl::InternalError(
      absl::StrCat("execv: ", program.string(), " cannot be started again with LD_BIND_NOW=1"));
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
