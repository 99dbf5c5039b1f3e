// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/subject_service.h"

#include <string>
#include <utility>

#include "base/codec.h"
#include "base/id.h"
#include "policy/record_key.h"
#include "service/acts/requests.h"
#include "service/custody/subject_details.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "service/rpc/page_bytes.h"
#include "service/rpc/subject_rights.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

// Where a page begins: after this holding or notice; each empty: at the beginning.
struct After {
  std::string purpose;
  std::string notice;  // 16 bytes; all holdings came before
};

// Before the first notice, which has no id of zeros.
std::string AfterHoldings() { return NameOf("disclosures", std::string(policy::kIdBytes, '\0')); }

// kInvalidArgument, MALFORMED_STATEMENT: `text` is not one that an answer gave.
absl::StatusOr<After> ReadAfter(std::string_view text) {
  After after;
  if (text.empty()) return after;
  after.purpose = PurposeInName(text);
  after.notice = policy::IdInName(text, "disclosures");
  if (policy::IsPurposeId(after.purpose) != after.notice.empty()) {
    return WithReason(absl::InvalidArgumentError("after: must be next_after of an answer"),
                      "MALFORMED_STATEMENT");
  }
  return after;
}

// What a consent that follows the template's end names.
std::string EndOf(const v1::TemplateRecord& record) {
  if (record.end().empty()) return {};
  if (record.end() == record.id()) return TemplateName(record.subject_id(), record.id());
  return base::ToHex(record.end());
}

absl::Status AddHoldings(Vault& vault, const v1::SubjectRecord& subject, const After& after,
                         PageBytes& room, v1::GetHoldingsResponse& response) {
  if (!after.notice.empty()) return absl::OkStatus();
  absl::Status status;
  std::string last = after.purpose;
  const absl::Status scanned = vault.state().ForEachUnder<v1::Enrollment>(
      policy::key::Enrollment(subject.id(), ""), [&](const v1::Enrollment& enrollment) {
        if (enrollment.purpose() <= after.purpose || room.full()) return;
        const auto record = policy::Find<v1::TemplateRecord>(
            vault.state(), policy::key::Template(enrollment.template_id()));
        const auto purpose = policy::Find<v1::PurposeRecord>(
            vault.state(), policy::key::Purpose(enrollment.purpose()));
        if (!record.ok() || !purpose.ok() || !record->has_value() || !purpose->has_value()) {
          status = absl::DataLossError("holdings: a record is missing");
          return;
        }
        const v1::PurposeRegistration& registration = (*purpose)->registration();
        v1::Holding made;
        v1::Holding* const holding = &made;
        holding->set_template_record(TemplateName(subject.id(), (*record)->id()));
        holding->set_purpose("purposes/" + enrollment.purpose());
        holding->set_algorithm((*record)->algorithm());
        holding->set_state((*record)->state());
        holding->set_end_reason((*record)->end_reason());
        holding->mutable_enrolled_at()->set_seconds((*record)->enrolled_at());
        holding->mutable_expires_at()->set_seconds((*record)->expires_at());
        holding->set_controller(registration.controller().name());
        holding->set_controller_contact(registration.controller().contact());
        holding->set_legal_basis(registration.legal_basis().reference());
        holding->set_restricted((*record)->restricted());
        holding->set_restriction(base::ToHex((*record)->restriction()));
        holding->set_end(EndOf(**record));
        if (!room.Take(made)) {
          response.set_next_after("purposes/" + last);
          return;
        }
        last = enrollment.purpose();
        *response.add_holdings() = std::move(made);
      });
  return scanned.ok() ? status : scanned;
}

