// SPDX-License-Identifier: Apache-2.0
// What everybody around the vault does, each act complete and honest.
#include "absl/strings/str_cat.h"
#include "audit/details.h"
#include "audit/statement_facts.h"
#include "base/codec.h"
#include "client/draft.h"
#include "crypto/template_digest.h"
#include "tests/fakes/test_world.h"

namespace kluis {
namespace {

using client::ToTimestamp;

constexpr char kNoticeHash[] = "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855e";

v1::Notice TheNotice() {
  v1::Notice notice;
  notice.set_language("nl");
  notice.set_version("1");
  notice.set_sha256(kNoticeHash);
  return notice;
}

}  // namespace

Reply<v1::AccreditAuthorityResponse> TestWorld::Accredit(const std::string& name,
                                                         int64_t days) const {
  v1::Accreditation payload;
  payload.set_authority_name(name);
  payload.set_contact("desk@" + std::string(kVault));
  payload.set_legal_mandate("Police Act 2012, article 3");
  *payload.mutable_valid_until() = ToTimestamp(now() + days * kDay);
  return Act("supervisor/one", &v1::SupervisionService::Stub::AccreditAuthority,
             &v1::AccreditAuthorityRequest::mutable_accreditation, payload);
}

Reply<v1::RegisterMemberResponse> TestWorld::Register(v1::Role role, const std::string& who,
                                                      const std::string& authority) const {
  v1::Registration payload;
  payload.set_role(role);
  payload.set_member(who.substr(who.find('/') + 1));
  payload.set_authority(authority);
  payload.set_public_key(crypto::PublicKeyText(KeyOf(who).public_key()));
  payload.set_follows("none");
  *payload.mutable_valid_until() = ToTimestamp(now() + 3650 * kDay);
  v1::RegisterMemberRequest request;
  *request.mutable_registration() =
      Sign(payload, {&KeyOf("supervisor/one"), &KeyOf("supervisor/two")});
  return Call("supervisor/one", &v1::SupervisionService::Stub::RegisterMember, request);
}

Reply<v1::RegisterPurposeResponse> TestWorld::RegisterPurpose(
    const std::string& purpose, const std::function<void(v1::PurposeRegistration&)>& change) const {
  v1::PurposeRegistration payload;
  payload.set_purpose(purpose);
  payload.set_title("Finding missing people");
  payload.mutable_controller()->set_name("Ministry");
  payload.mutable_controller()->set_representative("The director");
  payload.mutable_controller()->set_contact("privacy@ministry.test");
  payload.mutable_legal_basis()->set_reference("GDPR 9(2)(a)");
  *payload.mutable_legal_basis()->mutable_valid_until() = ToTimestamp(now() + 3650 * kDay);
  payload.mutable_dpia()->set_reference("DPIA 2026/1");
  payload.mutable_dpia()->set_sha256(kNoticeHash);
  payload.set_custody(v1::CUSTODY_CASE_GATED);
  payload.add_operations(v1::OPERATION_VERIFY);
  payload.add_operations(v1::OPERATION_IDENTIFY);
  payload.set_algorithm(kAlgorithm);
  payload.set_retention_max_days(1825);
  payload.mutable_threshold()->set_target_fpir(target_fpir_);
  payload.mutable_threshold()->set_target_fmr(1e-5);
  payload.set_candidate_cap(10);
  payload.add_subject_categories(v1::SUBJECT_CATEGORY_OTHER);
  *payload.add_notices() = TheNotice();
  if (change) change(payload);
  return Act("supervisor/one", &v1::SupervisionService::Stub::RegisterPurpose,
             &v1::RegisterPurposeRequest::mutable_registration, payload);
}

Reply<v1::OrderStopResponse> TestWorld::Stop(const std::string& purpose) const {
  v1::StopOrder payload;
  payload.set_purpose(purpose);
  payload.set_reasons("inspection");
  return Act("supervisor/one", &v1::SupervisionService::Stub::OrderStop,
             &v1::OrderStopRequest::mutable_order, payload);
}

v1::Purpose TestWorld::Purpose(const std::string& purpose) const {
  v1::ListPurposesRequest request;
  request.set_page_size(100);
  const auto listed = Must(
      Call("subject/portal", &v1::SupervisionService::Stub::ListPurposes, request), "purposes");
  for (const v1::Purpose& found : listed.purposes()) {
    if (found.registration().purpose() == purpose) return found;
  }
  return {};
}

Reply<v1::LiftStopResponse> TestWorld::Lift(const std::vector<std::string>& signers,
                                            const std::string& purpose) const {
  v1::LiftOrder payload;
  payload.set_purpose(purpose);
  payload.set_reasons("inspection ended");
  payload.set_stop(Purpose(purpose).last_stop());
  std::vector<const crypto::SigningKey*> keys;
  for (const std::string& who : signers) keys.push_back(&KeyOf(who));
  v1::LiftStopRequest request;
  *request.mutable_order() = Sign(payload, keys);
  return Call("supervisor/one", &v1::SupervisionService::Stub::LiftStop, request);
}

v1::Envelope TestWorld::RotationOrder(const std::string& purpose) const {
  v1::RotationOrder payload;
  payload.set_purpose(purpose);
  payload.set_reasons("a copy of the disk was found");
  payload.set_follows(Purpose(purpose).last_rotation());
  return Sign(payload, {&KeyOf("supervisor/one")});
}

Reply<v1::RotateTransformResponse> TestWorld::Rotate(const std::string& purpose) const {
  v1::RotateTransformRequest request;
  *request.mutable_order() = RotationOrder(purpose);
  return Call("supervisor/one", &v1::SupervisionService::Stub::RotateTransform, request);
}

Person TestWorld::NewPerson() const {
  Person person{people_++, crypto::SigningKey::Generate(), {}};
  person.details.set_full_name(absl::StrCat("Person Number ", person.number));
  person.details.set_contact(absl::StrCat("person-", person.number, "@mail.test"));
  return person;
}

v1::Template TestWorld::Face(uint64_t number, uint32_t capture) const {
  v1::Template face;
  face.set_algorithm(kAlgorithm);
  face.mutable_values()->Resize(static_cast<int>(population_.dimension()), 0.0F);
  population_.Capture(number, capture,
                      {face.mutable_values()->mutable_data(), population_.dimension()});
  return face;
}

v1::Envelope TestWorld::ConsentOf(const Person& person, const Terms& terms) const {
  v1::Consent consent;
  consent.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  consent.set_purpose(terms.purpose);
  *consent.mutable_notice() = TheNotice();
  consent.set_explicit_consent(true);
  *consent.mutable_expires_at() = ToTimestamp(now() + terms.days * kDay);
  consent.set_replaces(terms.replaces);
  if (terms.replaces.empty()) consent.set_follows(terms.follows);
  return Sign(consent, {&person.key});
}

v1::EnrollRequest TestWorld::EnrollRequestOf(const Person& person, const Terms& terms) const {
  v1::EnrollRequest request;
  *request.mutable_consent() = ConsentOf(person, terms);
  *request.mutable_template_() = Face(person, terms.capture);
  *request.mutable_details() = person.details;
  request.set_request_id(client::NewRequestId());

  const v1::Template& face = request.template_();
  v1::CaptureAttestation attestation;
  attestation.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  attestation.set_purpose(terms.purpose);
  attestation.set_algorithm(face.algorithm());
  attestation.set_template_sha256(base::ToHex(crypto::Bytes(crypto::TemplateDigest(
      face.algorithm(), {face.values().data(), static_cast<size_t>(face.values_size())}))));
  *attestation.mutable_captured_at() = ToTimestamp(now());
  attestation.set_live_capture(true);
  attestation.set_liveness_method("attended");
  attestation.set_quality(90);
  attestation.set_adult(true);
  attestation.set_subject_category(terms.category);
  *request.mutable_attestation() = Sign(attestation, {&KeyOf("registrar/desk")});
  return request;
}

Reply<v1::EnrollResponse> TestWorld::Enroll(const Person& person, const Terms& terms) const {
  return Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll,
              EnrollRequestOf(person, terms));
}

