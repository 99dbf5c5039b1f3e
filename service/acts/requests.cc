// SPDX-License-Identifier: Apache-2.0
#include "service/acts/requests.h"

#include <span>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "audit/details.h"
#include "audit/statement.h"
#include "crypto/release.h"
#include "crypto/shamir.h"
#include "matching/algorithm.h"
#include "matching/template_check.h"
#include "policy/facts.h"
#include "service/ledger/errors.h"
#include "service/ledger/names.h"

namespace kluis::service {
namespace {

constexpr size_t kMaxName = 200;
constexpr size_t kMaxShareText = 200;
constexpr size_t kMaxEvidence = 64;
constexpr int kMaxPage = 100;
constexpr int64_t kMaxUnixSeconds = 253'402'300'799;  // the end of year 9999

absl::Status Malformed(std::string_view text) {
  return WithReason(absl::InvalidArgumentError(std::string(text)), "MALFORMED_REQUEST");
}

absl::Status UnknownName(std::string_view field, std::string_view form) {
  return WithReason(
      absl::InvalidArgumentError(absl::StrCat(std::string(field), ": must be ", std::string(form))),
      "UNKNOWN_NAME");
}

bool IsPurposeName(std::string_view name) { return policy::IsPurposeId(PurposeInName(name)); }

absl::Status CheckEnvelope(std::string_view field, const v1::Envelope& envelope) {
  if (envelope.payload().empty() || envelope.signatures().empty()) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat(
                          std::string(field), ": must be a DSSE envelope with a signature")),
                      "MALFORMED_STATEMENT");
  }
  if (envelope.payload().size() > audit::kMaxPayloadBytes ||
      envelope.signatures_size() > audit::kMaxSignatures) {
    return WithReason(absl::InvalidArgumentError(
                          absl::StrCat(std::string(field), ": at most 32 KiB and 16 signatures")),
                      "MALFORMED_STATEMENT");
  }
  return absl::OkStatus();
}

absl::Status CheckDetails(std::string_view details, std::string_view nonce) {
  if (details.empty() || details.size() > audit::kMaxPayloadBytes) {
    return Malformed("details: must be 1 byte to 32 KiB");
  }
  if (nonce.size() != audit::kDetailsNonceBytes) {
    return Malformed("details_nonce: must be 32 bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckPage(int32_t page_size, std::string_view token) {
  if (page_size < 0 || page_size > kMaxPage) return Malformed("page_size: must be 0 to 100");
  if (token.size() > 256) return Malformed("page_token: is not one that was given out");
  return absl::OkStatus();
}

absl::Status CheckShares(uint32_t needed, uint32_t holders) {
  if (needed < crypto::kMinNeededShares || needed > holders || holders > crypto::kMaxShares) {
    return Malformed("needed: must be 2 to holders, and holders at most 32");
  }
  return absl::OkStatus();
}

// A share is 90 characters; line breaks and spaces are skipped.
absl::Status CheckShareText(std::string_view text) {
  if (text.size() > kMaxShareText) return Malformed("share: is too long to be one");
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateTemplate(const v1::Template& value) {
  const matching::Algorithm* algorithm = matching::FindAlgorithm(value.algorithm());
  if (algorithm == nullptr) {
    std::string known;
    for (const matching::Algorithm& each : matching::Algorithms()) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(each.id));
    }
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat("template.algorithm: must be one of: ", known)),
        "WRONG_ALGORITHM");
  }
  return WithReason(
      matching::CheckTemplate(
          *algorithm, std::span(value.values().data(), static_cast<size_t>(value.values_size()))),
      "MALFORMED_TEMPLATE");
}

absl::Status Validate(const v1::EnrollRequest& request) {
  absl::Status status = CheckEnvelope("consent", request.consent());
  if (status.ok()) status = CheckEnvelope("attestation", request.attestation());
  if (status.ok()) status = ValidateTemplate(request.template_());
  if (!status.ok()) return status;
  const v1::SubjectDetails& details = request.details();
  if (details.full_name().empty() || details.full_name().size() > kMaxName) {
    return Malformed("details.full_name: must be 1 to 200 bytes");
  }
  if (details.contact().size() > kMaxName) {
    return Malformed("details.contact: must be at most 200 bytes");
  }
  const size_t secret = request.sealed_custody_secret().size();
  if (secret != 0 && secret != crypto::kSealedDeviceSecretBytes) {
    return Malformed("sealed_custody_secret: must be 80 bytes, or none");
  }
  return absl::OkStatus();
}

