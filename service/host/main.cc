// SPDX-License-Identifier: Apache-2.0
// kluisd: reads its configuration, serves until SIGTERM or SIGINT, and lets running calls end.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>

#include "base/command_line.h"
#include "base/version.h"
#include "crypto/memory.h"
#include "service/host/keeper.h"
#include "service/host/port_watch.h"
#include "service/process/clock.h"
#include "service/process/config.h"
#include "service/process/memory_return.h"
#include "service/process/process.h"

namespace {

constexpr uint64_t kLeastDescriptors = 1024;  // of the database, its log, and some hundred callers

constexpr char kFooter[] =
    "Examples:\n"
    "  kluisd --config /etc/kluis/kluisd.toml\n"
    "  kluisd --config /etc/kluis/kluisd.toml --recover --backup 12\n"
    "Every setting is explained in deploy/kluisd.example.toml.";

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "kluisd: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status bound = kluis::crypto::BindLibrariesNow(argv);
  if (!bound.ok()) return Fail(bound);
  std::string path = "kluisd.toml";
  bool check = false;
  kluis::service::VaultStart start;
  kluis::base::CommandLine line(
      "", "kluisd: the vault. Serves until SIGTERM, then lets running calls end.", kFooter);
  line.Version("kluisd " + kluis::base::Version());
  kluis::base::Verb root = line.root();
  root.Text("-c,--config", path, "the configuration file").ShowingDefault();
  root.Flag("--check", check, "read and check the configuration, then end");
  const auto recover =
      root.Flag("--recover", start.recover,
                "the database was lost: restore a backup, roll it forward from the published log, "
                "and wait for `kluis vault restore`");
  root.Count("--backup", start.backup, "the backup to restore; else the newest")
      .Called("N")
      .Needs(recover);
  const std::optional<int> ended = line.Read(argc, argv, std::cout, std::cerr);
  if (ended.has_value()) return *ended;

  // gRPC writes its own lines to stderr otherwise, with text that nobody here has read.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  kluis::service::TuneProcess();
  const absl::Status descriptors = kluis::service::RaiseDescriptorLimit(kLeastDescriptors);
  if (!descriptors.ok()) return Fail(descriptors);
  const absl::Status hardened = kluis::crypto::HardenProcess();
  if (!hardened.ok()) return Fail(hardened);
  // Blocked before any thread starts, so that sigwait below is the only one to see them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const absl::StatusOr<kluis::service::Config> config = kluis::service::LoadConfig(path);
  if (!config.ok()) return Fail(config.status());
  if (check) {
    std::printf("%s: in order\n", path.c_str());
    return 0;
  }
  const kluis::service::SystemClock clock;
  const auto keeper = kluis::service::Keeper::Start(*config, clock, start);
  if (!keeper.ok()) return Fail(keeper.status());
  kluis::service::Daemon& daemon = *(*keeper)->daemon();
  const bool open = daemon.vault().gate().is_open();
  std::printf("kluisd: %s %s on port %d\n", daemon.vault().origin().c_str(),
              open ? "serving" : "sealed (`kluis vault status` says why)", daemon.port());
  std::fflush(stdout);
  const timespec second = {1, 0};
  bool told = false;  // that it cannot be opened again yet
  kluis::service::MemoryReturn memory;
  while (sigtimedwait(&signals, nullptr, &second) < 0) {
    memory.Tick();
    const absl::Status kept = (*keeper)->Keep();
    if (!kept.ok() && (!told || !absl::IsUnavailable(kept))) Fail(kept);
    if (!kept.ok() && !absl::IsUnavailable(kept)) return 1;
    told = !kept.ok();
  }
  return 0;
}