Reply<v1::WithdrawConsentResponse> TestWorld::Withdraw(const Person& person,
                                                       const std::string& purpose) const {
  v1::Withdrawal payload;
  payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  payload.set_purpose(purpose);
  v1::WithdrawConsentRequest request;
  *request.mutable_withdrawal() = Sign(payload, {&person.key});
  return Call("subject/portal", &v1::SubjectService::Stub::WithdrawConsent, request);
}

Reply<v1::RestrictProcessingResponse> TestWorld::Restrict(const Person& person,
                                                          const std::string& purpose) const {
  v1::Restriction payload;
  payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  payload.set_purpose(purpose);
  v1::RestrictProcessingRequest request;
  *request.mutable_restriction() = Sign(payload, {&person.key});
  Reply<v1::RestrictProcessingResponse> reply =
      Call("subject/portal", &v1::SubjectService::Stub::RestrictProcessing, request);
  const std::lock_guard lock(mutex_);
  if (reply.ok()) {
    restrictions_[payload.subject_public_key() + purpose] =
        base::ToHex(audit::DigestOf(request.restriction()));
  }
  return reply;
}

Reply<v1::LiftRestrictionResponse> TestWorld::LiftRestriction(const Person& person,
                                                              const std::string& purpose) const {
  v1::RestrictionLift payload;
  payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  payload.set_purpose(purpose);
  {
    const std::lock_guard lock(mutex_);
    payload.set_restriction(restrictions_[payload.subject_public_key() + purpose]);
  }
  v1::LiftRestrictionRequest request;
  *request.mutable_lift() = Sign(payload, {&person.key});
  return Call("subject/portal", &v1::SubjectService::Stub::LiftRestriction, request);
}

