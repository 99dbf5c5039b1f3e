// SPDX-License-Identifier: Apache-2.0
// kluisd without its command line: a vault, its services and the server around them. Tests run it
// in their own process, with their own clock. Thread-safe once started.
#ifndef KLUIS_SERVICE_HOST_DAEMON_H_
#define KLUIS_SERVICE_HOST_DAEMON_H_

#include <memory>

#include "absl/status/statusor.h"
#include "service/host/server.h"
#include "service/process/clock.h"
#include "service/process/config.h"
#include "service/process/logging.h"
#include "service/vault.h"

namespace kluis::service {

class Daemon {
 public:
  // Opens the vault, unseals it where nobody needs to come for that, and opens the port. Serving
  // when this returns, or sealed: shares are awaited, the token is not there, or a recovery waits
  // for its order. `kept` are the shares that opened this vault in this process before. `clock`
  // must outlive it. Errors as Vault::Open, Vault::Unseal and Server::Start.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(
      const Config& config, const Clock& clock, VaultStart start = {},
      std::shared_ptr<crypto::RootWrapper> kept = nullptr);

  // Lets running calls end, then closes the vault.
  ~Daemon();

  int port() const;
  Vault& vault();

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HOST_DAEMON_H_
