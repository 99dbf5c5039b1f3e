// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/search_service.h"

#include <optional>
#include <string>
#include <utility>

#include "policy/record_key.h"
#include "service/acts/disclosure.h"
#include "service/acts/probe_novelty.h"
#include "service/acts/release.h"
#include "service/acts/requests.h"
#include "service/acts/search.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"

namespace kluis::service {

namespace {

absl::StatusOr<Findings> SearchCase(Vault& vault, const Call& call, const policy::Grant& grant,
                                    policy::Time now, const v1::Template& probe) {
  const auto room = vault.galleries().Room(grant.purpose());
  if (!room.ok()) return room.status();
  const auto protected_probe = ProtectProbe(**room, probe);
  if (!protected_probe.ok()) return protected_probe.status();
  return SearchGallery(vault, call, grant, now, **room, *protected_probe);
}

// A seat of the purpose's queue for a search that is allowed now; none for one that its intent will
// refuse, which waits for nobody. Errors as SearchQueue::Take, and the store's.
absl::StatusOr<std::optional<SearchQueue::Seat>> SeatFor(Vault& vault, const v1::Command& command) {
  const absl::StatusOr<policy::Ruling> foreseen = vault.ledger().Judge(command);
  if (!foreseen.ok()) return foreseen.status();
  if (!foreseen->decision.allowed()) return std::optional<SearchQueue::Seat>();
  const auto member = policy::Find<v1::MemberRecord>(
      vault.state(), policy::key::Member(command.caller().role(), command.caller().name()));
  if (!member.ok()) return member.status();
  const std::string authority = member->has_value() ? (*member)->authority_id() : "";
  absl::StatusOr<SearchQueue::Seat> seat =
      vault.search_queue().Take(command.identify().purpose(), authority);
  if (!seat.ok()) return seat.status();
  return std::optional<SearchQueue::Seat>(*std::move(seat));
}

// What was refused a moment ago became allowed: it has no seat, and asks again.
absl::Status AbortUnseated(Vault& vault, const Call& call, const std::string& search_id,
                           const ProbeNovelty& novelty) {
  return Abort(
      vault, call, search_id,
      WithReason(absl::UnavailableError("identify: the case changed; call again"), "UNAVAILABLE"),
      [&](Writes& writes) { novelty.TakeBack(writes); });
}

}  // namespace

grpc::Status SearchService::Identify(grpc::ServerContext* context,
                                     const v1::IdentifyRequest* request,
                                     v1::IdentifyResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::IdentifyRequest, v1::IdentifyResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::IdentifyResponse& out) {
        Act act = call.NewAct();
        v1::Identify& command = *act.command.mutable_identify();
        command.set_case_id(policy::IdInName(request->case_(), "cases"));
        command.set_purpose(PurposeInName(request->purpose()));
        command.set_algorithm(request->probe().algorithm());
        command.set_captured_at(request->captured_at().seconds());
        command.set_evidence_id(request->evidence_id());
        command.set_new_search_id(NewId());
        const absl::StatusOr<std::optional<SearchQueue::Seat>> seat = SeatFor(vault, act.command);
        if (!seat.ok()) return seat.status();
        absl::StatusOr<ProbeNovelty> novelty =
            ProbeNovelty::Create(vault, command.case_id(), request->probe());
        if (!novelty.ok()) return novelty.status();
        act.prepare = [&](const Writes& writes, policy::Time now, v1::Command& prepared) {
          return novelty->Judge(writes, now, prepared);
        };
        act.attach = [&](const policy::Ruling&, uint64_t, Writes& writes) {
          return novelty->Keep(writes);
        };
        const absl::StatusOr<Committed> intent = CommitAct(vault.ledger(), std::move(act));
        if (!intent.ok()) return intent.status();
        *out.mutable_intent() = ReceiptOf(*intent);
        out.set_repeated_probe(intent->command.identify().repeated_probe());

        // From here on the log waits for an outcome, whatever happens.
        const policy::Grant& grant = *intent->ruling.grant;
        const std::string& search_id = intent->command.identify().new_search_id();
        if (!seat->has_value()) return AbortUnseated(vault, call, search_id, *novelty);
        absl::StatusOr<Findings> findings =
            SearchCase(vault, call, grant, intent->decided_at, request->probe());
        if (!findings.ok()) {
          return Abort(vault, call, search_id, findings.status(),
                       [&](Writes& writes) { novelty->TakeBack(writes); });
        }
        const absl::StatusOr<Committed> outcome =
            Conclude(vault, call, grant, search_id, *std::move(findings));
        if (!outcome.ok()) return outcome.status();

        const v1::SearchOutcome& found = outcome->command.search_outcome();
        out.set_result(found.result());
        out.set_matches(found.matches());
        for (const std::string& id : found.candidate_ids()) {
          out.add_candidates(CandidateName(grant.case_id(), id));
        }
        *out.mutable_receipt() = ReceiptOf(*outcome);
        return absl::OkStatus();
      });
}