absl::Status Validate(const v1::GetHoldingsRequest& request) {
  return CheckEnvelope("access_request", request.access_request());
}
absl::Status Validate(const v1::WithdrawConsentRequest& request) {
  return CheckEnvelope("withdrawal", request.withdrawal());
}
absl::Status Validate(const v1::RestrictProcessingRequest& request) {
  return CheckEnvelope("restriction", request.restriction());
}
absl::Status Validate(const v1::LiftRestrictionRequest& request) {
  return CheckEnvelope("lift", request.lift());
}
absl::Status Validate(const v1::OpenCaseRequest& request) {
  const absl::Status form = CheckEnvelope("opening", request.opening());
  return form.ok() ? CheckDetails(request.details(), request.details_nonce()) : form;
}
absl::Status Validate(const v1::IssueWarrantRequest& request) {
  return CheckEnvelope("warrant", request.warrant());
}
absl::Status Validate(const v1::RefuseWarrantRequest& request) {
  const absl::Status form = CheckEnvelope("refusal", request.refusal());
  return form.ok() ? CheckDetails(request.details(), request.details_nonce()) : form;
}
absl::Status Validate(const v1::ApproveCaseRequest& request) {
  return CheckEnvelope("approval", request.approval());
}
absl::Status Validate(const v1::CloseCaseRequest& request) {
  return CheckEnvelope("closing", request.closing());
}
absl::Status Validate(const v1::GetCaseRequest& request) {
  if (policy::IdInName(request.name(), "cases").empty()) {
    return UnknownName("name", "cases/<32 hex digits>");
  }
  return absl::OkStatus();
}
absl::Status Validate(const v1::ListCasesRequest& request) {
  return CheckPage(request.page_size(), request.page_token());
}

absl::Status Validate(const v1::IdentifyRequest& request) {
  if (policy::IdInName(request.case_(), "cases").empty()) {
    return UnknownName("case", "cases/<32 hex digits>");
  }
  if (request.evidence_id().size() > kMaxEvidence) {
    return Malformed("evidence_id: must be at most 64 bytes");
  }
  if (!IsPurposeName(request.purpose())) return UnknownName("purpose", "purposes/<purpose>");
  if (request.captured_at().seconds() < 0 || request.captured_at().seconds() > kMaxUnixSeconds) {
    return Malformed("captured_at: must be a time from 1970 to 9999");
  }
  return ValidateTemplate(request.probe());
}

absl::Status Validate(const v1::VerifyRequest& request) {
  if (!IsPurposeName(request.purpose())) return UnknownName("purpose", "purposes/<purpose>");
  if (policy::IdInName(request.subject(), "subjects").empty()) {
    return UnknownName("subject", "subjects/<32 hex digits>");
  }
  if (request.has_release()) {
    const absl::Status form = CheckEnvelope("release", request.release());
    if (!form.ok()) return form;
  }
  return ValidateTemplate(request.probe());
}

