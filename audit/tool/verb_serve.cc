// SPDX-License-Identifier: Apache-2.0
// kluis-audit serve: a published log by plain HTTP, for whoever has no web server.
#include <iostream>
#include <memory>

#include "audit/tool/listening.h"
#include "audit/tool/log_server.h"
#include "audit/tool/verbs.h"

namespace kluis::audit {
namespace {

struct ServeOptions {
  std::string directory;
  Listening listening;
};

// Serves until SIGTERM or SIGINT.
ExitCode RunServe(const ServeOptions& options) {
  const absl::StatusOr<base::HostPort> address = AddressOf(options.listening);
  if (!address.ok()) return Tell(address.status(), kUsage);
  const sigset_t ends = BlockEnds();
  const auto server = LogServer::Start(options.directory, *address);
  if (!server.ok()) return Tell(server.status(), kDiffers);
  std::cout << "port " << (*server)->port() << std::endl;
  int signal = 0;
  sigwait(&ends, &signal);
  return kVerified;
}

}  // namespace

void AddServeVerb(base::Verb root, VerbResult& result) {
  auto [verb, options] = AddVerb<ServeOptions>(
      root, result, "serve", "Serve a published log by plain HTTP, for everybody to read",
      "GET and HEAD of checkpoint and tiles, nothing else; give it the published directory and no\n"
      "more rights than to read that. Prints its port; SIGTERM ends it. Any static web server "
      "does\n"
      "the same: deploy/nginx-log.conf.\n"
      "Example:\n"
      "  kluis-audit serve /srv/kluis/log --listen 192.0.2.7:8080 --allow-remote\n",
      RunServe);
  AddDirectory(verb, options->directory);
  AddListening(verb, options->listening);
}

}  // namespace kluis::audit
