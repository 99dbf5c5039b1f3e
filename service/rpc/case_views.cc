// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/case_views.h"

#include <utility>

#include "base/codec.h"
#include "policy/record_key.h"
#include "service/ledger/names.h"
#include "service/rpc/page_bytes.h"

namespace kluis::service {

absl::StatusOr<v1::Case> ViewOf(const DatabaseState& state, const v1::CaseRecord& record) {
  const auto use = policy::Find<v1::CaseUse>(state, policy::key::CaseUse(record.id()));
  if (!use.ok()) return use.status();
  v1::Case view;
  view.set_name(NameOf("cases", record.id()));
  view.set_authority(NameOf("authorities", record.authority_id()));
  view.set_purpose("purposes/" + record.opening().purpose());
  view.set_state(record.state());
  *view.mutable_opening() = record.opening();
  if (record.has_warrant()) *view.mutable_warrant() = record.warrant();
  view.set_opening_digest(base::ToHex(record.opening_digest()));
  view.set_warrant_digest(base::ToHex(record.warrant_digest()));
  view.set_opened_by(record.opened_by());
  view.set_warrant_by(record.warrant_by());
  view.set_approved_by(record.approved_by());
  if (use->has_value()) {
    view.set_searches((*use)->searches());
    view.set_repeated_probes((*use)->repeated_probes());
  }
  view.mutable_opened_at()->set_seconds(record.opened_at());
  if (record.ended_at() > 0) view.mutable_ended_at()->set_seconds(record.ended_at());
  return view;
}

absl::StatusOr<uint64_t> AddCandidates(const DatabaseState& state, std::string_view case_id,
                                       uint64_t skip, v1::Case& view) {
  PageBytes room;
  uint64_t seen = 0;
  uint64_t next = 0;
  const absl::Status scanned = state.ForEachUnder<v1::CandidateRecord>(
      policy::key::Candidate(case_id, ""), [&](const v1::CandidateRecord& record) {
        const uint64_t number = seen++;
        if (number < skip || room.full()) return;
        v1::Candidate candidate;
        candidate.set_name(CandidateName(record.case_id(), record.id()));
        candidate.set_state(record.state());
        *candidate.mutable_confirmed_by() = record.confirmed_by();
        if (room.Take(candidate)) {
          *view.add_candidates() = std::move(candidate);
        } else {
          next = number;
        }
      });
  if (!scanned.ok()) return scanned;
  return next;
}

void AddGallery(const Galleries& galleries, const v1::CaseRecord& record, v1::Case& view) {
  if (record.state() != v1::CASE_STATE_ACTIVE) return;
  *view.mutable_gallery() = galleries.LoadOf(record.opening().purpose());
}

}  // namespace kluis::service
