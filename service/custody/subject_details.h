// SPDX-License-Identifier: Apache-2.0
// What names a subject: details and public key, sealed under the subject's slot, and the way from a
// public key to its subject. Thread-safe: functions without state.
#ifndef KLUIS_SERVICE_CUSTODY_SUBJECT_DETAILS_H_
#define KLUIS_SERVICE_CUSTODY_SUBJECT_DETAILS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "kluis/v1/state.pb.h"
#include "service/custody/sealer.h"
#include "service/ledger/writes.h"
#include "storage/reader.h"

namespace kluis::service {

// Seals the details and the public key (32 bytes) of a new subject, and the way back to its id.
absl::Status StoreSubject(const Sealer& sealer, const v1::SubjectRecord& subject,
                          const v1::SubjectDetails& details, std::string_view public_key,
                          Writes& writes);

// kDataLoss: erased or altered.
absl::StatusOr<v1::SubjectDetails> OpenDetails(const storage::Reader& reader, const Sealer& sealer,
                                               const v1::SubjectRecord& subject);

// The id of the subject with this public key; empty when there is none. `Reads` is a
// storage::Reader or Writes.
template <class Reads>
absl::StatusOr<std::string> FindSubject(const Reads& reads, const Sealer& sealer,
                                        std::string_view public_key);

// Removes the way from the subject's public key to its id. Nothing is to be removed when the
// details are missing: they were lost with the database, and the way, which came in their batch,
// with them.
absl::Status ForgetPublicKey(const storage::Reader& reader, const Sealer& sealer,
                             const v1::SubjectRecord& subject, Writes& writes);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CUSTODY_SUBJECT_DETAILS_H_
