// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/case_service.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "policy/record_key.h"
#include "service/acts/case_details.h"
#include "service/acts/requests.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "service/rpc/case_views.h"
#include "service/rpc/page_bytes.h"
#include "service/rpc/page_token.h"

namespace kluis::service {
namespace {

constexpr int kDefaultPage = 20;

// Without its candidates and its gallery. What was written about the case is left out where it is
// damaged: an act that is done is not told as failed for that, and a list not withheld. GetCase
// says so.
absl::StatusOr<v1::Case> Outlined(Vault& vault, const v1::CaseRecord& record) {
  absl::StatusOr<v1::Case> view = ViewOf(vault.state(), record);
  if (!view.ok()) return view;
  const absl::Status added = AddDetails(vault, record, *view);
  if (!added.ok() && !absl::IsDataLoss(added)) return added;
  return view;
}

// Commits an act about one case, and shows the case as it is afterwards.
template <class Response>
absl::Status Carry(Vault& vault, Act act, Response& response) {
  const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
  if (!committed.ok()) return committed.status();
  for (const v1::RecordChange& change : committed->ruling.changes) {
    if (change.has_case_()) {
      // If the store fails, the first search says so.
      vault.galleries().LoadFor(change.case_().id(), committed->decided_at).IgnoreError();
      absl::StatusOr<v1::Case> view = Outlined(vault, change.case_());
      if (!view.ok()) return view.status();
      AddGallery(vault.galleries(), change.case_(), *view);
      *response.mutable_case_() = *std::move(view);
    }
  }
  *response.mutable_receipt() = ReceiptOf(*committed);
  return absl::OkStatus();
}

// One signed act about a case: `fill` puts the facts and the payload into the command.
template <class Payload, class Response>
absl::Status CarryStatement(
    Vault& vault, const Call& call, const v1::Envelope& envelope, Response& response,
    const std::function<void(v1::StatementFacts, Payload, v1::Command&)>& fill) {
  Payload payload;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, payload);
  if (!facts.ok()) return facts.status();
  Act act = call.NewAct();
  act.envelopes.push_back(envelope);
  fill(*std::move(facts), std::move(payload), act.command);
  return Carry(vault, std::move(act), response);
}

// As CarryStatement, of a statement that commits to `Said`, which came beside it and is sealed for
// the case. `fill` may fail.
template <class Payload, class Said, class Request, class Response>
absl::Status CarryDetailed(Vault& vault, const Call& call, const v1::Envelope& envelope,
                           const Request& request, storage::Written what, Response& response,
                           const std::function<absl::Status(v1::StatementFacts, Payload,
                                                            const Said&, v1::Command&)>& fill) {
  Payload payload;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, payload);
  if (!facts.ok()) return facts.status();
  Said said;
  absl::StatusOr<Opening> opening =
      TakeDetails(what == storage::Written::kOpening ? audit::kCaseDetails : audit::kRefusalDetails,
                  {request.details(), request.details_nonce(), payload.details()}, said);
  if (!opening.ok()) return opening.status();
  Act act = call.NewAct();
  act.envelopes.push_back(envelope);
  act.commitments.push_back(opening->commitment);
  const absl::Status filled = fill(*std::move(facts), std::move(payload), said, act.command);
  if (!filled.ok()) return filled;
  act.attach = [&vault, what, opening = *std::move(opening)](const policy::Ruling& ruling, uint64_t,
                                                             Writes& writes) {
    return StoreDetails(vault.sealer(), ruling, what, opening, writes);
  };
  return Carry(vault, std::move(act), response);
}

}  // namespace

grpc::Status CaseService::OpenCase(grpc::ServerContext* context, const v1::OpenCaseRequest* request,
                                   v1::OpenCaseResponse* response) {
  return calls_.Unary<v1::OpenCaseRequest, v1::OpenCaseResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::OpenCaseResponse& out) {
        const Sealer& sealer = calls_.vault().sealer();
        return CarryDetailed<v1::CaseOpening, v1::CaseDetails>(
            calls_.vault(), call, request->opening(), *request, storage::Written::kOpening, out,
            [&sealer](v1::StatementFacts facts, v1::CaseOpening opening,
                      const v1::CaseDetails& details, v1::Command& command) {
              absl::StatusOr<std::string> digest =
                  sealer.NecessityDigest(audit::NecessityEssence(details.necessity()));
              if (!digest.ok()) return digest.status();
              v1::OpenCase& open = *command.mutable_open_case();
              *open.mutable_statement() = std::move(facts);
              *open.mutable_opening() = std::move(opening);
              open.set_new_case_id(NewId());
              audit::SetDetails(details, open);
              open.set_necessity_digest(*std::move(digest));
              return absl::OkStatus();
            });
      });
}

grpc::Status CaseService::IssueWarrant(grpc::ServerContext* context,
                                       const v1::IssueWarrantRequest* request,
                                       v1::IssueWarrantResponse* response) {
  return calls_.Unary<v1::IssueWarrantRequest, v1::IssueWarrantResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::IssueWarrantResponse& out) {
        return CarryStatement<v1::Warrant>(
            calls_.vault(), call, request->warrant(), out,
            [](v1::StatementFacts facts, v1::Warrant warrant, v1::Command& command) {
              *command.mutable_issue_warrant()->mutable_statement() = std::move(facts);
              *command.mutable_issue_warrant()->mutable_warrant() = std::move(warrant);
            });
      });
}

