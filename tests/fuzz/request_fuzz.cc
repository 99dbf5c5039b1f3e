// SPDX-License-Identifier: Apache-2.0
// Every request validator on arbitrary bytes: the first byte chooses the request, the rest is its
// wire form. Validation is pure: the same request gives the same answer, and a refusal says why.
#include <google/protobuf/stubs/logging.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "policy/rules.h"
#include "service/acts/requests.h"
#include "service/ledger/errors.h"

namespace {

using kluis::service::Validate;

template <class Request>
void Check(const uint8_t* data, size_t size) {
  Request request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) return;
  const absl::Status status = Validate(request);
  if (status != Validate(request)) std::abort();
  const bool well_refused = absl::IsInvalidArgument(status) && !status.message().empty() &&
                            kluis::policy::IsRejectReason(kluis::service::ReasonOf(status));
  if (!status.ok() && !well_refused) std::abort();
}

using Checker = void (*)(const uint8_t*, size_t);
constexpr std::array<Checker, 32> kCheckers = {Check<kluis::v1::EnrollRequest>,
                                               Check<kluis::v1::GetHoldingsRequest>,
                                               Check<kluis::v1::WithdrawConsentRequest>,
                                               Check<kluis::v1::OpenCaseRequest>,
                                               Check<kluis::v1::IssueWarrantRequest>,
                                               Check<kluis::v1::RefuseWarrantRequest>,
                                               Check<kluis::v1::ApproveCaseRequest>,
                                               Check<kluis::v1::CloseCaseRequest>,
                                               Check<kluis::v1::GetCaseRequest>,
                                               Check<kluis::v1::ListCasesRequest>,
                                               Check<kluis::v1::IdentifyRequest>,
                                               Check<kluis::v1::VerifyRequest>,
                                               Check<kluis::v1::AdjudicateCandidateRequest>,
                                               Check<kluis::v1::DiscloseCandidateRequest>,
                                               Check<kluis::v1::AccreditAuthorityRequest>,
                                               Check<kluis::v1::RegisterMemberRequest>,
                                               Check<kluis::v1::RegisterPurposeRequest>,
                                               Check<kluis::v1::OrderStopRequest>,
                                               Check<kluis::v1::LiftStopRequest>,
                                               Check<kluis::v1::ListPurposesRequest>,
                                               Check<kluis::v1::GetCheckpointRequest>,
                                               Check<kluis::v1::ReadEntriesRequest>,
                                               Check<kluis::v1::GetInclusionProofRequest>,
                                               Check<kluis::v1::GetConsistencyProofRequest>,
                                               Check<kluis::v1::GetVaultStatusRequest>,
                                               Check<kluis::v1::CheckVaultRequest>,
                                               Check<kluis::v1::ListPolicyRulesRequest>,
                                               Check<kluis::v1::RotateTransformRequest>,
                                               Check<kluis::v1::RestrictProcessingRequest>,
                                               Check<kluis::v1::LiftRestrictionRequest>,
                                               Check<kluis::v1::CalibratePurposeRequest>,
                                               Check<kluis::v1::EvaluatePurposeRequest>};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const google::protobuf::LogSilencer silence;
  if (size > 0) kCheckers[data[0] % kCheckers.size()](data + 1, size - 1);
  return 0;
}
