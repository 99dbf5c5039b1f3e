// SPDX-License-Identifier: Apache-2.0
// Every refusal three times: the code and the reason that the caller gets, and the reason in the
// log entry that the refusal names.
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/draft.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"
#include "tests/fakes/whole_answer.h"

namespace kluis::refusals_test {
namespace {

using client::ToTimestamp;
using grpc::StatusCode;

constexpr char kNoCase[] = "cases/00000000000000000000000000000000";
constexpr char kNoSubject[] = "subjects/00000000000000000000000000000000";

// `logged`: the reason in the log, when it is another than the caller's.
template <class Response>
void ExpectRefused(const TestWorld& vault, const Reply<Response>& reply, StatusCode code,
                   const std::string& reason, const std::string& logged = "") {
  EXPECT_EQ(reply.status.error_code(), code) << reply.status.error_message();
  EXPECT_EQ(reply.reason, reason);
  ASSERT_TRUE(reply.log_index.has_value()) << reason;
  const v1::Entry entry = vault.EntryAt(*reply.log_index);
  EXPECT_FALSE(entry.decision().allowed());
  EXPECT_EQ(entry.decision().reason(), logged.empty() ? reason : logged);
  EXPECT_EQ(entry.changes_size(), 0);
  EXPECT_EQ(reply.value.ByteSizeLong(), 0u);
}

// `envelope` with `from` in its payload made `to`, after it was signed.
v1::Envelope Altered(v1::Envelope envelope, const std::string& from, const std::string& to) {
  const size_t at = envelope.payload().find(from);
  EXPECT_NE(at, std::string::npos);
  if (at != std::string::npos) envelope.mutable_payload()->replace(at, from.size(), to);
  return envelope;
}

TEST(RefusedSearch, WithoutACaseOrInTheCaseOfAnotherAuthority) {
  const TestVault vault;
  const v1::Template probe = vault.Face(0);
  ExpectRefused(vault, vault.Identify(kNoCase, probe), StatusCode::PERMISSION_DENIED, "NO_CASE");
  const std::string name = vault.ActiveCase();
  ExpectRefused(vault, vault.Identify(name, probe, "officer/outside"),
                StatusCode::PERMISSION_DENIED, "NO_CASE");
  v1::IdentifyRequest request = vault.IdentifyRequestOf(name, probe);
  request.set_case_("cases/12");
  ExpectRefused(vault, vault.Call("officer/one", &v1::SearchService::Stub::Identify, request),
                StatusCode::INVALID_ARGUMENT, "UNKNOWN_NAME");
}

TEST(RefusedSearch, ForAPurposeWhoseNameNoneCanHave) {
  const TestVault vault;
  for (const std::string& purpose :
       {std::string(), std::string("Upper"), std::string(65, 'a'), std::string(200'000, 'a')}) {
    v1::IdentifyRequest request = vault.IdentifyRequestOf(kNoCase, vault.Face(0));
    request.set_purpose("purposes/" + purpose);
    ExpectRefused(vault, vault.Call("officer/one", &v1::SearchService::Stub::Identify, request),
                  StatusCode::INVALID_ARGUMENT, "UNKNOWN_NAME");
    v1::VerifyRequest verify;
    verify.set_purpose("purposes/" + purpose);
    verify.set_subject("subjects/00112233445566778899aabbccddeeff");
    *verify.mutable_probe() = vault.Face(0);
    ExpectRefused(vault, vault.Call("officer/one", &v1::SearchService::Stub::Verify, verify),
                  StatusCode::INVALID_ARGUMENT, "UNKNOWN_NAME");
  }
}

TEST(RefusedSearch, ForAnotherPurposeThanItsCase) {
  const TestVault vault;
  Must(vault.RegisterPurpose("another"), "purpose");
  v1::IdentifyRequest request = vault.IdentifyRequestOf(vault.ActiveCase(), vault.Face(0));
  request.set_purpose("purposes/another");
  ExpectRefused(vault, vault.Call("officer/one", &v1::SearchService::Stub::Identify, request),
                StatusCode::PERMISSION_DENIED, "WRONG_PURPOSE");
}

TEST(RefusedSearch, AfterTheWarrantsEnd) {
  TestVault vault;
  const std::string name = vault.ActiveCase();
  vault.Advance(20 * kDay);
  ExpectRefused(vault, vault.Identify(name, vault.Face(0)), StatusCode::PERMISSION_DENIED,
                "OUTSIDE_WARRANT_WINDOW");
  vault.Sweep();
  ExpectRefused(vault, vault.Identify(name, vault.Face(0)), StatusCode::PERMISSION_DENIED,
                "OUTSIDE_WARRANT_WINDOW");
}

TEST(RefusedSearch, BeyondTheWarrantsBudgetAlsoAfterARestart) {
  TestVault vault;
  const std::string name = vault.ActiveCase(/*budget=*/2);
  EXPECT_TRUE(vault.Identify(name, vault.Face(0)).ok());
  EXPECT_TRUE(vault.Identify(name, vault.Face(1)).ok());
  ExpectRefused(vault, vault.Identify(name, vault.Face(2)), StatusCode::RESOURCE_EXHAUSTED,
                "BUDGET_SPENT");
  vault.Restart();
  ExpectRefused(vault, vault.Identify(name, vault.Face(2)), StatusCode::RESOURCE_EXHAUSTED,
                "BUDGET_SPENT");
}

TEST(RefusedSearch, WithoutEvidenceOrWithAProbeOfThisMoment) {
  const TestVault vault;
  const std::string name = vault.ActiveCase();
  v1::IdentifyRequest request = vault.IdentifyRequestOf(name, vault.Face(0));
  request.clear_evidence_id();
  ExpectRefused(vault, vault.Call("officer/one", &v1::SearchService::Stub::Identify, request),
                StatusCode::PERMISSION_DENIED, "EVIDENCE_MISSING");
  request = vault.IdentifyRequestOf(name, vault.Face(0));
  *request.mutable_captured_at() = ToTimestamp(vault.now());
  ExpectRefused(vault, vault.Call("officer/one", &v1::SearchService::Stub::Identify, request),
                StatusCode::PERMISSION_DENIED, "PROBE_TOO_FRESH");
}

TEST(RefusedSearch, MoreMatchesThanTheWarrantsCapGiveACountAndNoHandle) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  Person twin = vault.NewPerson();
  twin.number = person.number;
  Must(vault.Enroll(person), "enroll");
  Must(vault.Enroll(twin), "enroll");
  const std::string name =
      vault.ActiveCase(10, [](v1::Warrant& warrant) { warrant.set_candidate_cap(1); });
  const auto found = vault.Identify(name, vault.Face(person));
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->result(), v1::SEARCH_RESULT_OVER_BROAD);
  EXPECT_EQ(found->matches(), 2u);
  EXPECT_EQ(found->candidates_size(), 0);
}

TEST(RefusedOfficer, WhoConfirmsTwice) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const auto found = vault.Identify(vault.ActiveCase(), vault.Face(person));
  ASSERT_EQ(found->candidates_size(), 1);
  EXPECT_TRUE(vault.Confirm(found->candidates(0), "officer/one").ok());
  ExpectRefused(vault, vault.Confirm(found->candidates(0), "officer/one"),
                StatusCode::PERMISSION_DENIED, "SAME_OFFICER");
}

TEST(RefusedOfficer, WithoutRegistrationOrOfAnAuthorityWhoseAccreditationEnded) {
  TestVault vault;
  ExpectRefused(vault, vault.OpenCase("officer/guest"), StatusCode::PERMISSION_DENIED,
                "MEMBER_NOT_REGISTERED");
  const std::string authority = Must(vault.Accredit("Guests", 1), "accredit").authority();
  Must(vault.Register(v1::ROLE_OFFICER, "officer/guest", authority), "register");
  EXPECT_TRUE(vault.OpenCase("officer/guest").ok());
  vault.Advance(kDay);
  ExpectRefused(vault, vault.OpenCase("officer/guest"), StatusCode::PERMISSION_DENIED,
                "AUTHORITY_NOT_ACCREDITED");
}

TEST(RefusedEnrolment, WithoutAConsentOfTheSubjectsOwnKey) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const auto send = [&](const v1::EnrollRequest& request) {
    return vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request);
  };
  v1::EnrollRequest request = vault.EnrollRequestOf(person);
  request.clear_consent();
  ExpectRefused(vault, send(request), StatusCode::INVALID_ARGUMENT, "MALFORMED_STATEMENT");

  request = vault.EnrollRequestOf(person);
  v1::Envelope::Signature& signature = *request.mutable_consent()->mutable_signatures(0);
  signature.mutable_sig()->back() = static_cast<char>(signature.sig().back() ^ 1);
  ExpectRefused(vault, send(request), StatusCode::PERMISSION_DENIED, "CONSENT_SIGNATURE_INVALID");

  request = vault.EnrollRequestOf(person);
  *request.mutable_consent() = Altered(request.consent(), "\"version\":\"1\"", "\"version\":\"2\"");
  ExpectRefused(vault, send(request), StatusCode::PERMISSION_DENIED, "CONSENT_SIGNATURE_INVALID");

  const Person other = vault.NewPerson();
  request = vault.EnrollRequestOf(person);
  *request.mutable_consent() = vault.ConsentOf(other, {});
  ExpectRefused(vault, send(request), StatusCode::PERMISSION_DENIED, "CONSENT_OTHER_SUBJECT");

  request = vault.EnrollRequestOf(person);
  request.mutable_template_()->set_values(7, 0.5F);
  ExpectRefused(vault, send(request), StatusCode::PERMISSION_DENIED, "TEMPLATE_NOT_ATTESTED");

  EXPECT_EQ(vault.Enroll(person).status.error_code(), StatusCode::OK);
  ExpectRefused(vault, vault.Enroll(person), StatusCode::PERMISSION_DENIED, "ALREADY_ENROLLED");
}

