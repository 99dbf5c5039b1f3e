// SPDX-License-Identifier: Apache-2.0
// What an authority writes about a case, and a judge against it: comes in beside the statement that
// commits to it, lies sealed under the slot of the authority's year (kluis.v1.AuthorityYear), and
// is shown as long as that slot lives. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_ACTS_CASE_DETAILS_H_
#define KLUIS_SERVICE_ACTS_CASE_DETAILS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/details.h"
#include "google/protobuf/message.h"
#include "kluis/v1/case_service.pb.h"
#include "kluis/v1/state.pb.h"
#include "policy/decide.h"
#include "service/custody/commitments.h"
#include "service/custody/sealer.h"
#include "service/ledger/writes.h"
#include "service/vault.h"
#include "storage/layout.h"

namespace kluis::service {

// Reads `details` into `message`, as the statement with this commitment says it; the opening is
// called `what` in the entry. kInvalidArgument with reason MALFORMED_STATEMENT: as
// audit::ReadDetails.
absl::StatusOr<Opening> TakeDetails(std::string_view what, audit::Details details,
                                    google::protobuf::Message& message);

// The key of the row of `what`, about a case that `year` counts. kDataLoss: an id is damaged.
absl::StatusOr<std::string> WrittenKeyOf(const v1::CaseRecord& kase, const v1::AuthorityYear& year,
                                         storage::Written what);

// Seals an opening for the case and the year that the act changes. Writes no row when the year's
// slot is punctured, as after a recovery (restored_rows.h): only the commitment stays, so that a
// judge can refuse all the same.
absl::Status StoreDetails(const Sealer& sealer, const policy::Ruling& ruling, storage::Written what,
                          const Opening& opening, Writes& writes);

// Adds to the view of a case what was written about it, or that it is erased. kDataLoss: a row is
// altered; the view has none of it then.
absl::Status AddDetails(Vault& vault, const v1::CaseRecord& kase, v1::Case& view);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_CASE_DETAILS_H_
