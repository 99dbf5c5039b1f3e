// SPDX-License-Identifier: Apache-2.0
// Strict validation, one pure function per request. What passes here is well formed; whether it is
// allowed is policy's to say. Every failure is kInvalidArgument, names the field and the rule, and
// carries a reason of policy::IsRejectReason. Thread-safe.
#ifndef KLUIS_SERVICE_ACTS_REQUESTS_H_
#define KLUIS_SERVICE_ACTS_REQUESTS_H_

#include "absl/status/status.h"
#include "kluis/v1/audit_service.pb.h"
#include "kluis/v1/case_service.pb.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "kluis/v1/search_service.pb.h"
#include "kluis/v1/subject_service.pb.h"
#include "kluis/v1/supervision_service.pb.h"
#include "kluis/v1/types.pb.h"
#include "kluis/v1/vault_service.pb.h"

namespace kluis::service {

absl::Status ValidateTemplate(const v1::Template& value);  // WRONG_ALGORITHM, MALFORMED_TEMPLATE

absl::Status Validate(const v1::EnrollRequest& request);
absl::Status Validate(const v1::GetHoldingsRequest& request);
absl::Status Validate(const v1::WithdrawConsentRequest& request);
absl::Status Validate(const v1::RestrictProcessingRequest& request);
absl::Status Validate(const v1::LiftRestrictionRequest& request);
absl::Status Validate(const v1::OpenCaseRequest& request);
absl::Status Validate(const v1::IssueWarrantRequest& request);
absl::Status Validate(const v1::RefuseWarrantRequest& request);
absl::Status Validate(const v1::ApproveCaseRequest& request);
absl::Status Validate(const v1::CloseCaseRequest& request);
absl::Status Validate(const v1::GetCaseRequest& request);
absl::Status Validate(const v1::ListCasesRequest& request);
absl::Status Validate(const v1::IdentifyRequest& request);
absl::Status Validate(const v1::VerifyRequest& request);
absl::Status Validate(const v1::AdjudicateCandidateRequest& request);
absl::Status Validate(const v1::DiscloseCandidateRequest& request);
absl::Status Validate(const v1::AccreditAuthorityRequest& request);
absl::Status Validate(const v1::RegisterMemberRequest& request);
absl::Status Validate(const v1::SetMemberTermRequest& request);
absl::Status Validate(const v1::RegisterPurposeRequest& request);
absl::Status Validate(const v1::OrderStopRequest& request);
absl::Status Validate(const v1::LiftStopRequest& request);
absl::Status Validate(const v1::RotateTransformRequest& request);
absl::Status Validate(const v1::InspectEntriesRequest& request);
absl::Status Validate(const v1::CalibratePurposeRequest& request);
absl::Status Validate(const v1::EvaluatePurposeRequest& request);  // each of its stream
absl::Status Validate(const v1::ListPurposesRequest& request);
absl::Status Validate(const v1::GetCheckpointRequest& request);
absl::Status Validate(const v1::ReadEntriesRequest& request);
absl::Status Validate(const v1::GetInclusionProofRequest& request);
absl::Status Validate(const v1::GetConsistencyProofRequest& request);
absl::Status Validate(const v1::GetVaultStatusRequest& request);
absl::Status Validate(const v1::CheckVaultRequest& request);
absl::Status Validate(const v1::GetReleaseKeyRequest& request);
absl::Status Validate(const v1::ListPolicyRulesRequest& request);
absl::Status Validate(const v1::InitVaultRequest& request);
absl::Status Validate(const v1::RekeyVaultRequest& request);
absl::Status Validate(const v1::OrderRekeyRequest& request);
absl::Status Validate(const v1::CancelRekeyRequest& request);
absl::Status Validate(const v1::ProveShareRequest& request);
absl::Status Validate(const v1::UnsealVaultRequest& request);
absl::Status Validate(const v1::SealVaultRequest& request);
absl::Status Validate(const v1::ListBackupsRequest& request);
absl::Status Validate(const v1::BackUpVaultRequest& request);
absl::Status Validate(const v1::RestoreVaultRequest& request);
absl::Status Validate(const v1::ConfirmClockRequest& request);
absl::Status Validate(const v1::SetClockBackRequest& request);
absl::Status Validate(const v1::ApproveSweepRequest& request);
absl::Status Validate(const v1::GetAccessChallengeRequest& request);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_REQUESTS_H_
