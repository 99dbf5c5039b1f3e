// SPDX-License-Identifier: Apache-2.0
// What the ledger takes and gives: a command before and after its decision.
#ifndef KLUIS_SERVICE_LEDGER_ACT_H_
#define KLUIS_SERVICE_LEDGER_ACT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/decide.h"
#include "service/ledger/writes.h"

namespace kluis::service {

// One command on its way to the log.
struct Act {
  v1::Command command;
  v1::LogKind kind = v1::LOG_KIND_UNSPECIFIED;
  std::vector<v1::Envelope> envelopes;      // stand whole in the entry
  std::vector<v1::Commitment> commitments;  // stand for what is personal

  // Each may be empty. Under the ledger's lock, when all that was decided before is in the database
  // and in memory.

  // Completes the command from what is there at the moment of the decision.
  std::function<absl::Status(const Writes&, policy::Time now, v1::Command&)> prepare;
  // Adds sealed records of an allowed command, whose entry has this index; never state.
  std::function<absl::Status(const policy::Ruling&, uint64_t index, Writes&)> attach;

  // Of an enrolment: the template as it is protected, for who follows the log (followers.h).
  std::shared_ptr<const crypto::SecretBytes> enrolled;
};

struct Committed {
  uint64_t index = 0;
  crypto::Hash leaf{};
  policy::Time decided_at = 0;
  v1::Command command;
  policy::Ruling ruling;
  // The keyring's, 32 bytes, after the erasures that this entry started; empty: it started none.
  std::string keyring_commitment;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_ACT_H_
