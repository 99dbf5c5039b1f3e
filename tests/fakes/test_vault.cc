// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/test_vault.h"

#include <cstdio>
#include <cstdlib>

namespace kluis {
namespace {

void RequireOk(const absl::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "test vault: %s: %s\n", what, std::string(status.message()).c_str());
  std::abort();
}

}  // namespace

TestVault::TestVault(double target_fpir) : TestWorld(VaultPlace::clock, target_fpir) {
  Configure();
  Start();
  SetUp();
}

TestVault::TestVault(const std::function<void(service::Config&)>& configure,
                     const std::function<void(TestVault&)>& unseal)
    : TestWorld(VaultPlace::clock) {
  Configure();
  configure(config_);
  Start();
  if (unseal) unseal(*this);
  SetUp();
}

void TestVault::Configure() {
  const std::string& place = scratch.path();
  WriteFounding(place);
  config_.server.listen = "127.0.0.1:0";
  config_.server.ca = Pki() + "/ca.crt";
  config_.server.cert = Pki() + "/server.crt";
  config_.server.key = Pki() + "/server.key";
  config_.vault.data = place + "/data";
  config_.vault.founding = place + "/founding.dsse.json";
  config_.vault.backups = place + "/backups";
  config_.vault.reserve_mib = 1;
  config_.vault.sweep_seconds = 3600;  // a test sweeps when it wants to
  config_.keys.keyring = place + "/keys/keyring";
  config_.keys.root_key = place + "/keys/root.key";
  config_.keys.log_signer = place + "/keys/log.key";
  config_.audit.directory = place + "/log";
  config_.audit.anchor = place + "/keys/checkpoint";
  config_.limits.member_rate = 1'000'000;  // a test of limits sets its own
  config_.limits.subject_rate = 1'000'000;
  config_.limits.member_calls = 384;
  config_.limits.subject_calls = 384;
  config_.log.level = "debug";
  config_.log.file = place + "/kluisd.log";
}

void TestVault::Start() { RequireOk(TryStart(), "start"); }

absl::Status TestVault::TryStart() {
  auto daemon = service::Daemon::Start(config_, VaultPlace::clock);
  if (!daemon.ok()) return daemon.status();
  daemon_ = *std::move(daemon);
  Connect(daemon_->port());
  return absl::OkStatus();
}

void TestVault::Restart() {
  daemon_.reset();
  Start();
}

void TestVault::Sweep() {
  RequireOk(vault().sweeper().SweepOnce(), "sweep");
  FinishErasures();
}

void TestVault::FinishErasures() {
  absl::Status concluded;
  do {  // waits for scans by itself
    concluded = vault().eraser().concluder().Conclude();
  } while (absl::IsFailedPrecondition(concluded));
  RequireOk(concluded, "finish erasures");
}

}  // namespace kluis
