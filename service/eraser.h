// Finishes what an entry started: destroys the slot's key, then removes the rows, then says so in
// the log. Idempotent, so that a crash anywhere is made good at the next start. Threads that erase
// at the same time share one puncture. Thread-safe.
#ifndef KLUIS_SERVICE_ERASER_H_
#define KLUIS_SERVICE_ERASER_H_

#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "crypto/keyring.h"
#include "kluis/v1/state.pb.h"
#include "service/ledger.h"
#include "storage/database.h"

namespace kluis::service {

class Eraser {
 public:
  Eraser(storage::Database& database, crypto::Keyring& keyring, Ledger& ledger)
      : database_(database), keyring_(keyring), ledger_(ledger) {}

  // The entry that says it is done. When this returns OK the key is gone.
  // kUnavailable: the disk failed; the erasure stays pending and is tried again at the next start.
  absl::StatusOr<Committed> Erase(const v1::PendingErasure& erasure);

  // Erase of each, with one puncture and one sync: some hundred at most. The entries in that order.
  absl::StatusOr<std::vector<Committed>> EraseAll(std::span<const v1::PendingErasure> erasures);

  // Why the last puncture failed, in words; empty: it did not. Its erasures wait for the next one.
  std::string failure() const {
    const std::lock_guard lock(mutex_);
    return last_status_.ok() ? "" : absl::StrCat("erasures wait: ", last_status_.message());
  }

  // Everything that a crash left pending. Nothing may be served before this returns OK.
  absl::Status FinishAll();

 private:
  absl::Status Puncture(std::span<const v1::PendingErasure> erasures);
  absl::Status RemoveRows(const v1::PendingErasure& erasure, Writes& writes) const;

  storage::Database& database_;
  crypto::Keyring& keyring_;
  Ledger& ledger_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable finished_;
  std::vector<uint32_t> waiting_;
  bool puncturing_ = false;
  uint64_t round_ = 0;  // of the batch that is gathered now
  uint64_t finished_rounds_ = 0;
  absl::Status last_status_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ERASER_H_