TEST(RefusedEnrolment, OfATemplateThatIsNotOne) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const std::string name = vault.ActiveCase();
  v1::Template nan = vault.Face(person);
  nan.set_values(3, std::numeric_limits<float>::quiet_NaN());
  v1::Template infinite = vault.Face(person);
  infinite.set_values(511, std::numeric_limits<float>::infinity());
  v1::Template longer = vault.Face(person);
  longer.add_values(0.1F);
  v1::Template shorter = vault.Face(person);
  shorter.mutable_values()->RemoveLast();
  v1::Template zero = vault.Face(person);
  for (float& value : *zero.mutable_values()) value = 0;
  for (const v1::Template& bad : {nan, infinite, longer, shorter, zero}) {
    v1::EnrollRequest request = vault.EnrollRequestOf(person);
    *request.mutable_template_() = bad;
    ExpectRefused(vault,
                  vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request),
                  StatusCode::INVALID_ARGUMENT, "MALFORMED_TEMPLATE");
    ExpectRefused(vault, vault.Identify(name, bad), StatusCode::INVALID_ARGUMENT,
                  "MALFORMED_TEMPLATE");
    ExpectRefused(vault, vault.Verify(kNoSubject, bad), StatusCode::INVALID_ARGUMENT,
                  "MALFORMED_TEMPLATE");
  }
}

