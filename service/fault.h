// What is so wrong with the vault's own storage that it must not answer: the database or the
// published log was exchanged, two ways to the log's root differ, a witness knows another history.
// Once set it stays until a restart looks again. Thread-safe.
#ifndef KLUIS_SERVICE_FAULT_H_
#define KLUIS_SERVICE_FAULT_H_

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

  // Keeps the first error; OK is none. Tells `told` once.
  void Set(const absl::Status& status, Leaves leaves = Leaves::kNothing) {
    std::function<void(const std::string&)> told;
    {
      const std::lock_guard lock(mutex_);
      if (status.ok() || !text_.empty()) return;
      text_ = std::string(status.message());
      leaves_ = leaves;
      told = told_;
    }
    if (told) told(std::string(status.message()));
  }

  // Called from the thread that sets the fault. Not while it may be set.
  void Tell(std::function<void(const std::string&)> told) { told_ = std::move(told); }

  // kUnavailable while there is one that does not leave what `act` is.
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

#endif  // KLUIS_SERVICE_FAULT_H_
