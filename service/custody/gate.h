// SPDX-License-Identifier: Apache-2.0
// Whether the vault is open, and who is inside: every call that needs the keyring holds a pass, and
// the keyring is taken away only when nobody does. Thread-safe.
#ifndef KLUIS_SERVICE_CUSTODY_GATE_H_
#define KLUIS_SERVICE_CUSTODY_GATE_H_

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "absl/status/status.h"
#include "service/ledger/errors.h"

namespace kluis::service {

class Gate {
 public:
  // To be given back on the thread that took it.
  using Pass = std::shared_lock<std::shared_mutex>;

  // Owns nothing when the vault is sealed or about to be.
  Pass Enter() {
    if (!open_) return {};
    Pass pass(mutex_);
    if (!open_) return {};
    return pass;
  }

  bool is_open() const { return open_; }
  void Open() { open_ = true; }

  // Lets nobody in from now on.
  void Shut() { open_ = false; }

  // After Shut: returns when all who were inside have left.
  void WaitUntilEmpty() { const std::unique_lock all_out(mutex_); }

 private:
  std::atomic<bool> open_ = false;
  std::shared_mutex mutex_;
};

// kUnavailable, VAULT_SEALED: what a vault without its keyring answers.
inline absl::Status Sealed() {
  return WithReason(absl::UnavailableError("vault: is sealed; an operator must unseal it"),
                    "VAULT_SEALED");
}

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CUSTODY_GATE_H_