// The notices whose time has come at `now`; a delayed one shows itself when the court's delay ends.
absl::Status AddNotices(Vault& vault, const v1::SubjectRecord& subject, policy::Time now,
                        const After& after, PageBytes& room, v1::GetHoldingsResponse& response) {
  if (room.full()) return absl::OkStatus();
  const auto subject_id = base::IdFromBytes(subject.id());
  if (!subject_id.ok()) return subject_id.status();
  std::string last = after.notice;
  absl::Status status;
  const absl::Status scanned = vault.database().Scan(
      storage::Column::kDetails, storage::NoticePrefix(*subject_id),
      [&](std::string_view key, std::string_view sealed) {
        const std::string_view id = key.substr(key.size() - policy::kIdBytes);
        if (id <= after.notice) return true;
        const auto disclosure =
            policy::Find<v1::DisclosureRecord>(vault.state(), policy::key::Disclosure(id));
        if (!disclosure.ok() || !disclosure->has_value()) {
          status = absl::DataLossError("notices: a record is missing");
          return false;
        }
        if ((*disclosure)->notice_at() > now) return true;
        const absl::StatusOr<crypto::SecretBytes> opened =
            vault.sealer().Open(subject.slot(), kNoticeUse, key, sealed);
        if (!opened.ok()) {
          status = opened.status();
          return false;
        }
        const std::string_view text = AsText(*opened);
        v1::SubjectNotice notice;
        if (!notice.ParseFromArray(text.data(), static_cast<int>(text.size()))) {
          status = absl::DataLossError("notices: one is damaged");
          return false;
        }
        if (!room.Take(notice)) {
          response.set_next_after(last.empty() ? AfterHoldings() : NameOf("disclosures", last));
          return false;
        }
        last = std::string(id);
        *response.add_notices() = std::move(notice);
        return true;
      });
  return scanned.ok() ? status : scanned;
}

// Restriction and its lift: `payload` is read from `envelope`, and its subject's template for its
// purpose follows in the gallery before anybody else's act.
template <class Payload, class Command, class Response>
absl::Status SetRestricted(Vault& vault, const Call& call, const v1::Envelope& envelope,
                           Payload payload, Command* (v1::Command::*act_of)(), Response& response) {
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, payload);
  if (!facts.ok()) return facts.status();
  absl::StatusOr<std::string> subject_id = SubjectOfKey(vault, payload.subject_public_key());
  if (!subject_id.ok()) return subject_id.status();
  Act act = call.NewAct();
  Command& command = *(act.command.*act_of)();
  *command.mutable_statement() = *std::move(facts);
  command.set_subject_id(*subject_id);
  command.set_purpose(payload.purpose());
  if constexpr (requires { payload.restriction(); }) {
    // What is no digest names no restriction.
    const absl::StatusOr<std::string> named = base::FromHex(payload.restriction());
    if (named.ok()) command.set_restriction(*named);
  }
  const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
  if (!committed.ok()) return committed.status();
  for (const v1::RecordChange& change : committed->ruling.changes) {
    if (!change.has_template_()) continue;
    response.set_template_record(TemplateName(*subject_id, change.template_().id()));
  }
  *response.mutable_receipt() = ReceiptOf(*committed);
  return absl::OkStatus();
}

}  // namespace

grpc::Status SubjectService::GetAccessChallenge(grpc::ServerContext* context,
                                                const v1::GetAccessChallengeRequest* request,
                                                v1::GetAccessChallengeResponse* response) {
  return calls_.Unary<v1::GetAccessChallengeRequest, v1::GetAccessChallengeResponse>(
      context, *request, *response, Validate,
      [&](const Call&, v1::GetAccessChallengeResponse& out) {
        out.set_challenge(challenges_.Give());
        return absl::OkStatus();
      });
}

