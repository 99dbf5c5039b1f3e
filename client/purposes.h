// SPDX-License-Identifier: Apache-2.0
// What a vault may do, as the ones who consent and enrol need it. Thread-safe but for the session.
#ifndef KLUIS_CLIENT_PURPOSES_H_
#define KLUIS_CLIENT_PURPOSES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/session.h"
#include "kluis/v1/supervision_service.pb.h"

namespace kluis::client {

// "purposes/<purpose>", with or without the collection in front.
std::string PurposeName(std::string_view name);

// The purpose as the vault lists it now. kInvalidArgument: it does not; or as Session::Call.
absl::StatusOr<v1::Purpose> FindPurpose(Session& session, std::string_view name);

// The purpose's notice in a language. kInvalidArgument: none; the message lists the languages.
absl::StatusOr<v1::Notice> FindNotice(const v1::Purpose& purpose, std::string_view language);

// Explicit consent to `purpose` for `days` days from now; 0: as long as the purpose keeps
// templates, five years at most. Without a subject's key yet.
v1::Consent DraftConsent(const v1::Purpose& purpose, const v1::Notice& notice, uint32_t days,
                         int64_t now);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_PURPOSES_H_
