// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/supervision_service.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "matching/algorithm.h"
#include "policy/record_key.h"
#include "service/acts/inspection.h"
#include "service/acts/requests.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "service/rpc/page_bytes.h"
#include "service/rpc/page_token.h"
#include "service/rpc/purpose_view.h"

namespace kluis::service {
namespace {

constexpr uint64_t kDefaultPage = 20;

// Reads one signed statement into `payload`, lets `fill` complete the command, and commits.
template <class Payload, class Fill>
absl::StatusOr<Committed> CarryStatement(Vault& vault, const Call& call,
                                         const v1::Envelope& envelope, const Fill& fill) {
  Payload payload;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, payload);
  if (!facts.ok()) return facts.status();
  Act act = call.NewAct();
  act.envelopes.push_back(envelope);
  fill(*std::move(facts), std::move(payload), act.command);
  return CommitAct(vault.ledger(), std::move(act));
}

// As CarryStatement, and shows the purpose as it is afterwards.
template <class Payload, class Response, class Fill>
absl::Status CarryPurpose(Vault& vault, const Call& call, const v1::Envelope& envelope,
                          Response& response, const Fill& fill) {
  std::string id;
  const absl::StatusOr<Committed> committed = CarryStatement<Payload>(
      vault, call, envelope, [&](v1::StatementFacts facts, Payload payload, v1::Command& command) {
        id = payload.purpose();
        fill(std::move(facts), std::move(payload), command);
      });
  if (!committed.ok()) return committed.status();
  absl::StatusOr<v1::Purpose> view = PurposeView(vault.state(), id);
  if (!view.ok()) return view.status();
  *response.mutable_purpose() = *std::move(view);
  *response.mutable_receipt() = ReceiptOf(*committed);
  return absl::OkStatus();
}

// Commits the order, and then renews templates until all are done or the call ends; what it leaves
// then, a sweep goes on with.
absl::Status Rotate(Vault& vault, const Call& call, const v1::Envelope& envelope,
                    v1::RotateTransformResponse& response) {
  v1::RotationOrder order;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, order);
  if (!facts.ok()) return facts.status();
  Act act = call.NewAct();
  act.envelopes.push_back(envelope);
  *act.command.mutable_rotate_transform()->mutable_statement() = *std::move(facts);
  *act.command.mutable_rotate_transform()->mutable_order() = order;
  const absl::StatusOr<Committed> ordered = CommitAct(vault.ledger(), std::move(act));
  if (!ordered.ok()) return ordered.status();
  const absl::StatusOr<uint64_t> renewed = vault.sweeper().rotations().Finish(order.purpose(), [&] {
    return call.context->IsCancelled() || std::chrono::system_clock::now() > call.deadline;
  });
  if (!renewed.ok()) return WithLogIndex(renewed.status(), ordered->index);
  absl::StatusOr<v1::Purpose> view = PurposeView(vault.state(), order.purpose());
  if (!view.ok()) return view.status();
  *response.mutable_purpose() = *std::move(view);
  response.set_renewed(*renewed);
  *response.mutable_receipt() = ReceiptOf(*ordered);
  return absl::OkStatus();
}

// Commits the order, and then writes its receipt and what it opens.
absl::Status Inspect(Vault& vault, const Call& call, const v1::Envelope& envelope,
                     grpc::ServerWriter<v1::InspectEntriesResponse>& writer) {
  v1::InspectionOrder order;
  const absl::StatusOr<Committed> committed = CarryStatement<v1::InspectionOrder>(
      vault, call, envelope,
      [&](v1::StatementFacts facts, v1::InspectionOrder payload, v1::Command& command) {
        order = std::move(payload);
        *command.mutable_inspect()->mutable_statement() = std::move(facts);
        *command.mutable_inspect()->mutable_order() = order;
      });
  if (!committed.ok()) return committed.status();
  const absl::Status gone = absl::CancelledError("inspection: the caller has gone");
  v1::InspectEntriesResponse first;
  *first.mutable_receipt() = ReceiptOf(*committed);
  if (!WriteTo(call, writer, first)) return gone;

  // What was not yet durable when the order came, it does not reach.
  const uint64_t end = std::min<uint64_t>(order.end_index(), committed->index);
  v1::InspectEntriesResponse message;
  return OpenCommitments(
      vault, order.start_index(), end,
      [&] { return call.context->IsCancelled() ? gone : absl::OkStatus(); },
      [&](v1::CommitmentOpening& opening) {
        message.mutable_opening()->Swap(&opening);
        const bool sent = WriteTo(call, writer, message);
        message.mutable_opening()->Swap(&opening);
        return sent ? absl::OkStatus() : gone;
      });
}

}  // namespace

