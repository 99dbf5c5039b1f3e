// SPDX-License-Identifier: Apache-2.0
// Keeps a daemon going whose database failed. After a failed write nobody can know what is on the
// disk, so such a database answers nothing until it is opened again; a disk that was full and has
// space again is the common cause. The way back is the one that a crash takes: everything is closed
// and Vault::Open repairs what was left. Searches that ran are concluded as aborted, erasures are
// finished, the log goes on where it durably ended, and the port is the same.
//
// Not done for a vault that is out of service for another reason (service/process/fault.h): that is
// for its operator. One thread.
#ifndef KLUIS_SERVICE_HOST_KEEPER_H_
#define KLUIS_SERVICE_HOST_KEEPER_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "service/host/daemon.h"
#include "service/process/clock.h"
#include "service/process/config.h"

namespace kluis::service {

class Keeper {
 public:
  // Serving when this returns. `clock` must outlive it. Errors as Daemon::Start.
  static absl::StatusOr<std::unique_ptr<Keeper>> Start(const Config& config, const Clock& clock,
                                                       const VaultStart& start = {});

  // Opens the daemon again when its database failed. Call it every second. OK: it serves, or did
  // not fail. kUnavailable: not yet; the message says why. Any other: it will not open again by
  // itself, and the process should end. Takes as long as the calls that still run, and an opening.
  absl::Status Keep();

  // Null while it cannot be opened. Valid until the next Keep.
  Daemon* daemon() { return daemon_.get(); }

  // How often it was opened again.
  int reopened() const { return reopened_; }

 private:
  Keeper(Config config, const Clock& clock, std::unique_ptr<Daemon> daemon);

  Config config_;
  const Clock& clock_;
  std::unique_ptr<Daemon> daemon_;
  // While it cannot be opened: its holders are not called again for a disk that was full.
  std::shared_ptr<crypto::RootWrapper> kept_;
  VaultStart start_;  // of the next opening
  int reopened_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HOST_KEEPER_H_
