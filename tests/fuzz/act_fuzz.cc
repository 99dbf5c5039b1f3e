// SPDX-License-Identifier: Apache-2.0
// Runs a request through its whole act on a small vault, over mutual TLS. The first byte chooses
// the act, the rest is what its caller writes, in wire form: a statement, which is signed here with
// the caller's key and stamped where it lacks vault, id and time, or a request without one.
// "@case", "@subject" and "@candidate" in a text are the names of those that the vault has.
// Whatever comes, the vault answers, says INTERNAL of nothing, and its state stays what the log
// says.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "tests/fakes/test_vault.h"

namespace kluis {
namespace {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "act_fuzz: %s\n", what);
  std::abort();
}

class SmallVault {
 public:
  SmallVault() : person_(vault_.NewPerson()) {
    subject_ = Must(vault_.Enroll(person_), "enroll").subject();
    case_ = vault_.ActiveCase(1000);
    const auto found = Must(vault_.Identify(case_, vault_.Face(person_, 1)), "identify");
    if (found.candidates_size() > 0) candidate_ = found.candidates(0);
  }

  const TestVault& vault() const { return vault_; }

  // Puts names that the vault knows where a text asks for them, at any depth.
  void Fill(google::protobuf::Message& message) const {
    const auto& reflection = *message.GetReflection();
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const auto* field : fields) {
      const bool text = field->type() == google::protobuf::FieldDescriptor::TYPE_STRING;
      if (text && !field->is_repeated()) {
        reflection.SetString(
            &message, field,
            absl::StrReplaceAll(
                reflection.GetString(message, field),
                {{"@case", case_}, {"@subject", subject_}, {"@candidate", candidate_}}));
      } else if (field->message_type() != nullptr && !field->is_repeated()) {
        Fill(*reflection.MutableMessage(&message, field));
      }
    }
  }

  template <class Response>
  void Answered(const Reply<Response>& reply) {
    const grpc::StatusCode code = reply.status.error_code();
    Require(code != grpc::StatusCode::INTERNAL && code != grpc::StatusCode::DATA_LOSS &&
                code != grpc::StatusCode::UNKNOWN && code != grpc::StatusCode::UNAVAILABLE,
            reply.status.error_message().c_str());
    if (++acts_ % 64 == 0) Require(vault_.CheckVault().consistent(), "state and log differ");
  }

 private:
  TestVault vault_;
  const Person person_;
  std::string subject_;
  std::string case_;
  std::string candidate_;
  uint64_t acts_ = 0;
};

// Each reads its part of the input and sends it; false: the input is not of its form.
using Act = void (*)(SmallVault&, const uint8_t*, size_t);

template <class Message>
bool Read(const SmallVault& vault, const uint8_t* data, size_t size, Message& message) {
  if (!message.ParseFromArray(data, static_cast<int>(size))) return false;
  vault.Fill(message);
  return true;
}

template <class Payload, auto Method, auto Slot>
void Signed(const char* who, SmallVault& vault, const uint8_t* data, size_t size) {
  Payload payload;
  if (!Read(vault, data, size, payload)) return;
  vault.Answered(vault.vault().Act(who, Method, Slot, payload));
}

template <class Request, auto Method>
void Plain(const char* who, SmallVault& vault, const uint8_t* data, size_t size) {
  Request request;
  if (!Read(vault, data, size, request)) return;
  vault.Answered(vault.vault().Call(who, Method, request));
}

constexpr auto kActs = std::to_array<Act>({
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Signed<v1::Warrant, &v1::CaseService::Stub::IssueWarrant,
             &v1::IssueWarrantRequest::mutable_warrant>("judge/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Signed<v1::CaseApproval, &v1::CaseService::Stub::ApproveCase,
             &v1::ApproveCaseRequest::mutable_approval>("officer/two", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Signed<v1::Adjudication, &v1::SearchService::Stub::AdjudicateCandidate,
             &v1::AdjudicateCandidateRequest::mutable_adjudication>("officer/three", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Signed<v1::DisclosureRequest, &v1::SearchService::Stub::DiscloseCandidate,
             &v1::DiscloseCandidateRequest::mutable_disclosure_request>("officer/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Signed<v1::Accreditation, &v1::SupervisionService::Stub::AccreditAuthority,
             &v1::AccreditAuthorityRequest::mutable_accreditation>("supervisor/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Signed<v1::Registration, &v1::SupervisionService::Stub::RegisterMember,
             &v1::RegisterMemberRequest::mutable_registration>("supervisor/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Signed<v1::PurposeRegistration, &v1::SupervisionService::Stub::RegisterPurpose,
             &v1::RegisterPurposeRequest::mutable_registration>("supervisor/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      v1::CaseOpening opening;
      if (!Read(v, d, n, opening)) return;
      v.Answered(v.vault().Call("officer/one", &v1::CaseService::Stub::OpenCase,
                                v.vault().OpenCaseRequestOf(opening, v.vault().Details())));
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::IdentifyRequest, &v1::SearchService::Stub::Identify>("officer/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::VerifyRequest, &v1::SearchService::Stub::Verify>("officer/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::EnrollRequest, &v1::EnrollmentService::Stub::Enroll>("registrar/desk", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::GetCaseRequest, &v1::CaseService::Stub::GetCase>("officer/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::ListCasesRequest, &v1::CaseService::Stub::ListCases>("judge/one", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::GetInclusionProofRequest, &v1::AuditService::Stub::GetInclusionProof>("auditor/one",
                                                                                      v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::WithdrawConsentRequest, &v1::SubjectService::Stub::WithdrawConsent>(
          "subject/portal", v, d, n);
    },
    [](SmallVault& v, const uint8_t* d, size_t n) {
      Plain<v1::GetHoldingsRequest, &v1::SubjectService::Stub::GetHoldings>("subject/portal", v, d,
                                                                            n);
    },
});

}  // namespace
}  // namespace kluis

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silence;  // of text that is not UTF-8
  static auto& vault = *new kluis::SmallVault();       // its threads outlive main
  if (size == 0 || size >= 65'536) return 0;
  kluis::kActs[data[0] % kluis::kActs.size()](vault, data + 1, size - 1);
  return 0;
}
