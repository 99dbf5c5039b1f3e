// SPDX-License-Identifier: Apache-2.0
// What a search does between its intent and its outcome. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_ACTS_SEARCH_H_
#define KLUIS_SERVICE_ACTS_SEARCH_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "kluis/v1/sealed.pb.h"
#include "kluis/v1/types.pb.h"
#include "policy/grant.h"
#include "service/acts/call.h"

namespace kluis::service {

// What was found, ready for the log and for the case's sealed record.
struct Findings {
  v1::SearchOutcome outcome;
  v1::SealedSearch sealed;  // candidates in the outcome's order
};

// The probe as the purpose's protected template. kInvalidArgument: MALFORMED_TEMPLATE.
absl::StatusOr<crypto::SecretBytes> ProtectProbe(const SearchRoom& room, const v1::Template& probe);

// 1:N over the grant's gallery. `now`: the time of the decision that granted it; whose consent is
// over then is not found. kDeadlineExceeded, kCancelled: the call ended first.
absl::StatusOr<Findings> SearchGallery(Vault& vault, const Call& call, const policy::Grant& grant,
                                       policy::Time now, const SearchRoom& room,
                                       const crypto::SecretBytes& probe);

// 1:1 against the grant's one template. `device_secret`: of a release, null without one.
absl::StatusOr<Findings> CompareOne(Vault& vault, const policy::Grant& grant,
                                    const SearchRoom& room, const crypto::SecretBytes& probe,
                                    const crypto::SecretBytes* device_secret);

// Commits the outcome, with probe and candidates sealed under the case's slot when there is a case.
// When the findings may no longer leave (a stop, the end of the case), commits an aborted outcome
// instead and says why.
absl::StatusOr<Committed> Conclude(Vault& vault, const Call& call, const policy::Grant& grant,
                                   const std::string& search_id, Findings findings);

// Why a verification's comparison failed: when the consent ended after the intent was in the log,
// the same as if it had ended before; when the template was renewed, kUnavailable; else `why`.
absl::Status EndedMeanwhile(const Vault& vault, const policy::Grant& grant, absl::Status why);

// Commits an aborted outcome for a search that failed with `why`, which is returned; it names that
// entry when it names none yet. `undo` takes back what the intent wrote beside its entry; may be
// empty.
absl::Status Abort(Vault& vault, const Call& call, const std::string& search_id, absl::Status why,
                   const std::function<void(Writes&)>& undo = {});

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_SEARCH_H_
