// SPDX-License-Identifier: Apache-2.0
// What became of an act, for its caller. Functions of their arguments, thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_OUTCOME_H_
#define KLUIS_SERVICE_LEDGER_OUTCOME_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/types.pb.h"
#include "service/ledger/act.h"
#include "service/ledger/ledger.h"

namespace kluis::service {

// Of a refusal: code and words by its reason.
absl::Status RefusalOf(const policy::Ruling& ruling);
// The same with its log index.
absl::Status RefusalOf(const Committed& committed);

// Where the log says so, for a response.
v1::Receipt ReceiptOf(const Committed& committed);

// Commits `act`. A refusal becomes RefusalOf. Other errors are the ledger's.
absl::StatusOr<Committed> CommitAct(Ledger& ledger, Act act);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_OUTCOME_H_
