#include "crypto/memory.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>

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

void EnsureSodium() {
  static const int started = sodium_init();
  if (started < 0) std::abort();
}

}  // namespace kluis::crypto
