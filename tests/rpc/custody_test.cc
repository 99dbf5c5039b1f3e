// SPDX-License-Identifier: Apache-2.0
// Templates in the custody of their subjects: who may verify, once, for what and until when; and
// what is refused, with the caller's reason and the log's.
#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/held_lane.h"
#include "tests/fakes/test_vault.h"
#include "tests/fakes/whole_answer.h"

namespace kluis::custody_test {
namespace {

using grpc::StatusCode;

// `logged`: the reason in the log, when it is another than the caller's.
template <class Response>
void ExpectRefused(const TestWorld& vault, const Reply<Response>& reply, const std::string& reason,
                   const std::string& logged = "") {
  EXPECT_EQ(reply.status.error_code(), StatusCode::PERMISSION_DENIED)
      << reply.status.error_message();
  EXPECT_EQ(reply.reason, reason);
  ASSERT_TRUE(reply.log_index.has_value()) << reason;
  const v1::Entry entry = vault.EntryAt(*reply.log_index);
  EXPECT_FALSE(entry.decision().allowed());
  EXPECT_EQ(entry.decision().reason(), logged.empty() ? reason : logged);
  EXPECT_EQ(entry.changes_size(), 0);
}

TEST(HeldVerification, TellsTheSubjectFromAStrangerWithAReleaseEach) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const auto same = lane.Verify(holder, lane.ReleaseOf(holder));
  ASSERT_TRUE(same.ok()) << same.status.error_message();
  EXPECT_EQ(same->result(), v1::SEARCH_RESULT_MATCH);

  v1::VerifyRequest stranger = lane.VerifyRequestOf(holder.subject, vault.Face(77));
  *stranger.mutable_release() = lane.ReleaseOf(holder);
  const auto other = lane.Verify(stranger);
  ASSERT_TRUE(other.ok()) << other.status.error_message();
  EXPECT_EQ(other->result(), v1::SEARCH_RESULT_NO_MATCH);
}

TEST(HeldVerification, WorksForAReleaseToTheSameKeyAfterARestart) {
  TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const v1::Envelope release = lane.ReleaseOf(holder);
  vault.Restart();
  EXPECT_EQ(lane.Verify(holder, release)->result(), v1::SEARCH_RESULT_MATCH);
}

TEST(HeldVerification, IsRefusedWithoutAReleaseWhoeverIsAskedFor) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const v1::Template face = vault.Face(holder.person, 1);
  ExpectRefused(vault, lane.Verify(lane.VerifyRequestOf(holder.subject, face)), "RELEASE_MISSING");
  ExpectRefused(vault, lane.Verify(lane.VerifyRequestOf("subjects/" + std::string(32, '0'), face)),
                "RELEASE_MISSING");
}

TEST(HeldVerification, TakesAReleaseOnceAlsoAfterARestart) {
  TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const v1::Envelope release = lane.ReleaseOf(holder);
  EXPECT_TRUE(lane.Verify(holder, release).ok());
  ExpectRefused(vault, lane.Verify(holder, release), "STATEMENT_REPLAYED");
  vault.Restart();
  ExpectRefused(vault, lane.Verify(holder, release), "STATEMENT_REPLAYED");
}

TEST(HeldVerification, TakesAReleaseForThisVerifierAndPurposeOnlyUntilItsEnd) {
  TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  ExpectRefused(vault, lane.Verify(holder, lane.ReleaseOf(holder), "officer/two"),
                "RELEASE_OTHER_VERIFIER");
  ExpectRefused(
      vault, lane.Verify(holder, lane.ReleaseOf(holder, [](auto& r) { r.set_purpose("other"); })),
      "RELEASE_OTHER_PURPOSE");
  ExpectRefused(vault,
                lane.Verify(holder, lane.ReleaseOf(holder, [](auto& r) { r.clear_expires_at(); })),
                "RELEASE_EXPIRED");
  const v1::Envelope release = lane.ReleaseOf(holder);
  vault.Advance(5 * kMinute);
  ExpectRefused(vault, lane.Verify(holder, release), "RELEASE_EXPIRED");
  ExpectRefused(
      vault,
      lane.Verify(holder, lane.ReleaseOf(holder, [](auto& r) { r.set_vault("vault.else/log"); })),
      "STATEMENT_OTHER_VAULT");
}

