// SPDX-License-Identifier: Apache-2.0
// Measures how alike strangers are in the gallery of a purpose, on the order of supervisors, and
// puts what it found into the purpose's record, from which cuts are taken (matching/threshold.h).
#ifndef KLUIS_SERVICE_ACTS_CALIBRATION_H_
#define KLUIS_SERVICE_ACTS_CALIBRATION_H_

#include "absl/status/statusor.h"
#include "kluis/v1/statements.pb.h"
#include "service/acts/call.h"
#include "service/acts/measurement.h"

namespace kluis::service {

struct Calibrated {
  Committed intent;
  Committed outcome;
};

// Commits the order as an intent, opens at most 20,000 templates drawn at random into locked
// memory, compares up to ten million pairs on all processors, and commits the distribution. What
// goes wrong after the intent commits an aborted outcome. kPermissionDenied: a rule refused; with
// TOO_FEW_TEMPLATES below 1,000 templates. kCancelled: the call ended. kDataLoss: a template does
// not open. kUnavailable: the disk failed, or a rotation began.
absl::StatusOr<Calibrated> Calibrate(Vault& vault, const Call& call, const v1::Envelope& envelope,
                                     const TellProgress& tell);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_CALIBRATION_H_
