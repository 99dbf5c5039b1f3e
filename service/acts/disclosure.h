// SPDX-License-Identifier: Apache-2.0
// From a candidate's handle to the person behind it, once. Thread-safe: functions of their
// arguments.
#ifndef KLUIS_SERVICE_ACTS_DISCLOSURE_H_
#define KLUIS_SERVICE_ACTS_DISCLOSURE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kluis/v1/search_service.pb.h"
#include "kluis/v1/statements.pb.h"
#include "service/acts/call.h"

namespace kluis::service {

// The whole disclosure: finds who the candidate is, commits, leaves the notice in the subject's
// feed, and names the person in `response`.
absl::Status Disclose(Vault& vault, const Call& call, const v1::Envelope& envelope,
                      v1::DiscloseCandidateResponse& response);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_DISCLOSURE_H_