absl::Status Validate(const v1::AdjudicateCandidateRequest& request) {
  return CheckEnvelope("adjudication", request.adjudication());
}
absl::Status Validate(const v1::DiscloseCandidateRequest& request) {
  return CheckEnvelope("disclosure_request", request.disclosure_request());
}
absl::Status Validate(const v1::AccreditAuthorityRequest& request) {
  return CheckEnvelope("accreditation", request.accreditation());
}
absl::Status Validate(const v1::RegisterMemberRequest& request) {
  return CheckEnvelope("registration", request.registration());
}
absl::Status Validate(const v1::SetMemberTermRequest& request) {
  return CheckEnvelope("term", request.term());
}
absl::Status Validate(const v1::RegisterPurposeRequest& request) {
  return CheckEnvelope("registration", request.registration());
}
absl::Status Validate(const v1::OrderStopRequest& request) {
  return CheckEnvelope("order", request.order());
}
absl::Status Validate(const v1::LiftStopRequest& request) {
  return CheckEnvelope("order", request.order());
}
absl::Status Validate(const v1::RotateTransformRequest& request) {
  return CheckEnvelope("order", request.order());
}
absl::Status Validate(const v1::InspectEntriesRequest& request) {
  const absl::Status form = CheckEnvelope("order", request.order());
  if (!form.ok()) return form;
  v1::InspectionOrder order;
  const absl::Status read = audit::ReadPayload(request.order(), order);
  if (!read.ok()) return WithReason(read, "MALFORMED_STATEMENT");
  if (order.start_index() >= order.end_index()) {
    return Malformed("order: start_index must be before end_index");
  }
  return absl::OkStatus();
}
absl::Status Validate(const v1::CalibratePurposeRequest& request) {
  return CheckEnvelope("order", request.order());
}
absl::Status Validate(const v1::EvaluatePurposeRequest& request) {
  if (!request.has_labelled()) return CheckEnvelope("order", request.order());
  const v1::LabelledProbe& probe = request.labelled();
  if (!probe.subject().empty() && policy::IdInName(probe.subject(), "subjects").empty()) {
    return UnknownName("labelled.subject", "subjects/<32 hex digits>, or none");
  }
  return ValidateTemplate(probe.template_());
}
absl::Status Validate(const v1::ListPurposesRequest& request) {
  return CheckPage(request.page_size(), request.page_token());
}

absl::Status Validate(const v1::ReadEntriesRequest& request) {
  if (request.end() != 0 && request.end() < request.start()) {
    return Malformed("end: must not be before start");
  }
  return absl::OkStatus();
}
absl::Status Validate(const v1::GetConsistencyProofRequest& request) {
  if (request.old_size() > request.new_size()) {
    return Malformed("old_size: must not be over new_size");
  }
  return absl::OkStatus();
}

absl::Status Validate(const v1::InitVaultRequest& request) {
  return CheckShares(request.needed(), request.holders());
}
absl::Status Validate(const v1::RekeyVaultRequest& request) {
  return request.cancel() ? absl::OkStatus() : CheckShares(request.needed(), request.holders());
}
absl::Status Validate(const v1::OrderRekeyRequest& request) {
  return CheckEnvelope("order", request.order());
}
absl::Status Validate(const v1::CancelRekeyRequest& request) {
  if (request.has_cancellation() == !request.share().empty()) {
    return Malformed("share: a share or a cancellation, one of both");
  }
  return request.has_cancellation() ? CheckEnvelope("cancellation", request.cancellation())
                                    : CheckShareText(request.share());
}
absl::Status Validate(const v1::ProveShareRequest& request) {
  if (request.share().empty()) return Malformed("share: is missing");
  return CheckShareText(request.share());
}
absl::Status Validate(const v1::UnsealVaultRequest& request) {
  return CheckShareText(request.share());
}

absl::Status Validate(const v1::RestoreVaultRequest& request) {
  return CheckEnvelope("recovery_order", request.recovery_order());
}

absl::Status Validate(const v1::ConfirmClockRequest& request) {
  return CheckEnvelope("order", request.order());
}
absl::Status Validate(const v1::SetClockBackRequest& request) {
  return CheckEnvelope("order", request.order());
}
absl::Status Validate(const v1::ApproveSweepRequest& request) {
  return CheckEnvelope("approval", request.approval());
}

// Nothing in these can be malformed.
absl::Status Validate(const v1::GetAccessChallengeRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::BackUpVaultRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::SealVaultRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::ListBackupsRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::GetInclusionProofRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::GetCheckpointRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::GetVaultStatusRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::CheckVaultRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::GetReleaseKeyRequest&) { return absl::OkStatus(); }
absl::Status Validate(const v1::ListPolicyRulesRequest&) { return absl::OkStatus(); }

}  // namespace kluis::service
