// SPDX-License-Identifier: Apache-2.0
#include "audit/tool/listening.h"

#include <optional>

#include "absl/status/status.h"

namespace kluis::audit {

void AddListening(base::Verb verb, Listening& listening) {
  verb.Text("--listen", listening.listen, "Where to listen; port 0 takes a free one")
      .Called("HOST:PORT")
      .ShowingDefault();
  verb.Flag("--allow-remote", listening.allow_remote, "Listen on more than loopback");
}

absl::StatusOr<base::HostPort> AddressOf(const Listening& listening) {
  const std::optional<base::HostPort> address = base::ParseHostPort(listening.listen);
  if (!address.has_value()) return absl::InvalidArgumentError("--listen: must be HOST:PORT");
  if (!base::IsLoopback(address->host) && !listening.allow_remote) {
    return absl::InvalidArgumentError(
        "--listen: not a loopback address; say --allow-remote if that is meant");
  }
  return *address;
}

sigset_t BlockEnds() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  return ends;
}

}  // namespace kluis::audit
