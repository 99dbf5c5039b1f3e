// One enrolment as an act of the ledger, the same for a single call and for a row of a batch.
// Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_ENROLL_H_
#define KLUIS_SERVICE_ENROLL_H_

#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "service/call.h"

namespace kluis::service {

// Reads the statements of a validated request and protects the template for its purpose. The act
// holds all it needs of `request`. kInvalidArgument: MALFORMED_STATEMENT.
absl::StatusOr<Act> EnrollAct(Vault& vault, const Call& call, const v1::EnrollRequest& request);

// The answer to an allowed enrolment.
v1::EnrollResponse EnrollResponseOf(const Committed& committed);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ENROLL_H_
