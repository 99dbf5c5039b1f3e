// SPDX-License-Identifier: Apache-2.0
// Calls the vault's own port every few seconds, as a client without a certificate does, and opens
// it anew when nobody answers. gRPC 1.51 stops accepting for good when it once ran out of
// descriptors (CVE-2023-4785), and nothing else shows it. Thread-safe; Look belongs to one thread.
#ifndef KLUIS_SERVICE_HOST_PORT_WATCH_H_
#define KLUIS_SERVICE_HOST_PORT_WATCH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace kluis::service {

// Connects to `listen`, host:port, says something that is not TLS, and waits until the other end
// answers or hangs up. kDeadlineExceeded: it does neither for `patience`. kUnavailable: nobody
// listens. kResourceExhausted: this process has no descriptor left to ask with.
absl::Status ProbePort(const std::string& listen, absl::Duration patience);

// Raises the limit of open files to what the system allows. kFailedPrecondition: that is under
// `least`.
absl::Status RaiseDescriptorLimit(uint64_t least);

class PortWatch {
 public:
  // So many silent looks in a row are no accident of load.
  static constexpr int kSilentLooks = 3;

  using Act = std::function<absl::Status()>;
  PortWatch(Act probe, Act reopen) : probe_(std::move(probe)), reopen_(std::move(reopen)) {}

  // One look. OK: somebody answered. Else why not; after kSilentLooks of them the port was opened
  // anew, or the message says why it was not.
  absl::Status Look();

  // The last look found nobody.
  bool deaf() const { return silent_ > 0; }
  // How often the port was opened anew.
  uint64_t reopened() const { return reopened_; }

 private:
  const Act probe_;
  const Act reopen_;
  std::atomic<int> silent_ = 0;
  std::atomic<uint64_t> reopened_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HOST_PORT_WATCH_H_
