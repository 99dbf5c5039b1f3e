// SPDX-License-Identifier: Apache-2.0
// A stream of enrolments. Rows that have arrived are decided together and share one sync; every row
// has its own answer. Rows in flight, their bytes and the memory of their secrets are bounded
// (service/callers/limits.h). A caller that lets a deadline go by between two rows is cancelled.
// Used by one call, on its thread.
#ifndef KLUIS_SERVICE_ACTS_BATCH_ENROLL_H_
#define KLUIS_SERVICE_ACTS_BATCH_ENROLL_H_

#include <vector>

#include "absl/status/status.h"
#include "crypto/secret_bytes.h"
#include "grpcpp/support/sync_stream.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "service/acts/call.h"

namespace kluis::service {

inline constexpr size_t kMaxAtomicRows = 10'000;

class BatchEnroller {
 public:
  using Stream = grpc::ServerReaderWriter<v1::BatchEnrollResponse, v1::BatchEnrollRequest>;

  BatchEnroller(Vault& vault, const Call& call, Stream& stream)
      : vault_(vault), call_(call), stream_(stream) {}

  // Each row stands or falls by itself. Ends with the stream; an error of the store ends it early,
  // and rows that were not answered were not stored.
  absl::Status RunEach();

  // All rows or none, and none unless `announced` rows come. After a refused row: one answer, for
  // that row, and kPermissionDenied with ATOMIC_BATCH_REFUSED; nothing of the batch is stored.
  absl::Status RunAtomic(uint64_t announced);

 private:
  struct Row {
    uint64_t number;
    v1::EnrollRequest request;
  };

  absl::Status Serve(const std::vector<Row>& rows, crypto::SecretArena& arena);
  void Refuse(uint64_t row, const absl::Status& status);
  absl::Status RefuseWhole(uint64_t row, const absl::Status& status);

  Vault& vault_;
  const Call& call_;
  Stream& stream_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_BATCH_ENROLL_H_
