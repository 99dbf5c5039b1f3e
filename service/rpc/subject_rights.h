// SPDX-License-Identifier: Apache-2.0
// The acts that a subject signs, before they are read in full: whose known key signed one. Until
// then a request counts against the certificate that brought it. Thread-safe: functions of their
// arguments.
#ifndef KLUIS_SERVICE_RPC_SUBJECT_RIGHTS_H_
#define KLUIS_SERVICE_RPC_SUBJECT_RIGHTS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "kluis/v1/statements.pb.h"
#include "service/callers/limits.h"
#include "service/vault.h"

namespace kluis::service {

// A subject's call is no longer than this; its templates go through a registrar.
inline constexpr size_t kMaxSubjectRequestBytes = 16 * 1024;

// The id of the subject whose key `text` is; empty when the vault knows no such key, which is
// policy's to judge. kInvalidArgument, MALFORMED_STATEMENT: not a key. Others: the store's.
absl::StatusOr<std::string> SubjectOfKey(Vault& vault, std::string_view text);

// The id of the known subject whose signature on the request's statement verifies; empty: none, for
// whatever reason. `request` is one of SubjectService's. Errors: the store's.
absl::StatusOr<std::string> KnownSigner(Vault& vault, const google::protobuf::Message& request);

// What the request asks for.
Limits::Right RightOf(const google::protobuf::Message& request);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_SUBJECT_RIGHTS_H_