TEST(RefusedEnrolment, OfAnotherAlgorithmThanThePurposes) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const std::string name = vault.ActiveCase();
  v1::EnrollRequest request = vault.EnrollRequestOf(person);
  v1::Template& face = *request.mutable_template_();
  face.set_algorithm("unheard-of-512/1");
  ExpectRefused(vault, vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request),
                StatusCode::INVALID_ARGUMENT, "WRONG_ALGORITHM");
  face.set_algorithm("dlib-128/1");
  face.mutable_values()->Truncate(128);
  request.set_request_id(client::NewRequestId());
  ExpectRefused(vault, vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request),
                StatusCode::PERMISSION_DENIED, "WRONG_ALGORITHM");
  ExpectRefused(vault, vault.Identify(name, face), StatusCode::PERMISSION_DENIED,
                "WRONG_ALGORITHM");
}

TEST(RefusedStatement, AlteredAfterItWasSigned) {
  const TestVault vault;
  v1::OpenCaseRequest request = vault.OpenCaseRequestOf(vault.Opening(), vault.Details());
  const v1::Envelope honest = request.opening();
  *request.mutable_opening() = Altered(honest, "article 3", "article 4");
  ExpectRefused(vault, vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, request),
                StatusCode::PERMISSION_DENIED, "SIGNATURE_INVALID");
  *request.mutable_opening() = Altered(honest, "\"details\"", "\"detailz\"");
  ExpectRefused(vault, vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, request),
                StatusCode::INVALID_ARGUMENT, "MALFORMED_STATEMENT");
  request = vault.OpenCaseRequestOf(vault.Opening(), vault.Details(), "officer/two");
  ExpectRefused(vault, vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, request),
                StatusCode::PERMISSION_DENIED, "SIGNATURE_INVALID");
}