TEST(HeldVerification, TakesNoReleaseThatWasAlteredOrSignedBySomebodyElse) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  v1::Envelope altered = lane.ReleaseOf(holder);
  const size_t at = altered.payload().find("\"one\"");
  ASSERT_NE(at, std::string::npos);
  altered.mutable_payload()->replace(at, 5, "\"two\"");
  ExpectRefused(vault, lane.Verify(holder, altered, "officer/two"), "RELEASE_SIGNATURE_INVALID");
}

// Another person's release, another secret, a box for another vault: one answer to the byte, as for
// a subject that nobody knows.
TEST(HeldVerification, AnswersAlikeWhateverDependsOnThePerson) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const Holder other = lane.Enrolled();
  std::string first;
  const auto expect_alike = [&](const Reply<v1::VerifyResponse>& reply, const char* logged) {
    ExpectRefused(vault, reply, "NOT_PERMITTED", logged);
    if (first.empty()) first = WholeAnswer(reply);
    EXPECT_EQ(WholeAnswer(reply), first) << logged;
  };
  expect_alike(lane.Verify(holder, lane.ReleaseOf(other)), "RELEASE_OTHER_SUBJECT");
  const auto with_secret = [&](const std::string& sealed) {
    return lane.ReleaseOf(holder, [&](auto& r) { r.set_sealed_secret(sealed); });
  };
  expect_alike(lane.Verify(holder, with_secret(base::ToBase64(lane.Seal(other.secret)))),
               "RELEASE_OTHER_SECRET");
  const crypto::ReleaseKey elsewhere = crypto::ReleaseKey::Derive(crypto::SecretKey32().Expose());
  expect_alike(lane.Verify(holder, with_secret(base::ToBase64(*crypto::SealToVault(
                                       elsewhere.public_key(), holder.secret)))),
               "RELEASE_OTHER_SECRET");
  for (const char* text : {"", "not base64", "AAAA"}) {
    expect_alike(lane.Verify(holder, with_secret(text)), "RELEASE_OTHER_SECRET");
  }
  v1::VerifyRequest unknown =
      lane.VerifyRequestOf("subjects/" + std::string(32, '0'), vault.Face(holder.person, 1));
  *unknown.mutable_release() = lane.ReleaseOf(holder);
  expect_alike(lane.Verify(unknown), "SUBJECT_UNKNOWN");
  Must(vault.Restrict(holder.person, HeldLane::kPurpose), "restrict");
  expect_alike(lane.Verify(holder, lane.ReleaseOf(holder)), "TEMPLATE_RESTRICTED");
  Must(vault.Withdraw(holder.person, HeldLane::kPurpose), "withdraw");
  expect_alike(lane.Verify(holder, lane.ReleaseOf(holder)), "CONSENT_WITHDRAWN");
}

TEST(HeldVerification, RefusesAStatementThatIsNoReleaseAsMalformed) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  v1::AccessRequest access;
  access.set_subject_public_key(crypto::PublicKeyText(holder.person.key.public_key()));
  const auto reply = lane.Verify(holder, vault.Sign(access, {&holder.person.key}));
  EXPECT_EQ(reply.status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(reply.reason, "MALFORMED_STATEMENT");
}

TEST(CaseGatedVerification, TakesNoRelease) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  v1::VerifyRequest request = lane.VerifyRequestOf(holder.subject, vault.Face(holder.person, 1));
  request.set_purpose("purposes/" + std::string(TestWorld::kPurpose));
  *request.mutable_release() =
      lane.ReleaseOf(holder, [](auto& r) { r.set_purpose(TestWorld::kPurpose); });
  ExpectRefused(vault, lane.Verify(request), "RELEASE_NOT_ASKED");
}

