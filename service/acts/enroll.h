// SPDX-License-Identifier: Apache-2.0
// One enrolment as an act of the ledger, the same for a single call and for a row of a batch.
// Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_ACTS_ENROLL_H_
#define KLUIS_SERVICE_ACTS_ENROLL_H_

#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "service/acts/call.h"

namespace kluis::service {

// Reads the statements of a validated request and protects the template for its purpose. The act
// holds all it needs of `request`, what is secret of it in `arena`; null: in pages of its own.
// kInvalidArgument: MALFORMED_STATEMENT. kResourceExhausted: there is no memory for secrets.
absl::StatusOr<Act> EnrollAct(Vault& vault, const Call& call, const v1::EnrollRequest& request,
                              crypto::SecretArena* arena = nullptr);

// The answer to an allowed enrolment.
v1::EnrollResponse EnrollResponseOf(const Committed& committed);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_ENROLL_H_
