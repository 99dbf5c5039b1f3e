// SPDX-License-Identifier: Apache-2.0
#include "service/host/keeper.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::service {

absl::StatusOr<std::unique_ptr<Keeper>> Keeper::Start(const Config& config, const Clock& clock,
                                                      const VaultStart& start) {
  auto daemon = Daemon::Start(config, clock, start);
  if (!daemon.ok()) return daemon.status();
  return std::unique_ptr<Keeper>(new Keeper(config, clock, *std::move(daemon)));
}

Keeper::Keeper(Config config, const Clock& clock, std::unique_ptr<Daemon> daemon)
    : config_(std::move(config)), clock_(clock), daemon_(std::move(daemon)) {
  // The port stays, also when the system chose it.
  const size_t colon = config_.server.listen.rfind(':');
  config_.server.listen =
      absl::StrCat(config_.server.listen.substr(0, colon), ":", daemon_->port());
}

absl::Status Keeper::Keep() {
  if (daemon_ != nullptr) {
    Vault& vault = daemon_->vault();
    if (vault.database().status().ok() || !vault.fault().text().empty()) return absl::OkStatus();
    kept_ = vault.KeptShares();
    start_.stay_sealed = vault.sealed_by_operator();
    daemon_.reset();  // one database at a time
  }
  absl::StatusOr<std::unique_ptr<Daemon>> opened = Daemon::Start(config_, clock_, start_, kept_);
  if (!opened.ok()) return opened.status();
  daemon_ = *std::move(opened);
  kept_.reset();
  ++reopened_;
  return absl::OkStatus();
}

}  // namespace kluis::service
