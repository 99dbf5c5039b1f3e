// SPDX-License-Identifier: Apache-2.0
// The first half of an erasure that an entry started: destroys the slot's key, then removes the
// rows. That is what an answer waits for; the second half is the concluder's
// (service/upkeep/concluder.h). Idempotent, so that a crash anywhere is made good at the next
// start. Threads that erase at the same time share one puncture. Thread-safe.
#ifndef KLUIS_SERVICE_UPKEEP_ERASER_H_
#define KLUIS_SERVICE_UPKEEP_ERASER_H_

#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/keyring.h"
#include "kluis/v1/state.pb.h"
#include "service/ledger/followers.h"
#include "service/ledger/ledger.h"
#include "service/upkeep/concluder.h"
#include "storage/database.h"

namespace kluis::service {

class Eraser : public ErasureFollower {
 public:
  Eraser(storage::Database& database, crypto::Keyring& keyring, Ledger& ledger)
      : database_(database), keyring_(keyring), concluder_(database, keyring, ledger) {}

  // When this returns OK the keys are gone in every place and the rows are removed, both durably,
  // and the concluder has the rest. The keyring's commitment after the puncture: 32 bytes. One
  // puncture and one sync: some hundred erasures at most.
  // kUnavailable: the disk failed; the erasures stay pending and are tried again at the next start.
  absl::StatusOr<std::string> Erase(std::span<const v1::PendingErasure> erasures);

  // Erase of what these entries started.
  absl::StatusOr<std::string> Follow(std::span<const Committed> entries) override;

  // Why erasures wait, in words; empty: none does. After a puncture that failed, for the next one.
  std::string failure() const;

  // Both halves of everything that was left pending. Nothing may be served before this returns OK.
  // OK also when all that is left waits for room on the disk (Concluder::Waits).
  absl::Status FinishAll();

  Concluder& concluder() { return concluder_; }

 private:
  // Erase of any number.
  absl::StatusOr<std::string> EraseInTurns(std::span<const v1::PendingErasure> erasures);
  absl::Status Puncture(std::span<const v1::PendingErasure> erasures);
  absl::Status RemoveRows(const v1::PendingErasure& erasure, storage::Batch& batch) const;

  storage::Database& database_;
  crypto::Keyring& keyring_;
  Concluder concluder_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable finished_;
  std::vector<uint32_t> waiting_;
  bool puncturing_ = false;
  uint64_t round_ = 0;  // of the batch that is gathered now
  uint64_t finished_rounds_ = 0;
  absl::Status last_status_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_UPKEEP_ERASER_H_