grpc::Status SearchService::Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                                   v1::VerifyResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::VerifyRequest, v1::VerifyResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::VerifyResponse& out) {
        Act act = call.NewAct();
        v1::Verify& command = *act.command.mutable_verify();
        command.set_purpose(PurposeInName(request->purpose()));
        command.set_subject_id(policy::IdInName(request->subject(), "subjects"));
        command.set_algorithm(request->probe().algorithm());
        command.set_new_search_id(NewId());
        Release release;
        if (request->has_release()) {
          absl::StatusOr<Release> taken =
              TakeRelease(vault.state(), vault.sealer(), request->release());
          if (!taken.ok()) return taken.status();
          release = *std::move(taken);
          *command.mutable_released() = release.found;
          act.prepare = [&](const Writes& writes, policy::Time, v1::Command& prepared) {
            return JudgeRelease(writes, vault.sealer(), release, *prepared.mutable_verify());
          };
        }
        const absl::StatusOr<Committed> intent = CommitAct(vault.ledger(), std::move(act));
        if (!intent.ok()) return intent.status();
        *out.mutable_intent() = ReceiptOf(*intent);

        const policy::Grant& grant = *intent->ruling.grant;
        const std::string& search_id = intent->command.verify().new_search_id();
        const auto room =
            vault.galleries().RoomOf(grant.purpose(), grant.only_template()->transform_slot());
        if (!room.ok()) {
          return Abort(vault, call, search_id, EndedMeanwhile(vault, grant, room.status()));
        }
        const auto probe = ProtectProbe(**room, request->probe());
        if (!probe.ok()) return Abort(vault, call, search_id, probe.status());
        absl::StatusOr<Findings> findings =
            CompareOne(vault, grant, **room, *probe, release.secret ? &*release.secret : nullptr);
        if (!findings.ok()) {
          return Abort(vault, call, search_id, EndedMeanwhile(vault, grant, findings.status()));
        }
        const absl::StatusOr<Committed> outcome =
            Conclude(vault, call, grant, search_id, *std::move(findings));
        if (!outcome.ok()) return outcome.status();
        out.set_result(outcome->command.search_outcome().result());
        *out.mutable_receipt() = ReceiptOf(*outcome);
        return absl::OkStatus();
      });
}

grpc::Status SearchService::AdjudicateCandidate(grpc::ServerContext* context,
                                                const v1::AdjudicateCandidateRequest* request,
                                                v1::AdjudicateCandidateResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::AdjudicateCandidateRequest, v1::AdjudicateCandidateResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::AdjudicateCandidateResponse& out) {
        v1::Adjudication payload;
        absl::StatusOr<v1::StatementFacts> facts =
            TakeStatement(vault.state(), request->adjudication(), payload);
        if (!facts.ok()) return facts.status();
        Act act = call.NewAct();
        act.envelopes.push_back(request->adjudication());
        *act.command.mutable_adjudicate()->mutable_statement() = *std::move(facts);
        *act.command.mutable_adjudicate()->mutable_adjudication() = payload;
        const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
        if (!committed.ok()) return committed.status();
        for (const v1::RecordChange& change : committed->ruling.changes) {
          if (!change.has_candidate()) continue;
          out.set_candidate(CandidateName(change.candidate().case_id(), change.candidate().id()));
          out.set_state(change.candidate().state());
          out.set_confirmations(static_cast<uint32_t>(change.candidate().confirmed_by_size()));
        }
        *out.mutable_receipt() = ReceiptOf(*committed);
        return absl::OkStatus();
      });
}

grpc::Status SearchService::DiscloseCandidate(grpc::ServerContext* context,
                                              const v1::DiscloseCandidateRequest* request,
                                              v1::DiscloseCandidateResponse* response) {
  return calls_.Unary<v1::DiscloseCandidateRequest, v1::DiscloseCandidateResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::DiscloseCandidateResponse& out) {
        return Disclose(calls_.vault(), call, request->disclosure_request(), out);
      });
}

}  // namespace kluis::service