TEST(RefusedStatement, ReplayedAlsoAfterARestart) {
  TestVault vault;
  const v1::OpenCaseRequest request = vault.OpenCaseRequestOf(vault.Opening(), vault.Details());
  EXPECT_TRUE(vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, request).ok());
  ExpectRefused(vault, vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, request),
                StatusCode::PERMISSION_DENIED, "STATEMENT_REPLAYED");
  vault.Restart();
  ExpectRefused(vault, vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, request),
                StatusCode::PERMISSION_DENIED, "STATEMENT_REPLAYED");
  const Person person = vault.NewPerson();
  v1::EnrollRequest enrolling = vault.EnrollRequestOf(person);
  EXPECT_TRUE(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, enrolling).ok());
  Must(vault.Withdraw(person), "withdraw");
  enrolling.set_request_id(client::NewRequestId());
  ExpectRefused(vault,
                vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, enrolling),
                StatusCode::PERMISSION_DENIED, "STATEMENT_REPLAYED");
}

TEST(RefusedStatement, ForAnotherVaultOrCopiedFromAnotherCase) {
  const TestVault vault;
  v1::CaseOpening opening = vault.Opening();
  opening.set_vault("another.test/log");
  ExpectRefused(vault,
                vault.Call("officer/one", &v1::CaseService::Stub::OpenCase,
                           vault.OpenCaseRequestOf(opening, vault.Details())),
                StatusCode::PERMISSION_DENIED, "STATEMENT_OTHER_VAULT");
  v1::CaseDetails details = vault.Details();
  EXPECT_TRUE(vault.OpenCaseWith(details).ok());
  details.set_necessity("  " + details.necessity() + ".");
  ExpectRefused(vault, vault.OpenCaseWith(details), StatusCode::PERMISSION_DENIED,
                "NECESSITY_COPIED");
}

TEST(RefusedCertificate, OfAnotherRole) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  ExpectRefused(vault,
                vault.Call("officer/one", &v1::EnrollmentService::Stub::Enroll,
                           vault.EnrollRequestOf(person)),
                StatusCode::PERMISSION_DENIED, "ROLE_NOT_ALLOWED");
  ExpectRefused(vault, vault.Identify(kNoCase, vault.Face(0), "registrar/desk"),
                StatusCode::PERMISSION_DENIED, "ROLE_NOT_ALLOWED");
  ExpectRefused(vault, vault.Identify(kNoCase, vault.Face(0), "operator/one"),
                StatusCode::PERMISSION_DENIED, "ROLE_NOT_ALLOWED");
  ExpectRefused(vault, vault.OpenCase("judge/one"), StatusCode::PERMISSION_DENIED,
                "ROLE_NOT_ALLOWED");
  // Also where an allowed call would make no entry.
  ExpectRefused(
      vault,
      vault.Call("officer/one", &v1::AuditService::Stub::GetCheckpoint, v1::GetCheckpointRequest()),
      StatusCode::PERMISSION_DENIED, "ROLE_NOT_ALLOWED");
}

