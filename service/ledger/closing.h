// SPDX-License-Identifier: Apache-2.0
// What the entry that closes a checkpoint says. Functions of their arguments.
#ifndef KLUIS_SERVICE_LEDGER_CLOSING_H_
#define KLUIS_SERVICE_LEDGER_CLOSING_H_

#include <optional>

#include "absl/status/status.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/facts.h"
#include "service/ledger/state_summary.h"
#include "storage/database.h"

namespace kluis::service {

// Names the statements in `database` that nobody can use any more at `time`, at most 1,000, and
// says what the state is without them. `state` is what it is now. No `time`: nobody knows it, and
// none is named, as what is forgotten by mistake could be used again. Errors are the store's.
absl::Status FillClosing(const storage::Database& database, const StateSummary& state,
                         std::optional<policy::Time> time, v1::CloseCheckpoint& closing);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_CLOSING_H_
