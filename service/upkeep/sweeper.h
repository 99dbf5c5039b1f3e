// SPDX-License-Identifier: Apache-2.0
// Ends what is over: templates whose consent expired, cases whose warrant did or never came, cases
// past their retention, subjects with nothing left, years of authorities; and goes on with
// rotations. Rules already refuse what is over before a sweep comes by; the sweep makes it final.
//
// It runs on known time only. After time was disturbed (DecisionClock::Reading::disturbances) the
// next sweep looks first whom it would end: when that is more than a tenth of the people of a
// purpose, or of those whose details are kept, and more than 20, it waits for an operator's word.
// Thread-safe.
#ifndef KLUIS_SERVICE_UPKEEP_SWEEPER_H_
#define KLUIS_SERVICE_UPKEEP_SWEEPER_H_

#include <atomic>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "service/custody/sealer.h"
#include "service/gallery/galleries.h"
#include "service/ledger/ledger.h"
#include "service/process/ticker.h"
#include "service/upkeep/eraser.h"
#include "service/upkeep/rotation.h"
#include "storage/database.h"

namespace kluis::service {

class Sweeper {
 public:
  Sweeper(storage::Database& database, Ledger& ledger, const Sealer& sealer, Galleries& galleries,
          Eraser& eraser)
      : database_(database),
        ledger_(ledger),
        sealer_(sealer),
        galleries_(galleries),
        rotations_(database, ledger, sealer, galleries, eraser) {}

  // Ends everything that is over now, by the log's time. The first error ends the sweep; the next
  // one goes on. kUnavailable: nothing is ended while nobody knows the time. kFailedPrecondition:
  // nothing is ended, it waits for an approval.
  absl::Status SweepOnce();

  // Sweeps every `seconds` on a thread of its own until Stop.
  void Start(int seconds) {
    stopping_ = false;
    // An error here is an error of the store: it shows in every call, and the next sweep tries
    // again.
    ticker_.Start(seconds, [this] { SweepOnce().IgnoreError(); });
  }
  // Returns when no sweep runs; one that renews templates ends between two batches.
  void Stop() {
    stopping_ = true;
    ticker_.Stop();
  }

  // How many people a sweep would end that waits; 0: none does.
  uint64_t waits_for() const { return waits_for_; }

  // A sweep that waits may end so many people.
  void Approve(uint64_t people) { approved_ = people; }

  // What carries out rotations; a sweep goes on with those that a call or a crash left.
  Rotations& rotations() { return rotations_; }

 private:
  absl::Status EndTemplates(const v1::LegalProfile& profile, policy::Time now);
  absl::Status EndCases(const v1::LegalProfile& profile, policy::Time now);
  absl::Status ForgetSubjects(const v1::LegalProfile& profile, policy::Time now);
  absl::Status ForgetAuthorityYears(const v1::LegalProfile& profile, policy::Time now);
  absl::StatusOr<uint64_t> CountUnusual(const v1::LegalProfile& profile, policy::Time now) const;
  absl::Status EndWhatIsOver(const v1::LegalProfile& profile, const DecisionClock::Reading& clock);
  absl::Status LookFirst(const v1::LegalProfile& profile, const DecisionClock::Reading& clock);
  bool IsPending(v1::ErasureTarget target, const std::string& id) const;
  // Commits the act, under the name of a sweep.
  absl::Status Carry(Act act);

  storage::Database& database_;
  Ledger& ledger_;
  const Sealer& sealer_;
  Galleries& galleries_;

  Rotations rotations_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> waits_for_ = 0;
  std::atomic<uint64_t> approved_ = 0;
  uint64_t seen_disturbances_ = 0;  // up to which sweeps were looked at; under mutex_
  std::mutex mutex_;                // one sweep at a time
  Ticker ticker_;                   // last: ends before what it works on
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_UPKEEP_SWEEPER_H_