grpc::Status SupervisionService::AccreditAuthority(grpc::ServerContext* context,
                                                   const v1::AccreditAuthorityRequest* request,
                                                   v1::AccreditAuthorityResponse* response) {
  return calls_.Unary<v1::AccreditAuthorityRequest, v1::AccreditAuthorityResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::AccreditAuthorityResponse& out) {
        const absl::StatusOr<Committed> committed = CarryStatement<v1::Accreditation>(
            calls_.vault(), call, request->accreditation(),
            [](v1::StatementFacts facts, v1::Accreditation payload, v1::Command& command) {
              v1::Accredit& accredit = *command.mutable_accredit();
              *accredit.mutable_statement() = std::move(facts);
              *accredit.mutable_accreditation() = std::move(payload);
              accredit.set_new_authority_id(NewId());
            });
        if (!committed.ok()) return committed.status();
        out.set_authority(NameOf("authorities", committed->command.accredit().new_authority_id()));
        *out.mutable_receipt() = ReceiptOf(*committed);
        return absl::OkStatus();
      });
}

grpc::Status SupervisionService::RegisterMember(grpc::ServerContext* context,
                                                const v1::RegisterMemberRequest* request,
                                                v1::RegisterMemberResponse* response) {
  return calls_.Unary<v1::RegisterMemberRequest, v1::RegisterMemberResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::RegisterMemberResponse& out) {
        std::string member;
        const absl::StatusOr<Committed> committed = CarryStatement<v1::Registration>(
            calls_.vault(), call, request->registration(),
            [&](v1::StatementFacts facts, v1::Registration payload, v1::Command& command) {
              member = payload.member();
              v1::Register& registering = *command.mutable_register_();
              *registering.mutable_statement() = std::move(facts);
              audit::SetRegisteredKey(payload, registering);
              *registering.mutable_registration() = std::move(payload);
            });
        if (!committed.ok()) return committed.status();
        out.set_member("members/" + member);
        *out.mutable_receipt() = ReceiptOf(*committed);
        return absl::OkStatus();
      });
}

grpc::Status SupervisionService::SetMemberTerm(grpc::ServerContext* context,
                                               const v1::SetMemberTermRequest* request,
                                               v1::SetMemberTermResponse* response) {
  return calls_.Unary<v1::SetMemberTermRequest, v1::SetMemberTermResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::SetMemberTermResponse& out) {
        const absl::StatusOr<Committed> committed = CarryStatement<v1::MemberTerm>(
            calls_.vault(), call, request->term(),
            [](v1::StatementFacts facts, v1::MemberTerm payload, v1::Command& command) {
              *command.mutable_set_term()->mutable_statement() = std::move(facts);
              *command.mutable_set_term()->mutable_term() = std::move(payload);
            });
        if (!committed.ok()) return committed.status();
        out.set_member("members/" + committed->command.set_term().term().member());
        *out.mutable_receipt() = ReceiptOf(*committed);
        return absl::OkStatus();
      });
}

grpc::Status SupervisionService::RegisterPurpose(grpc::ServerContext* context,
                                                 const v1::RegisterPurposeRequest* request,
                                                 v1::RegisterPurposeResponse* response) {
  return calls_.Unary<v1::RegisterPurposeRequest, v1::RegisterPurposeResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::RegisterPurposeResponse& out) {
        return CarryPurpose<v1::PurposeRegistration>(
            calls_.vault(), call, request->registration(), out,
            [](v1::StatementFacts facts, v1::PurposeRegistration payload, v1::Command& command) {
              v1::RegisterPurpose& registering = *command.mutable_register_purpose();
              *registering.mutable_statement() = std::move(facts);
              registering.set_algorithm_known(matching::FindAlgorithm(payload.algorithm()) !=
                                              nullptr);
              *registering.mutable_registration() = std::move(payload);
            });
      });
}

