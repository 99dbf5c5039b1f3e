// SPDX-License-Identifier: Apache-2.0
#include "service/acts/search.h"

#include <chrono>
#include <span>
#include <utility>

#include "base/id.h"
#include "matching/threshold.h"
#include "matching/verify.h"
#include "policy/record_key.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

Act OutcomeAct(const Call& call, v1::SearchOutcome outcome) {
  Act act = call.NewAct();
  *act.command.mutable_search_outcome() = std::move(outcome);
  return act;
}

double SecondsBetween(std::chrono::steady_clock::time_point from,
                      std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Scans, and notes what that cost.
absl::StatusOr<matching::ScanResult> TimedScan(Galleries& galleries, const std::string& purpose,
                                               const matching::Gallery& gallery,
                                               matching::Query& query) {
  const auto asked = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point began;
  query.began = [&] { began = std::chrono::steady_clock::now(); };
  absl::StatusOr<matching::ScanResult> result = gallery.Scan(query);
  if (!result.ok()) return result;
  galleries.NoteScan(purpose,
                     {.compared = static_cast<double>(result->compared),
                      .survivors = static_cast<double>(result->refined),
                      .queue_seconds = SecondsBetween(asked, began),
                      .scan_seconds = SecondsBetween(began, std::chrono::steady_clock::now())});
  return result;
}

std::string IdText(const base::Id& id) { return {id.begin(), id.end()}; }

}  // namespace

absl::StatusOr<crypto::SecretBytes> ProtectProbe(const SearchRoom& room,
                                                 const v1::Template& probe) {
  const std::span<const float> values(probe.values().data(),
                                      static_cast<size_t>(probe.values_size()));
  absl::StatusOr<crypto::SecretBytes> out =
      crypto::SecretBytes::Create(room.algorithm->dimension * sizeof(float));
  if (!out.ok()) return out;
  const std::span<float> floats(reinterpret_cast<float*>(out->ExposeMutable().data()),
                                room.algorithm->dimension);
  const absl::Status applied = room.transform.Apply(values, floats);
  if (!applied.ok()) return WithReason(applied, "MALFORMED_TEMPLATE");
  return out;
}

absl::StatusOr<Findings> SearchGallery(Vault& vault, const Call& call, const policy::Grant& grant,
                                       policy::Time now, const SearchRoom& room,
                                       const crypto::SecretBytes& probe) {
  // What only loads a gallery does not search it.
  if (grant.candidate_cap() == 0) return absl::PermissionDeniedError("grant: not for a search");
  const auto gone = [&call] { return call.context->IsCancelled(); };
  const auto gallery = vault.galleries().Open(grant, room, {call.deadline, gone});
  if (!gallery.ok()) return gallery.status();
  const absl::StatusOr<std::span<const float>> values = AsFloats(probe);
  if (!values.ok()) return values.status();

  matching::Query query;
  query.probe = *values;
  const size_t size = (*gallery)->size();
  const double fpir = room.purpose.threshold().target_fpir();
  query.cut = matching::CutFor(*room.algorithm, room.impostors, fpir, size);
  query.max_candidates = grant.candidate_cap();
  query.now = now;
  for (const v1::SubjectCategory category : grant.categories()) {
    query.categories = static_cast<uint8_t>(query.categories | CategoryBit(category));
  }
  query.should_stop = [&] { return gone() || std::chrono::system_clock::now() > call.deadline; };
  query.source = vault.galleries().TemplatesFor(grant);
  const absl::StatusOr<matching::ScanResult> result =
      TimedScan(vault.galleries(), grant.purpose(), **gallery, query);
  if (absl::IsCancelled(result.status())) {
    return absl::DeadlineExceededError("identify: the deadline came before the end of the search");
  }
  if (!result.ok()) return result.status();
  if (!vault.galleries().StillProtects(room)) return Rotating();

  Findings findings;
  findings.outcome.set_matches(static_cast<uint32_t>(result->matches));
  findings.outcome.set_threshold_policy(matching::PolicyText(room.impostors, fpir, size));
  findings.outcome.set_gallery_size(size);
  findings.sealed.set_probe(std::string(AsText(probe)));
  if (result->matches > grant.candidate_cap()) {
    findings.outcome.set_result(v1::SEARCH_RESULT_OVER_BROAD);
    return findings;
  }
  findings.outcome.set_result(result->matches > 0 ? v1::SEARCH_RESULT_MATCH
                                                  : v1::SEARCH_RESULT_NO_MATCH);
  for (const matching::Candidate& match : result->candidates) {
    v1::SealedSearch::Candidate* candidate = findings.sealed.add_candidates();
    candidate->set_id(NewId());
    candidate->set_template_id(IdText(match.record_id));
    candidate->set_subject_id(IdText(match.subject_id));
    findings.outcome.add_candidate_ids(candidate->id());
  }
  return findings;
}

