// SPDX-License-Identifier: Apache-2.0
// Carries out what a rotation order says (policy/: RotateTransform): every live template of the
// purpose is protected by the new transform and sealed under a new slot of its own, its old slot is
// punctured, and last the old transform's. Each template moves in one batch, so that a crash leaves
// it on one side or the other and whoever comes next goes on. Thread-safe.
#ifndef KLUIS_SERVICE_UPKEEP_ROTATION_H_
#define KLUIS_SERVICE_UPKEEP_ROTATION_H_

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/state.pb.h"
#include "service/custody/sealer.h"
#include "service/gallery/galleries.h"
#include "service/ledger/ledger.h"
#include "service/upkeep/eraser.h"
#include "storage/database.h"

namespace kluis::service {

class Rotations {
 public:
  // Asked between some 64 templates; true ends the work where it is.
  using ShouldStop = std::function<bool()>;

  Rotations(storage::Database& database, Ledger& ledger, const Sealer& sealer, Galleries& galleries,
            Eraser& eraser)
      : database_(database),
        ledger_(ledger),
        sealer_(sealer),
        galleries_(galleries),
        eraser_(eraser) {}

  // Renews what is left of the purpose's templates and ends its rotation; the number renewed. One
  // purpose at a time: waits for another that runs. OK with 0 when there is nothing to do.
  // kDeadlineExceeded: `should_stop`; what is left is left. kDataLoss: the row of a template does
  // not open; all others are renewed, and the purpose is not searched until it ends.
  // kUnavailable: the disk failed. kResourceExhausted, kFailedPrecondition: nothing is renewed, as
  // the slots of the rotation before wait for their files to be rewritten
  // (service/upkeep/concluder.h).
  absl::StatusOr<uint64_t> Finish(const std::string& purpose, const ShouldStop& should_stop);

  // Finish of every purpose that rotates; the first error, after all were tried.
  absl::Status FinishAll(const ShouldStop& should_stop);

  // FinishAll, before anything is served. OK also when some of it must wait for a sweep, because
  // the row of a template does not open or the disk has no room: until then the rules refuse to
  // search such a purpose, and all else goes on.
  absl::Status FinishAtStart();

 private:
  using Ids = std::vector<std::string>;

  absl::StatusOr<Ids> TemplatesUnder(const std::string& purpose, uint32_t transform_slot) const;
  absl::Status Move(const policy::Ruling& ruling, Writes& writes) const;
  Act ActFor(const std::string& id) const;
  absl::StatusOr<uint64_t> Renew(std::span<const std::string> ids);
  absl::StatusOr<uint64_t> RenewReadable(std::span<const std::string> ids);
  absl::Status End(const std::string& purpose);

  storage::Database& database_;
  Ledger& ledger_;
  const Sealer& sealer_;
  Galleries& galleries_;
  Eraser& eraser_;

  std::mutex mutex_;  // one purpose at a time
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_UPKEEP_ROTATION_H_