grpc::Status SupervisionService::OrderStop(grpc::ServerContext* context,
                                           const v1::OrderStopRequest* request,
                                           v1::OrderStopResponse* response) {
  return calls_.Unary<v1::OrderStopRequest, v1::OrderStopResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::OrderStopResponse& out) {
        return CarryPurpose<v1::StopOrder>(
            calls_.vault(), call, request->order(), out,
            [](v1::StatementFacts facts, v1::StopOrder payload, v1::Command& command) {
              *command.mutable_stop()->mutable_statement() = std::move(facts);
              *command.mutable_stop()->mutable_order() = std::move(payload);
            });
      });
}

grpc::Status SupervisionService::LiftStop(grpc::ServerContext* context,
                                          const v1::LiftStopRequest* request,
                                          v1::LiftStopResponse* response) {
  return calls_.Unary<v1::LiftStopRequest, v1::LiftStopResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::LiftStopResponse& out) {
        return CarryPurpose<v1::LiftOrder>(
            calls_.vault(), call, request->order(), out,
            [](v1::StatementFacts facts, v1::LiftOrder payload, v1::Command& command) {
              *command.mutable_lift()->mutable_statement() = std::move(facts);
              *command.mutable_lift()->mutable_order() = std::move(payload);
            });
      });
}

// The request id is not remembered: an order serves once, and what it shows is not kept to be shown
// again.
grpc::Status SupervisionService::RotateTransform(grpc::ServerContext* context,
                                                 const v1::RotateTransformRequest* request,
                                                 v1::RotateTransformResponse* response) {
  return calls_.Unary<v1::RotateTransformRequest, v1::RotateTransformResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::RotateTransformResponse& out) {
        return Rotate(calls_.vault(), call, request->order(), out);
      });
}

grpc::Status SupervisionService::InspectEntries(
    grpc::ServerContext* context, const v1::InspectEntriesRequest* request,
    grpc::ServerWriter<v1::InspectEntriesResponse>* writer) {
  return calls_.Stream<v1::InspectEntriesRequest>(
      context, *request, Validate,
      [&](const Call& call) { return Inspect(calls_.vault(), call, request->order(), *writer); });
}

grpc::Status SupervisionService::ListPurposes(grpc::ServerContext* context,
                                              const v1::ListPurposesRequest* request,
                                              v1::ListPurposesResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::ListPurposesRequest, v1::ListPurposesResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::ListPurposesResponse& out) {
        const PageTokens tokens(call.peer);
        const absl::StatusOr<uint64_t> skip = tokens.Read(request->page_token());
        if (!skip.ok()) return skip.status();
        const uint64_t page =
            request->page_size() > 0 ? static_cast<uint64_t>(request->page_size()) : kDefaultPage;
        uint64_t seen = 0;
        uint64_t next = 0;
        PageBytes room;
        absl::Status status;
        const absl::Status scanned = vault.state().ForEach<v1::PurposeRecord>(
            v1::RecordChange::kPurpose, [&](const v1::PurposeRecord& record) {
              const uint64_t number = seen++;
              if (number < *skip || next > 0 || !status.ok()) return;
              if (number == *skip + page) {
                next = number;
                return;
              }
              absl::StatusOr<v1::Purpose> view =
                  PurposeView(vault.state(), record.registration().purpose());
              if (view.ok() && !room.Take(*view)) {
                next = number;
              } else if (view.ok()) {
                *out.add_purposes() = *std::move(view);
              } else {
                status = view.status();
              }
            });
        if (!scanned.ok()) return scanned;
        if (next > 0) out.set_next_page_token(tokens.Make(next));
        return status;
      });
}

}  // namespace kluis::service
