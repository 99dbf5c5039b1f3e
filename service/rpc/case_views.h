// SPDX-License-Identifier: Apache-2.0
// Cases as the API shows them. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_RPC_CASE_VIEWS_H_
#define KLUIS_SERVICE_RPC_CASE_VIEWS_H_

#include "absl/status/statusor.h"
#include "kluis/v1/case_service.pb.h"
#include "kluis/v1/state.pb.h"
#include "service/gallery/galleries.h"
#include "service/ledger/database_state.h"

namespace kluis::service {

// Without its candidates and what was written about it.
absl::StatusOr<v1::Case> ViewOf(const DatabaseState& state, const v1::CaseRecord& record);

// Adds the case's candidates after the first `skip`, as many as go into a page. Returns how many to
// skip for the next page; 0: there is none.
absl::StatusOr<uint64_t> AddCandidates(const DatabaseState& state, std::string_view case_id,
                                       uint64_t skip, v1::Case& view);

// Adds, to an active case, how far its purpose's gallery is.
void AddGallery(const Galleries& galleries, const v1::CaseRecord& record, v1::Case& view);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_CASE_VIEWS_H_
