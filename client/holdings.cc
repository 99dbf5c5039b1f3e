// SPDX-License-Identifier: Apache-2.0
#include "client/holdings.h"

#include "client/failure.h"
#include "client/purposes.h"
#include "crypto/key_file.h"

namespace kluis::client {

absl::StatusOr<std::string> SubjectKey(const std::vector<std::string>& key_files) {
  if (key_files.size() != 1) return UsageError("--key: one person acts, with one key");
  const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(key_files.front());
  if (!key.ok()) return key.status();
  return crypto::PublicKeyText(key->public_key());
}

absl::StatusOr<v1::GetHoldingsResponse> AskHoldings(Session& session,
                                                    const std::vector<std::string>& key_files) {
  const absl::StatusOr<std::string> key = SubjectKey(key_files);
  if (!key.ok()) return key.status();
  v1::GetHoldingsResponse all;
  do {
    // With a challenge of the vault no wrong date of either side matters.
    const absl::StatusOr<v1::GetAccessChallengeResponse> given = session.Call(
        &v1::SubjectService::Stub::GetAccessChallenge, v1::GetAccessChallengeRequest());
    if (!given.ok()) return given.status();
    v1::AccessRequest payload;
    payload.set_subject_public_key(*key);
    payload.set_challenge(given->challenge());
    payload.set_after(all.next_after());
    const absl::StatusOr<v1::Envelope> statement = session.Sign(key_files, payload);
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<v1::GetHoldingsResponse> page =
        session.Send(&v1::SubjectService::Stub::GetHoldings,
                     &v1::GetHoldingsRequest::mutable_access_request, *statement);
    if (!page.ok()) return page;
    all.clear_next_after();
    all.clear_details();  // each page has them, and the receipt of its own request
    all.clear_receipt();
    all.MergeFrom(*page);
  } while (!all.next_after().empty());
  return all;
}

absl::Status NamePredecessor(Session& session, const std::vector<std::string>& key_files,
                             v1::Consent& consent) {
  const absl::StatusOr<v1::GetHoldingsResponse> held = AskHoldings(session, key_files);
  consent.set_follows("none");
  if (ServerReason(held.status()) == "NOT_PERMITTED") return absl::OkStatus();  // knows nobody
  if (!held.ok()) return held.status();
  for (const v1::Holding& holding : held->holdings()) {
    if (holding.purpose() != PurposeName(consent.purpose())) continue;
    const bool live = holding.state() == v1::TEMPLATE_STATE_ACTIVE;
    consent.set_replaces(live ? holding.template_record() : "");
    consent.set_follows(live ? "" : holding.end());
  }
  return absl::OkStatus();
}

}  // namespace kluis::client
