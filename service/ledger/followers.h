// SPDX-License-Identifier: Apache-2.0
// Who keeps in step with the log while the vault is open. The ledger calls them by what an entry
// changed, so that no act can forget to. Implemented above the ledger.
#ifndef KLUIS_SERVICE_LEDGER_FOLLOWERS_H_
#define KLUIS_SERVICE_LEDGER_FOLLOWERS_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "kluis/v1/ledger.pb.h"
#include "service/ledger/act.h"

namespace kluis::service {

// Keeps what is in memory like the state.
class StateFollower {
 public:
  virtual ~StateFollower() = default;

  // One change of an allowed act, in the order of the log and under the ledger's lock: in force
  // when this returns, before the next act is decided and before anybody is answered. `enrolled`:
  // the protected template of an enrolment; empty for any other act.
  virtual void Follow(const v1::RecordChange& change, std::span<const float> enrolled) = 0;
};

// Carries out the erasures that entries start.
class ErasureFollower {
 public:
  virtual ~ErasureFollower() = default;

  // Of entries that are durable, before anybody is answered: the keys are destroyed and the rows
  // removed when this returns OK. The keyring's commitment then; empty when they started nothing.
  // kUnavailable: the disk failed; the erasures stay pending and are tried again at the next start.
  virtual absl::StatusOr<std::string> Follow(std::span<const Committed> entries) = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_FOLLOWERS_H_
