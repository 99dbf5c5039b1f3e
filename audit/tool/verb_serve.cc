// kluis-audit serve: a published log by plain HTTP, for whoever has no web server.
#include <signal.h>

#include <iostream>
#include <memory>
#include <optional>

#include "audit/host_port.h"
#include "audit/tool/log_server.h"
#include "audit/tool/verbs.h"

namespace kluis::audit {
namespace {

struct ServeOptions {
  std::string directory;
  std::string listen = "127.0.0.1:0";
  bool allow_remote = false;
};

// Serves until SIGTERM or SIGINT.
ExitCode RunServe(const ServeOptions& options) {
  const std::optional<HostPort> address = ParseHostPort(options.listen);
  if (!address.has_value()) {
    return Tell(absl::InvalidArgumentError("--listen: must be HOST:PORT"), kUsage);
  }
  if (!IsLoopback(address->host) && !options.allow_remote) {
    return Tell(absl::InvalidArgumentError(
                    "--listen: not a loopback address; say --allow-remote if that is meant"),
                kUsage);
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // before the first thread, which inherits it
  const auto server = LogServer::Start(options.directory, *address);
  if (!server.ok()) return Tell(server.status(), kDiffers);
  std::cout << "port " << (*server)->port() << std::endl;
  int signal = 0;
  sigwait(&ends, &signal);
  return kVerified;
}

}  // namespace

CLI::App* AddServeVerb(CLI::App& app, VerbResult& result) {
  CLI::App* const verb =
      app.add_subcommand("serve", "Serve a published log by plain HTTP, for everybody to read");
  verb->footer(
      "GET and HEAD of checkpoint and tiles, nothing else; give it the published directory and no\n"
      "more rights than to read that. Prints its port; SIGTERM ends it. Any static web server "
      "does\n"
      "the same: deploy/nginx-log.conf.\n"
      "Example:\n"
      "  kluis-audit serve /srv/kluis/log --listen 192.0.2.7:8080 --allow-remote\n");
  auto options = std::make_shared<ServeOptions>();
  AddDirectory(*verb, options->directory);
  verb->add_option("--listen", options->listen, "Where to listen; port 0 takes a free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  verb->add_flag("--allow-remote", options->allow_remote, "Listen on more than loopback");
  verb->final_callback(
      [&result, options] { result.run = [options] { return RunServe(*options); }; });
  return verb;
}

}  // namespace kluis::audit
