// SPDX-License-Identifier: Apache-2.0
// What a calibration and an evaluation share: the templates of one purpose, opened one at a time
// under the Grant of an intent that is in the log. Thread-safe: functions of their arguments.
#ifndef KLUIS_SERVICE_ACTS_MEASUREMENT_H_
#define KLUIS_SERVICE_ACTS_MEASUREMENT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "kluis/v1/state.pb.h"
#include "kluis/v1/supervision_service.pb.h"
#include "policy/grant.h"
#include "service/acts/call.h"
#include "service/gallery/galleries.h"
#include "storage/database.h"

namespace kluis::service {

// Tells the caller how far a measurement is.
using TellProgress = std::function<void(const v1::MeasurementProgress& progress)>;

v1::MeasurementProgress ProgressOf(v1::MeasurementProgress::Step step, uint64_t done, uint64_t all);

// A measurement may take long, but a search without an outcome for an hour is a finding of a
// replay, and one that waits for its caller holds up others. kInvalidArgument: no deadline, or a
// later one.
inline constexpr std::chrono::minutes kLongestMeasurement{50};
absl::Status CheckDeadline(const grpc::ServerContext& context);

// Whether the caller has gone or its own deadline is over. A measurement takes as long as it takes,
// so the server's cap on calls is not asked; sealing the vault cancels it.
bool HasEnded(const Call& call);

// What such a call then answers.
absl::Status EndedStatus();

// Calls visit for the records of `purpose` whose templates may be compared at `now`: active, not
// expired, not restricted by their subjects.
absl::Status VisitComparable(const storage::Snapshot& snapshot, const std::string& purpose,
                             int64_t now,
                             const std::function<void(const v1::TemplateRecord& record)>& visit);

// Opens the template of `record`, which is one of the snapshot's, and calls take with it; not when
// it ended or was protected anew since. kDataLoss: it does not open. kUnavailable,
// PURPOSE_ROTATING: it is not protected as `room` is. Any status of `take`.
absl::Status OpenTemplate(Vault& vault, const storage::Snapshot& snapshot,
                          const policy::Grant& grant, const SearchRoom& room,
                          const v1::TemplateRecord& record,
                          const std::function<absl::Status(std::span<const float>)>& take);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_MEASUREMENT_H_