TEST(RefusedCertificate, WithoutOrWithTwoUriNames) {
  const TestVault vault;
  const ScratchDirectory directory;
  const uint64_t before = vault.Status().log_size();
  for (const std::string names :
       {"DNS:officer.test", "URI:spiffe://kluis.test/officer/one,URI:spiffe://kluis.test/judge/one",
        "URI:spiffe://other.test/officer/one"}) {
    const std::string stem = directory.path() + "/odd";
    const std::string command = absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 2 "
        "-subj /CN=odd -keyout ",
        stem, ".key -out ", stem, ".crt -CA ", TestWorld::Pki(), "/ca.crt -CAkey ",
        TestWorld::Pki(),
        "/ca.key -addext extendedKeyUsage=clientAuth -addext subjectAltName=", names,
        " 2>/dev/null");
    ASSERT_EQ(std::system(command.c_str()), 0);
    const auto refused = vault.CallOver(vault.ChannelWith(stem + ".crt", stem + ".key"),
                                        &v1::CaseService::Stub::ListCases, v1::ListCasesRequest());
    EXPECT_EQ(refused.status.error_code(), StatusCode::UNAUTHENTICATED) << names;
    EXPECT_FALSE(refused.log_index.has_value());
  }
  EXPECT_EQ(vault.Status().log_size(), before);
}

// Whoever is asked for, with a probe of that person and with one of another: what comes back is the
// same to the byte, one entry is made, and no call tells that it was made for another reason.
TEST(RefusedVerification, TellsNothingAboutWhyToTheCallerAndAllToTheLog) {
  TestVault vault([](service::Config& config) { config.audit.checkpoint_seconds = 3600; });
  Must(vault.RegisterPurpose("another"), "purpose");
  struct Cause {
    Person person;
    std::string subject;
    const char* logged;
  };
  const auto enrolled = [&](const TestWorld::Terms& terms, const char* logged) {
    Cause cause{vault.NewPerson(), "", logged};
    cause.subject = Must(vault.Enroll(cause.person, terms), logged).subject();
    return cause;
  };
  std::vector<Cause> causes;
  causes.push_back({vault.NewPerson(), kNoSubject, "SUBJECT_UNKNOWN"});
  causes.push_back(enrolled({.purpose = "another"}, "CONSENT_NOT_GIVEN"));
  causes.push_back(enrolled({}, "CONSENT_WITHDRAWN"));
  Must(vault.Withdraw(causes.back().person), "withdraw");
  causes.push_back(enrolled({.days = 1}, "CONSENT_EXPIRED"));
  causes.push_back(enrolled({}, "TEMPLATE_RESTRICTED"));
  Must(vault.Restrict(causes.back().person), "restrict");
  causes.push_back(enrolled({.days = 1}, "CONSENT_EXPIRED"));
  Must(vault.Restrict(causes.back().person), "restrict");
  vault.Advance(kDay);
  vault.FinishErasures();  // whose entries come by themselves

  std::string first;
  for (const bool swept : {false, true}) {
    if (swept) vault.Sweep();
    for (const Cause& cause : causes) {
      for (const Person& probed : {std::cref(cause.person), std::cref(causes[0].person)}) {
        const uint64_t before = vault.Status().log_size();
        const auto refused = vault.Verify(cause.subject, vault.Face(probed, 1));
        EXPECT_EQ(vault.Status().log_size(), before + 1) << cause.logged;
        ExpectRefused(vault, refused, StatusCode::PERMISSION_DENIED, "NOT_PERMITTED", cause.logged);
        EXPECT_EQ(refused.log_index, before) << cause.logged;
        EXPECT_EQ(refused.trailing.count("kluis-log-index"), 1u) << cause.logged;
        if (first.empty()) first = WholeAnswer(refused);
        EXPECT_EQ(WholeAnswer(refused), first) << cause.logged;
      }
    }
  }
}

TEST(RefusedSubject, WhoseKeyTheVaultDoesNotKnow) {
  const TestVault vault;
  const Person stranger = vault.NewPerson();
  ExpectRefused(vault, vault.Holdings(stranger), StatusCode::PERMISSION_DENIED, "NOT_PERMITTED",
                "SUBJECT_UNKNOWN");
  ExpectRefused(vault, vault.Withdraw(stranger), StatusCode::PERMISSION_DENIED, "NOT_PERMITTED",
                "SUBJECT_UNKNOWN");
}

}  // namespace
}  // namespace kluis::refusals_test