Reply<v1::GetHoldingsResponse> TestWorld::Holdings(const Person& person) const {
  v1::AccessRequest payload;
  payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  v1::GetHoldingsRequest request;
  *request.mutable_access_request() = Sign(payload, {&person.key});
  return Call("subject/portal", &v1::SubjectService::Stub::GetHoldings, request);
}

v1::CaseOpening TestWorld::Opening() const {
  v1::CaseOpening opening;
  opening.set_purpose(kPurpose);
  opening.set_legal_basis("Police Act 2012, article 3");
  opening.set_matter(v1::MATTER_MISSING_PERSON);
  opening.add_subject_categories(v1::SUBJECT_CATEGORY_OTHER);
  return opening;
}

v1::CaseDetails TestWorld::Details() const {
  v1::CaseDetails details;
  details.set_reference("FILE-2026-7");
  details.set_matter_description("a person without papers or memory");
  details.set_necessity(
      absl::StrCat("Every other way of finding out who this person is was tried without result; "
                   "this is file number ",
                   client::NewStatementId()));
  return details;
}

v1::OpenCaseRequest TestWorld::OpenCaseRequestOf(v1::CaseOpening opening,
                                                 const v1::CaseDetails& details,
                                                 const std::string& who) const {
  const auto made = audit::MakeDetails(details);
  opening.set_details(made->commitment);
  v1::OpenCaseRequest request;
  *request.mutable_opening() = Sign(opening, {&KeyOf(who)});
  request.set_details(made->payload);
  request.set_details_nonce(made->nonce);
  return request;
}

std::string TestWorld::OpeningOf(const std::string& name) const {
  {
    const std::lock_guard lock(mutex_);
    const auto known = openings_.find(name);
    if (known != openings_.end()) return known->second;
  }
  v1::GetCaseRequest request;
  request.set_name(name);
  return Call("judge/one", &v1::CaseService::Stub::GetCase, request)->case_().opening_digest();
}

v1::Warrant TestWorld::WarrantFor(const std::string& name, uint32_t budget) const {
  v1::Warrant warrant;
  warrant.set_case_(name);
  warrant.set_opening(OpeningOf(name));
  warrant.set_follows("none");
  warrant.set_budget(budget);
  warrant.set_candidate_cap(5);
  warrant.add_subject_categories(v1::SUBJECT_CATEGORY_OTHER);
  *warrant.mutable_not_before() = ToTimestamp(now());
  *warrant.mutable_not_after() = ToTimestamp(now() + 20 * kDay);
  return warrant;
}

Reply<v1::OpenCaseResponse> TestWorld::OpenCase(const std::string& who) const {
  return OpenCaseWith(Details(), who);
}

