// SPDX-License-Identifier: Apache-2.0
// Enrols many people over one BatchEnroll stream with bounded memory: at most `window` rows are
// sent and not yet answered. An atomic batch is answered at its end only, so there the window is
// the whole batch; an atomic batch whose rows cannot all be made is cancelled, never ended.
#ifndef KLUIS_CLIENT_BATCH_ENROLL_H_
#define KLUIS_CLIENT_BATCH_ENROLL_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"

namespace kluis::client {

struct BatchCount {
  uint64_t sent = 0;
  uint64_t enrolled = 0;
  uint64_t refused = 0;

  uint64_t answered() const { return enrolled + refused; }
};

struct BatchPlan {
  bool atomic = false;
  uint64_t rows = 0;      // of an atomic batch: the vault stores nothing unless as many come
  uint64_t window = 256;  // rows
  std::chrono::milliseconds patience{30'000};  // without a row sent or answered
  std::chrono::milliseconds progress_every{200};

  // The next row, nullopt after the last. Called by one thread, not the caller's.
  std::function<absl::StatusOr<std::optional<v1::EnrollRequest>>()> next_row;
  // Takes each answer in the order they come. Called by one other thread.
  std::function<absl::Status(const v1::BatchEnrollResponse&)> answered;
  // Called now and then by the caller's thread.
  std::function<void(const BatchCount&)> progress;
};

// Blocks until the stream has ended. Failures of next_row and answered are passed on; rows that
// were answered before stand, unless the batch is atomic. kDeadlineExceeded: out of patience.
// kDataLoss: the vault ended well without an answer to every row. Others: the server's, as
// FromServer.
absl::StatusOr<BatchCount> EnrollBatch(v1::EnrollmentService::StubInterface& stub,
                                       const BatchPlan& plan);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_BATCH_ENROLL_H_