grpc::Status SubjectService::GetHoldings(grpc::ServerContext* context,
                                         const v1::GetHoldingsRequest* request,
                                         v1::GetHoldingsResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::GetHoldingsRequest, v1::GetHoldingsResponse>(
      context, *request, *response, Validate, [&](const Call& call, v1::GetHoldingsResponse& out) {
        v1::AccessRequest payload;
        absl::StatusOr<v1::StatementFacts> facts =
            TakeStatement(vault.state(), request->access_request(), payload);
        if (!facts.ok()) return facts.status();
        const absl::StatusOr<After> after = ReadAfter(payload.after());
        if (!after.ok()) return after.status();
        absl::StatusOr<std::string> subject_id = SubjectOfKey(vault, payload.subject_public_key());
        if (!subject_id.ok()) return subject_id.status();
        Act act = call.NewAct();
        *act.command.mutable_access()->mutable_statement() = *std::move(facts);
        act.command.mutable_access()->set_subject_id(*subject_id);
        act.command.mutable_access()->set_challenge_fresh(challenges_.IsFresh(payload.challenge()));
        const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
        if (!committed.ok()) return committed.status();

        const auto subject =
            policy::Find<v1::SubjectRecord>(vault.state(), policy::key::Subject(*subject_id));
        if (!subject.ok()) return subject.status();
        if (!subject->has_value()) return absl::DataLossError("subject: its record is missing");
        absl::StatusOr<v1::SubjectDetails> details =
            OpenDetails(vault.database(), vault.sealer(), **subject);
        if (!details.ok()) return details.status();
        out.set_subject(NameOf("subjects", *subject_id));
        *out.mutable_details() = *std::move(details);
        *out.mutable_receipt() = ReceiptOf(*committed);
        PageBytes room;
        const absl::Status holdings = AddHoldings(vault, **subject, *after, room, out);
        if (!holdings.ok()) return holdings;
        return AddNotices(vault, **subject, committed->decided_at, *after, room, out);
      });
}

grpc::Status SubjectService::WithdrawConsent(grpc::ServerContext* context,
                                             const v1::WithdrawConsentRequest* request,
                                             v1::WithdrawConsentResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::WithdrawConsentRequest, v1::WithdrawConsentResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::WithdrawConsentResponse& out) {
        v1::Withdrawal payload;
        absl::StatusOr<v1::StatementFacts> facts =
            TakeStatement(vault.state(), request->withdrawal(), payload);
        if (!facts.ok()) return facts.status();
        absl::StatusOr<std::string> subject_id = SubjectOfKey(vault, payload.subject_public_key());
        if (!subject_id.ok()) return subject_id.status();
        Act act = call.NewAct();
        v1::Withdraw& command = *act.command.mutable_withdraw();
        *command.mutable_statement() = *std::move(facts);
        command.set_subject_id(*subject_id);
        command.set_purpose(payload.purpose());
        absl::StatusOr<Committed> started = CommitAct(vault.ledger(), std::move(act));
        if (!started.ok()) return started.status();
        v1::ErasureReceipt* erasure = out.mutable_erasure();
        for (const v1::RecordChange& change : started->ruling.changes) {
          if (!change.has_template_()) continue;
          erasure->set_template_record(TemplateName(*subject_id, change.template_().id()));
          erasure->set_state(change.template_().state());
        }
        *erasure->mutable_started() = ReceiptOf(*started);
        erasure->set_keyring_commitment(std::move(started->keyring_commitment));
        return absl::OkStatus();
      });
}

grpc::Status SubjectService::RestrictProcessing(grpc::ServerContext* context,
                                                const v1::RestrictProcessingRequest* request,
                                                v1::RestrictProcessingResponse* response) {
  return calls_.Unary<v1::RestrictProcessingRequest, v1::RestrictProcessingResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::RestrictProcessingResponse& out) {
        return SetRestricted(calls_.vault(), call, request->restriction(), v1::Restriction(),
                             &v1::Command::mutable_restrict, out);
      });
}

grpc::Status SubjectService::LiftRestriction(grpc::ServerContext* context,
                                             const v1::LiftRestrictionRequest* request,
                                             v1::LiftRestrictionResponse* response) {
  return calls_.Unary<v1::LiftRestrictionRequest, v1::LiftRestrictionResponse>(
      context, *request, *response, Validate,
      [&](const Call& call, v1::LiftRestrictionResponse& out) {
        return SetRestricted(calls_.vault(), call, request->lift(), v1::RestrictionLift(),
                             &v1::Command::mutable_lift_restriction, out);
      });
}

}  // namespace kluis::service
