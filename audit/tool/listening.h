// SPDX-License-Identifier: Apache-2.0
// What the verbs that serve share: where they listen, and what ends them. For one thread.
#ifndef KLUIS_AUDIT_TOOL_LISTENING_H_
#define KLUIS_AUDIT_TOOL_LISTENING_H_

#include <signal.h>

#include <string>

#include "absl/status/statusor.h"
#include "base/command_line.h"
#include "base/host_port.h"

namespace kluis::audit {

struct Listening {
  std::string listen = "127.0.0.1:0";
  bool allow_remote = false;
};

// --listen and --allow-remote. Written when the line is read.
void AddListening(base::Verb verb, Listening& listening);

// kInvalidArgument: not HOST:PORT, or more than loopback without --allow-remote.
absl::StatusOr<base::HostPort> AddressOf(const Listening& listening);

// SIGTERM and SIGINT, which from now on wait for sigwait. Before the first thread, which inherits
// it.
sigset_t BlockEnds();

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_LISTENING_H_
