// SPDX-License-Identifier: Apache-2.0
// A whole vault in this process, in a directory of its own, with a clock that stands still, and
// everybody around it. Founded and set up when constructed.
#ifndef KLUIS_TESTS_FAKES_TEST_VAULT_H_
#define KLUIS_TESTS_FAKES_TEST_VAULT_H_

#include <functional>
#include <memory>
#include <string>

#include "service/host/daemon.h"
#include "service/process/config.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_world.h"

namespace kluis {

// What TestWorld needs before it is made.
struct VaultPlace {
  service::FakeClock clock{1'800'000'000};
  ScratchDirectory scratch;
};

class TestVault : private VaultPlace, public TestWorld {
 public:
  explicit TestVault(double target_fpir = 1e-3);
  // With settings of its own; `unseal` does what the start of such a vault needs.
  explicit TestVault(const std::function<void(service::Config&)>& configure,
                     const std::function<void(TestVault&)>& unseal = {});

  // Stops the daemon and starts it again on the same files. Not while calls run.
  void Restart();
  // The two halves of Restart; what the start said.
  void ShutDown() { daemon_.reset(); }
  absl::Status TryStart();

  void Advance(int64_t seconds) { VaultPlace::clock.Advance(seconds); }
  void SetTime(int64_t now) { VaultPlace::clock.Set(now); }
  // What the vault's own sweep does, and FinishErasures.
  void Sweep();
  // Has the files rewritten of what is erased, and the log says that it is done.
  void FinishErasures();

  service::Vault& vault() { return daemon_->vault(); }
  service::Daemon& daemon() { return *daemon_; }
  // Takes effect at the next start.
  service::Config& config() { return config_; }
  service::FakeClock& clock() { return VaultPlace::clock; }
  const std::string& directory() const { return scratch.path(); }

 private:
  void Configure();
  void Start();

  service::Config config_;
  std::unique_ptr<service::Daemon> daemon_;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_TEST_VAULT_H_
