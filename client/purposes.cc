// SPDX-License-Identifier: Apache-2.0
#include "client/purposes.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client {

std::string PurposeName(std::string_view name) {
  const std::string text(name);
  return name.starts_with("purposes/") ? text : absl::StrCat("purposes/", text);
}

absl::StatusOr<v1::Purpose> FindPurpose(Session& session, std::string_view name) {
  using Stub = v1::SupervisionService::Stub;
  const absl::StatusOr<v1::ListPurposesResponse> all =
      session.CallAllPages<Stub, v1::ListPurposesRequest>(&Stub::ListPurposes);
  if (!all.ok()) return all.status();
  for (const v1::Purpose& purpose : all->purposes()) {
    if (purpose.registration().purpose() == name) return purpose;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("purpose ", std::string(name), ": not registered; see kluis purpose list"));
}

absl::StatusOr<v1::Notice> FindNotice(const v1::Purpose& purpose, std::string_view language) {
  std::vector<std::string> languages;
  for (const v1::Notice& notice : purpose.registration().notices()) {
    if (notice.language() == language) return notice;
    languages.push_back(notice.language());
  }
  return absl::InvalidArgumentError(absl::StrCat("purpose ", purpose.registration().purpose(),
                                                 ": no notice in that language, but in ",
                                                 absl::StrJoin(languages, ", ")));
}

v1::Consent DraftConsent(const v1::Purpose& purpose, const v1::Notice& notice, uint32_t days,
                         int64_t now) {
  constexpr uint32_t kFiveYears = 1825;
  if (days == 0) days = std::min(purpose.registration().retention_max_days(), kFiveYears);
  v1::Consent consent;
  consent.set_purpose(purpose.registration().purpose());
  *consent.mutable_notice() = notice;
  consent.set_explicit_consent(true);
  *consent.mutable_expires_at() = ToTimestamp(now + days * kDaySeconds);
  consent.set_follows("none");
  return consent;
}

}  // namespace kluis::client
