// SPDX-License-Identifier: Apache-2.0
// What the vault holds about the person whose key signs. Each look is an entry of the log.
// Thread-safe: functions of their arguments.
#ifndef KLUIS_CLIENT_HOLDINGS_H_
#define KLUIS_CLIENT_HOLDINGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/session.h"
#include "kluis/v1/statements.pb.h"
#include "kluis/v1/subject_service.grpc.pb.h"

namespace kluis::client {

// The public key, as text, of the one key file of a person. kInvalidArgument: not one file, or as
// ReadSigningKey.
absl::StatusOr<std::string> SubjectKey(const std::vector<std::string>& key_files);

// All that is held, one signed request a page. Errors: SubjectKey's, Session::Sign's and the
// call's.
absl::StatusOr<v1::GetHoldingsResponse> AskHoldings(Session& session,
                                                    const std::vector<std::string>& key_files);

// Names in a consent what it comes after, as the vault has it now: the live template for the
// purpose, which it replaces, or the end of the last one. A person whom the vault does not know has
// none. Errors: AskHoldings's.
absl::Status NamePredecessor(Session& session, const std::vector<std::string>& key_files,
                             v1::Consent& consent);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_HOLDINGS_H_
