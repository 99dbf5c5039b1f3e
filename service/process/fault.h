// SPDX-License-Identifier: Apache-2.0
// What is so wrong with the vault's own storage that it must not answer: the database or the
// published log was exchanged, two ways to the log's root differ, a witness knows another history.
// It stays until the process ends, also when the cause is gone: the next start looks again.
// Thread-safe.
#ifndef KLUIS_SERVICE_PROCESS_FAULT_H_
#define KLUIS_SERVICE_PROCESS_FAULT_H_

#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace kluis::service {

class Fault {
 public:
  // What still works: nothing, or what only takes away (withdrawals, stops, ends of cases).
  enum class Leaves { kNothing, kRevocations };

  // Keeps the first error, and the first one that leaves nothing in place of one that left
  // revocations. OK is none. Each error that is kept is told, after it is in force.
  void Set(const absl::Status& status, Leaves leaves = Leaves::kNothing) {
    std::function<void(const std::string&)> told;
    {
      const std::lock_guard lock(mutex_);
      const bool worse = leaves == Leaves::kNothing && leaves_ == Leaves::kRevocations;
      if (status.ok() || (!text_.empty() && !worse)) return;
      text_ = std::string(status.message());
      leaves_ = leaves;
      told = told_;
    }
    if (told) told(std::string(status.message()));
  }

  // `told` is called on the thread that sets a fault, with its words; twice at most. Earlier faults
  // are not told.
  void Tell(std::function<void(const std::string&)> told) {
    const std::lock_guard lock(mutex_);
    told_ = std::move(told);
  }

  // For an act that only takes away: kRevocations; for every other: kNothing. kUnavailable: a
  // fault forbids it.
  absl::Status Check(Leaves act) const {
    const std::lock_guard lock(mutex_);
    if (text_.empty() || (act == Leaves::kRevocations && leaves_ == act)) return absl::OkStatus();
    return absl::UnavailableError("vault: out of service, its storage is not as it was left");
  }

  // In words, for operators; empty: none.
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
  Leaves leaves_ = Leaves::kNothing;
  std::function<void(const std::string&)> told_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_FAULT_H_
