// SPDX-License-Identifier: Apache-2.0
// A vault kept as main keeps it, with everything in one directory of the test's choice, and
// everybody around it. Founded and set up when constructed. One thread.
#ifndef KLUIS_TESTS_FAKES_KEPT_VAULT_H_
#define KLUIS_TESTS_FAKES_KEPT_VAULT_H_

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "service/host/keeper.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/test_world.h"

namespace kluis {

struct KeptClock {
  service::FakeClock clock{1'800'000'000};
};

class KeptVault : private KeptClock, public TestWorld {
 public:
  explicit KeptVault(const std::string& place) : TestWorld(KeptClock::clock) {
    WriteFounding(place);
    const auto config = service::ParseConfig(
        "[server]\nlisten = \"127.0.0.1:0\"\nca = \"" + Pki() + "/ca.crt\"\ncert = \"" + Pki() +
            "/server.crt\"\nkey = \"" + Pki() + "/server.key\"\n[vault]\nsweep_seconds = 3600\n" +
            "[log]\nfile = \"" + place + "/kluisd.log\"\n",
        place, "kluisd.toml");
    EXPECT_TRUE(config.ok()) << config.status();
    config_ = *config;
    EXPECT_TRUE(StartProcess().ok());
    SetUp();
  }

  // The end of the process, and its next start.
  void EndProcess() { keeper_.reset(); }
  absl::Status StartProcess() {
    auto keeper = service::Keeper::Start(config_, KeptClock::clock);
    if (!keeper.ok()) return keeper.status();
    keeper_ = *std::move(keeper);
    port_ = keeper_->daemon()->port();
    Connect(port_);
    return absl::OkStatus();
  }

  // What main does every second. Clients come back without waiting for their next attempt.
  absl::Status Keep() {
    const int before = keeper_->reopened();
    const absl::Status kept = keeper_->Keep();
    if (kept.ok() && keeper_->reopened() > before) Connect(port_);
    return kept;
  }

  service::Vault& vault() { return keeper_->daemon()->vault(); }
  int reopened() const { return keeper_->reopened(); }
  int port() const { return keeper_->daemon()->port(); }
  int first_port() const { return port_; }

 private:
  service::Config config_;
  std::unique_ptr<service::Keeper> keeper_;
  int port_ = 0;
};

// Whether it comes to hold within 20 seconds.
inline bool Eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_KEPT_VAULT_H_
