// SPDX-License-Identifier: Apache-2.0
// The second half of an erasure. Key and rows are gone (service/upkeep/eraser.h); this rewrites the
// tables that still hold the rows' bytes and then says in the log that the erasure is done, for all
// that wait together. A thread of its own begins at once and takes at most a twentieth of the time.
// What it does not come to, the next start finishes. Thread-safe.
#ifndef KLUIS_SERVICE_UPKEEP_CONCLUDER_H_
#define KLUIS_SERVICE_UPKEEP_CONCLUDER_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "crypto/keyring.h"
#include "kluis/v1/state.pb.h"
#include "service/ledger/ledger.h"
#include "storage/database.h"

namespace kluis::service {

class Concluder {
 public:
  Concluder(storage::Database& database, const crypto::Keyring& keyring, Ledger& ledger)
      : database_(database), keyring_(keyring), ledger_(ledger) {}
  ~Concluder() { Stop(); }
  Concluder(const Concluder&) = delete;
  Concluder& operator=(const Concluder&) = delete;

  // Takes over erasures whose keys are destroyed and whose rows are removed durably.
  void Add(std::span<const v1::PendingErasure> erasures);

  // Rewrites what was deleted, also before this process, and commits EraseDone for every erasure
  // that was added before the call. After an error the erasures wait for the next call.
  // kResourceExhausted: the disk has no room for it. kFailedPrecondition: a scan or a backup still
  // reads the old files. Others: the store's.
  absl::Status Conclude();

  // Whether an error of Conclude only means that erasures wait.
  static bool Waits(const absl::Status& status) {
    return absl::IsResourceExhausted(status) || absl::IsFailedPrecondition(status);
  }

  // Begins to conclude on a thread of its own, first what an earlier process left in the tables.
  void Start();
  // Returns when that thread has ended; a compaction that runs is interrupted. What waits, waits.
  void Stop();

  // Why erasures wait, in words; empty: none does for longer than it takes.
  std::string failure() const;

 private:
  absl::Status SayDone(std::span<const v1::PendingErasure> erasures, size_t& said);
  void Run();

  storage::Database& database_;
  const crypto::Keyring& keyring_;
  Ledger& ledger_;

  std::mutex concluding_;  // one at a time; taken before mutex_

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<v1::PendingErasure> waiting_;
  absl::Status last_status_;
  bool due_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_UPKEEP_CONCLUDER_H_