absl::StatusOr<Findings> CompareOne(Vault& vault, const policy::Grant& grant,
                                    const SearchRoom& room, const crypto::SecretBytes& probe,
                                    const crypto::SecretBytes* device_secret) {
  const v1::TemplateRecord& record = *grant.only_template();
  const auto id = base::IdFromBytes(record.id());
  if (!id.ok()) return id.status();
  const auto sealed = vault.database().Get(storage::Column::kSealed, storage::TemplateKey(*id));
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) return absl::DataLossError("template: its record is missing");
  const absl::StatusOr<crypto::SecretBytes> opened =
      vault.sealer().OpenTemplate(grant, record, **sealed, device_secret);
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<std::span<const float>> reference = AsFloats(*opened);
  if (!reference.ok()) return reference.status();
  const absl::StatusOr<std::span<const float>> values = AsFloats(probe);
  if (!values.ok()) return values.status();

  const double fmr = room.purpose.threshold().target_fmr();
  const bool match = matching::Verify(*room.algorithm, *values, *reference,
                                      matching::CutFor(*room.algorithm, room.impostors, fmr, 1));
  Findings findings;
  findings.outcome.set_result(match ? v1::SEARCH_RESULT_MATCH : v1::SEARCH_RESULT_NO_MATCH);
  findings.outcome.set_matches(match ? 1 : 0);
  findings.outcome.set_threshold_policy(matching::PolicyText(room.impostors, fmr, 1));
  findings.outcome.set_gallery_size(1);
  return findings;
}

absl::StatusOr<Committed> Conclude(Vault& vault, const Call& call, const policy::Grant& grant,
                                   const std::string& search_id, Findings findings) {
  findings.outcome.set_search_id(search_id);
  Act act = OutcomeAct(call, findings.outcome);
  if (!grant.case_id().empty()) {
    act.attach = [&](const policy::Ruling&, uint64_t, Writes& writes) -> absl::Status {
      const auto case_id = base::IdFromBytes(grant.case_id());
      const auto id = base::IdFromBytes(search_id);
      if (!case_id.ok()) return case_id.status();
      if (!id.ok()) return id.status();
      std::string key = storage::ProbeKey(*case_id, *id);
      const absl::StatusOr<std::string> sealed = vault.sealer().Seal(
          grant.case_slot(), kSearchUse, key, findings.sealed.SerializeAsString());
      if (!sealed.ok()) return sealed.status();
      writes.Put(storage::Column::kSealed, std::move(key), *sealed);
      return absl::OkStatus();
    };
  }
  absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
  if (committed.ok()) return committed;
  return Abort(vault, call, search_id, committed.status());
}

absl::Status EndedMeanwhile(const Vault& vault, const policy::Grant& grant, absl::Status why) {
  const auto record = policy::Find<v1::TemplateRecord>(
      vault.state(), policy::key::Template(grant.only_template()->id()));
  if (!record.ok() || !record->has_value()) return why;
  const bool ended = (*record)->state() != v1::TEMPLATE_STATE_ACTIVE;
  const bool renewed = !ended && (*record)->slot() != grant.only_template()->slot();
  if (renewed || (*record)->end_reason() == v1::END_REASON_REPLACED) {
    return WithReason(absl::UnavailableError("verify: the template was renewed; call again"),
                      "TEMPLATE_RENEWED");
  }
  if (!absl::IsDataLoss(why) || !ended) return why;
  return WithReason(absl::PermissionDeniedError("not permitted"), "NOT_PERMITTED");
}

absl::Status Abort(Vault& vault, const Call& call, const std::string& search_id, absl::Status why,
                   const std::function<void(Writes&)>& undo) {
  v1::SearchOutcome outcome;
  outcome.set_search_id(search_id);
  outcome.set_result(v1::SEARCH_RESULT_ABORTED);
  Act act = OutcomeAct(call, std::move(outcome));
  if (undo) {
    act.attach = [&](const policy::Ruling&, uint64_t, Writes& writes) {
      undo(writes);
      return absl::OkStatus();
    };
  }
  // Should this fail too, the store is down and the next start concludes the search.
  const absl::StatusOr<Committed> aborted = vault.ledger().Commit(std::move(act));
  if (!aborted.ok() || LogIndexOf(why).has_value()) return why;
  return WithLogIndex(std::move(why), aborted->index);
}

}  // namespace kluis::service