TEST(HeldEnrolment, NeedsTheSecretThatTheConsentNames) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder{vault.NewPerson()};
  const Holder other{vault.NewPerson()};

  v1::EnrollRequest without = lane.RequestOf(holder);
  without.clear_sealed_custody_secret();
  ExpectRefused(vault, lane.Enroll(without), "CUSTODY_SECRET_MISSING");
  v1::EnrollRequest another = lane.RequestOf(holder);
  another.set_sealed_custody_secret(lane.Seal(other.secret));
  ExpectRefused(vault, lane.Enroll(another), "CUSTODY_SECRET_MISSING");
  ExpectRefused(vault, lane.Enroll(lane.RequestOf(holder, "")), "CUSTODY_SECRET_MISSING");
  ExpectRefused(vault, lane.Enroll(lane.RequestOf(holder, "no digest")), "CUSTODY_SECRET_MISSING");

  v1::EnrollRequest unnamed = lane.RequestOf(holder, "");
  unnamed.set_sealed_custody_secret(lane.Seal(holder.secret));
  EXPECT_EQ(lane.Enroll(unnamed).reason, "MALFORMED_REQUEST");
  v1::EnrollRequest cut = lane.RequestOf(holder);
  cut.mutable_sealed_custody_secret()->pop_back();
  EXPECT_EQ(lane.Enroll(cut).reason, "MALFORMED_REQUEST");
  EXPECT_TRUE(lane.Enroll(lane.RequestOf(holder)).ok());
}

TEST(CaseGatedEnrolment, TakesNoConsentThatPromisesTheSubjectsCustody) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder{vault.NewPerson()};
  v1::EnrollRequest request =
      lane.RequestOf(holder, HeldLane::DigestText(holder.secret), TestWorld::kPurpose);
  request.set_sealed_custody_secret(lane.Seal(holder.secret));
  ExpectRefused(vault, lane.Enroll(request), "CUSTODY_NOT_SUBJECT_HELD");
  ExpectRefused(vault, lane.Enroll(lane.RequestOf(holder, "anything", TestWorld::kPurpose)),
                "CUSTODY_NOT_SUBJECT_HELD");
}

TEST(HeldPurpose, IsNeverSearched) {
  const TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const auto registered = vault.RegisterPurpose("held-search", [](v1::PurposeRegistration& p) {
    p.set_custody(v1::CUSTODY_SUBJECT_HELD);  // with both operations
  });
  ExpectRefused(vault, registered, "OPERATION_NOT_IN_CUSTODY");
  v1::CaseOpening opening = vault.Opening();
  opening.set_purpose(HeldLane::kPurpose);
  ExpectRefused(vault,
                vault.Call("officer/one", &v1::CaseService::Stub::OpenCase,
                           vault.OpenCaseRequestOf(opening, vault.Details())),
                "OPERATION_NOT_ALLOWED");
  v1::IdentifyRequest search =
      vault.IdentifyRequestOf(vault.ActiveCase(), vault.Face(holder.person, 1));
  search.set_purpose("purposes/" + std::string(HeldLane::kPurpose));
  ExpectRefused(vault, vault.Call("officer/one", &v1::SearchService::Stub::Identify, search),
                "WRONG_PURPOSE");
  search.set_purpose("purposes/" + std::string(TestWorld::kPurpose));
  const auto found = vault.Call("officer/one", &v1::SearchService::Stub::Identify, search);
  ASSERT_TRUE(found.ok()) << found.status.error_message();
  EXPECT_EQ(found->matches(), 0u);
}

TEST(ReleaseKey, IsForDevicesDesksAndOfficers) {
  const TestVault vault;
  const auto ask = [&](const std::string& who) {
    return vault.Call(who, &v1::VaultService::Stub::GetReleaseKey, v1::GetReleaseKeyRequest());
  };
  const std::string key = ask("subject/portal")->release_key();
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(ask("registrar/desk")->release_key(), key);
  EXPECT_EQ(ask("officer/one")->release_key(), key);
  EXPECT_EQ(ask("judge/one").reason, "ROLE_NOT_ALLOWED");
}

}  // namespace
}  // namespace kluis::custody_test