grpc::Status CaseService::RefuseWarrant(grpc::ServerContext* context,
                                        const v1::RefuseWarrantRequest* request,
                                        v1::RefuseWarrantResponse* response) {
  return calls_.Unary<v1::RefuseWarrantRequest, v1::RefuseWarrantResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::RefuseWarrantResponse& out) {
        return CarryDetailed<v1::WarrantRefusal, v1::RefusalDetails>(
            calls_.vault(), call, request->refusal(), *request, storage::Written::kRefusal, out,
            [](v1::StatementFacts facts, v1::WarrantRefusal refusal,
               const v1::RefusalDetails& details, v1::Command& command) {
              v1::RefuseWarrant& refuse = *command.mutable_refuse_warrant();
              *refuse.mutable_statement() = std::move(facts);
              *refuse.mutable_refusal() = std::move(refusal);
              audit::SetDetails(details, refuse);
              return absl::OkStatus();
            });
      });
}

grpc::Status CaseService::ApproveCase(grpc::ServerContext* context,
                                      const v1::ApproveCaseRequest* request,
                                      v1::ApproveCaseResponse* response) {
  return calls_.Unary<v1::ApproveCaseRequest, v1::ApproveCaseResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::ApproveCaseResponse& out) {
        return CarryStatement<v1::CaseApproval>(
            calls_.vault(), call, request->approval(), out,
            [](v1::StatementFacts facts, v1::CaseApproval approval, v1::Command& command) {
              *command.mutable_approve_case()->mutable_statement() = std::move(facts);
              *command.mutable_approve_case()->mutable_approval() = std::move(approval);
            });
      });
}

grpc::Status CaseService::CloseCase(grpc::ServerContext* context,
                                    const v1::CloseCaseRequest* request,
                                    v1::CloseCaseResponse* response) {
  return calls_.Unary<v1::CloseCaseRequest, v1::CloseCaseResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::CloseCaseResponse& out) {
        return CarryStatement<v1::CaseClosing>(
            calls_.vault(), call, request->closing(), out,
            [](v1::StatementFacts facts, v1::CaseClosing closing, v1::Command& command) {
              *command.mutable_close_case()->mutable_statement() = std::move(facts);
              *command.mutable_close_case()->mutable_closing() = std::move(closing);
            });
      });
}

grpc::Status CaseService::GetCase(grpc::ServerContext* context, const v1::GetCaseRequest* request,
                                  v1::GetCaseResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::GetCaseRequest, v1::GetCaseResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::GetCaseResponse& out) {
        const std::string id = policy::IdInName(request->name(), "cases");
        const PageTokens tokens(call.peer);
        const absl::StatusOr<uint64_t> skip = tokens.Read(request->page_token());
        if (!skip.ok()) return skip.status();
        Act act = call.NewAct();
        act.command.mutable_read_case()->set_case_id(id);
        const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
        if (!committed.ok()) return committed.status();
        const auto record = policy::Find<v1::CaseRecord>(vault.state(), policy::key::Case(id));
        if (!record.ok()) return record.status();
        if (!record->has_value()) return absl::DataLossError("case: its record is missing");
        absl::StatusOr<v1::Case> view = ViewOf(vault.state(), **record);
        if (!view.ok()) return view.status();
        const absl::Status added = AddDetails(vault, **record, *view);
        if (!added.ok()) return added;
        AddGallery(vault.galleries(), **record, *view);
        *out.mutable_case_() = *std::move(view);
        *out.mutable_receipt() = ReceiptOf(*committed);
        const absl::StatusOr<uint64_t> next =
            AddCandidates(vault.state(), id, *skip, *out.mutable_case_());
        if (!next.ok()) return next.status();
        if (*next > 0) out.set_next_page_token(tokens.Make(*next));
        return absl::OkStatus();
      });
}

grpc::Status CaseService::ListCases(grpc::ServerContext* context,
                                    const v1::ListCasesRequest* request,
                                    v1::ListCasesResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::ListCasesRequest, v1::ListCasesResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::ListCasesResponse& out) {
        const PageTokens tokens(call.peer);
        const absl::StatusOr<uint64_t> skip = tokens.Read(request->page_token());
        if (!skip.ok()) return skip.status();
        Act act = call.NewAct();
        act.command.mutable_read_case();
        const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
        if (!committed.ok()) return committed.status();

        const auto member = policy::Find<v1::MemberRecord>(
            vault.state(), policy::key::Member(call.caller.role(), call.caller.name()));
        if (!member.ok()) return member.status();
        std::vector<v1::CaseRecord> records;
        const absl::Status scanned = vault.state().ForEach<v1::CaseRecord>(
            v1::RecordChange::kCase, [&](const v1::CaseRecord& record) {
              const bool visible =
                  call.peer.role == v1::ROLE_JUDGE ||
                  (member->has_value() && record.authority_id() == (*member)->authority_id());
              if (visible) records.push_back(record);
            });
        if (!scanned.ok()) return scanned;
        std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
          return a.opened_at() > b.opened_at();
        });
        const uint64_t page =
            static_cast<uint64_t>(request->page_size() > 0 ? request->page_size() : kDefaultPage);
        PageBytes room;
        uint64_t next = *skip;
        for (; next < records.size() && next < *skip + page; ++next) {
          absl::StatusOr<v1::Case> view = Outlined(vault, records[next]);
          if (!view.ok()) return view.status();
          if (!room.Take(*view)) break;
          *out.add_cases() = *std::move(view);
        }
        if (next < records.size()) out.set_next_page_token(tokens.Make(next));
        *out.mutable_receipt() = ReceiptOf(*committed);
        return absl::OkStatus();
      });
}

}  // namespace kluis::service