Reply<v1::OpenCaseResponse> TestWorld::OpenCaseWith(const v1::CaseDetails& details,
                                                    const std::string& who) const {
  Reply<v1::OpenCaseResponse> reply =
      Call(who, &v1::CaseService::Stub::OpenCase, OpenCaseRequestOf(Opening(), details, who));
  const std::lock_guard lock(mutex_);
  if (reply.ok()) openings_[reply->case_().name()] = reply->case_().opening_digest();
  return reply;
}

Reply<v1::RefuseWarrantResponse> TestWorld::Refuse(const std::string& name,
                                                   const std::string& reasons) const {
  v1::RefusalDetails details;
  details.set_reasons(reasons);
  const auto made = audit::MakeDetails(details);
  v1::WarrantRefusal refusal;
  refusal.set_case_(name);
  refusal.set_details(made->commitment);
  v1::RefuseWarrantRequest request;
  *request.mutable_refusal() = Sign(refusal, {&KeyOf("judge/one")});
  request.set_details(made->payload);
  request.set_details_nonce(made->nonce);
  return Call("judge/one", &v1::CaseService::Stub::RefuseWarrant, request);
}

Reply<v1::IssueWarrantResponse> TestWorld::Issue(const v1::Warrant& warrant) const {
  return Act("judge/one", &v1::CaseService::Stub::IssueWarrant,
             &v1::IssueWarrantRequest::mutable_warrant, warrant);
}

Reply<v1::ApproveCaseResponse> TestWorld::Approve(const std::string& name,
                                                  const std::string& who) const {
  v1::CaseApproval payload;
  payload.set_case_(name);
  payload.set_opening(OpeningOf(name));
  return Act(who, &v1::CaseService::Stub::ApproveCase, &v1::ApproveCaseRequest::mutable_approval,
             payload);
}

Reply<v1::CloseCaseResponse> TestWorld::Close(const std::string& name) const {
  v1::CaseClosing payload;
  payload.set_case_(name);
  return Act("officer/one", &v1::CaseService::Stub::CloseCase,
             &v1::CloseCaseRequest::mutable_closing, payload);
}

std::string TestWorld::ActiveCase(uint32_t budget,
                                  const std::function<void(v1::Warrant&)>& change) const {
  const std::string name = Must(OpenCase(), "open case").case_().name();
  v1::Warrant warrant = WarrantFor(name, budget);
  if (change) change(warrant);
  Must(Issue(warrant), "warrant");
  Must(Approve(name), "approve");
  return name;
}

v1::IdentifyRequest TestWorld::IdentifyRequestOf(const std::string& name,
                                                 const v1::Template& probe) const {
  v1::IdentifyRequest request;
  request.set_case_(name);
  *request.mutable_probe() = probe;
  *request.mutable_captured_at() = ToTimestamp(now() - kHour);
  request.set_evidence_id("EVIDENCE-1");
  request.set_purpose(absl::StrCat("purposes/", kPurpose));
  return request;
}

Reply<v1::IdentifyResponse> TestWorld::Identify(const std::string& name, const v1::Template& probe,
                                                const std::string& who) const {
  return Call(who, &v1::SearchService::Stub::Identify, IdentifyRequestOf(name, probe));
}

Reply<v1::VerifyResponse> TestWorld::Verify(const std::string& subject,
                                            const v1::Template& probe) const {
  v1::VerifyRequest request;
  request.set_purpose(absl::StrCat("purposes/", kPurpose));
  request.set_subject(subject);
  *request.mutable_probe() = probe;
  return Call("officer/one", &v1::SearchService::Stub::Verify, request);
}

Reply<v1::AdjudicateCandidateResponse> TestWorld::Confirm(const std::string& candidate,
                                                          const std::string& who) const {
  v1::Adjudication payload;
  payload.set_candidate(candidate);
  payload.set_verdict(v1::VERDICT_CONFIRMED);
  return Act(who, &v1::SearchService::Stub::AdjudicateCandidate,
             &v1::AdjudicateCandidateRequest::mutable_adjudication, payload);
}

Reply<v1::DiscloseCandidateResponse> TestWorld::Disclose(const std::string& candidate,
                                                         const std::string& who) const {
  v1::DisclosureRequest payload;
  payload.set_candidate(candidate);
  payload.set_recipient(authority_one_);
  return Act(who, &v1::SearchService::Stub::DiscloseCandidate,
             &v1::DiscloseCandidateRequest::mutable_disclosure_request, payload);
}

}  // namespace kluis
