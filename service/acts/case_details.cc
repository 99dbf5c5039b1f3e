// SPDX-License-Identifier: Apache-2.0
#include "service/acts/case_details.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "base/codec.h"
#include "base/id.h"
#include "policy/civil_time.h"
#include "policy/record_key.h"
#include "service/ledger/errors.h"

namespace kluis::service {
namespace {

using storage::Column;

// Reads the row of `what` into `message`. False: there is none, or its slot is punctured.
absl::StatusOr<bool> OpenDetails(Vault& vault, const v1::CaseRecord& kase,
                                 const v1::AuthorityYear& year, storage::Written what,
                                 google::protobuf::Message& message) {
  const absl::StatusOr<std::string> key = WrittenKeyOf(kase, year, what);
  if (!key.ok()) return key.status();
  const auto sealed = vault.database().Get(Column::kDetails, *key);
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) return false;
  const absl::StatusOr<crypto::SecretBytes> opened =
      vault.sealer().Open(year.slot(), kWrittenUse, *key, **sealed);
  if (absl::IsDataLoss(opened.status()) && vault.keyring().IsPunctured(year.slot())) return false;
  if (!opened.ok()) return opened.status();
  const std::string_view text = AsText(*opened);
  if (text.size() < kOpeningNonceBytes ||
      !audit::ReadJson(text.substr(kOpeningNonceBytes), message).ok()) {
    return absl::DataLossError("case: what was written about it is damaged");
  }
  return true;
}

}  // namespace

absl::StatusOr<Opening> TakeDetails(std::string_view what, audit::Details details,
                                    google::protobuf::Message& message) {
  const absl::Status read = audit::ReadDetails(details, message);
  if (!read.ok()) return WithReason(read, "MALFORMED_STATEMENT");
  const absl::StatusOr<std::string> digest = base::FromHex(details.commitment);
  if (!digest.ok()) return WithReason(digest.status(), "MALFORMED_STATEMENT");
  Opening opening;
  opening.commitment.set_what(std::string(what));
  opening.commitment.set_digest(*digest);
  opening.nonce = std::move(details.nonce);
  opening.payload = std::move(details.payload);
  return opening;
}

absl::StatusOr<std::string> WrittenKeyOf(const v1::CaseRecord& kase, const v1::AuthorityYear& year,
                                         storage::Written what) {
  const auto year_id =
      storage::YearIdFromBytes(policy::AuthorityYearId(year.authority_id(), year.year()));
  const auto case_id = base::IdFromBytes(kase.id());
  if (!year_id.ok()) return year_id.status();
  if (!case_id.ok()) return case_id.status();
  return storage::WrittenKey(*year_id, *case_id, what);
}

absl::Status StoreDetails(const Sealer& sealer, const policy::Ruling& ruling, storage::Written what,
                          const Opening& opening, Writes& writes) {
  const v1::CaseRecord* kase = nullptr;
  const v1::AuthorityYear* year = nullptr;
  for (const v1::RecordChange& change : ruling.changes) {
    if (change.has_case_()) kase = &change.case_();
    if (change.has_authority_year()) year = &change.authority_year();
  }
  if (kase == nullptr || year == nullptr) {
    return absl::InternalError("case: an allowed act changes no case or no year");
  }
  const absl::StatusOr<std::string> key = WrittenKeyOf(*kase, *year, what);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::string> sealed =
      sealer.Seal(year->slot(), kWrittenUse, *key, absl::StrCat(opening.nonce, opening.payload));
  if (absl::IsNotFound(sealed.status())) return absl::OkStatus();  // the slot is punctured
  if (!sealed.ok()) return sealed.status();
  writes.Put(Column::kDetails, *key, *sealed);
  return absl::OkStatus();
}

absl::Status AddDetails(Vault& vault, const v1::CaseRecord& kase, v1::Case& view) {
  const std::string id =
      policy::AuthorityYearId(kase.authority_id(), policy::YearOf(kase.opened_at()));
  const auto year = policy::Find<v1::AuthorityYear>(vault.state(), policy::key::AuthorityYear(id));
  if (!year.ok()) return year.status();
  if (!year->has_value()) return absl::DataLossError("case: its authority's year is missing");
  if ((*year)->erased() || vault.keyring().IsPunctured((*year)->slot())) {
    view.set_details_erased(true);
    return absl::OkStatus();
  }
  const bool refused = kase.state() == v1::CASE_STATE_REFUSED;
  v1::CaseDetails details;
  v1::RefusalDetails refusal;
  const absl::StatusOr<bool> has_details =
      OpenDetails(vault, kase, **year, storage::Written::kOpening, details);
  if (!has_details.ok()) return has_details.status();
  const absl::StatusOr<bool> has_refusal =
      refused ? OpenDetails(vault, kase, **year, storage::Written::kRefusal, refusal) : false;
  if (!has_refusal.ok()) return has_refusal.status();
  const bool whole = *has_details && (*has_refusal || !refused);
  if (!whole && vault.keyring().IsPunctured((*year)->slot())) {  // erased while it was read
    view.set_details_erased(true);
    return absl::OkStatus();
  }
  if (*has_details) *view.mutable_details() = std::move(details);
  if (*has_refusal) *view.mutable_refusal() = std::move(refusal);
  return absl::OkStatus();
}

}  // namespace kluis::service
