// SPDX-License-Identifier: Apache-2.0
// Supervisors look at what stands behind the commitments of entries: as many of them as the
// founding says, once for each order, and only at what has not been forgotten.
#include "service/acts/inspection.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/statement.h"
#include "base/codec.h"
#include "client/draft.h"
#include "crypto/derive.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/record_key.h"
#include "service/acts/case_details.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis::inspection_test {
namespace {

using grpc::StatusCode;
using storage::Column;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kToTheEnd = 1'000'000;

const std::vector<std::string> kTwo = {"supervisor/one", "supervisor/three"};

// Everything that one call answers with.
struct Inspection {
  grpc::Status status;
  std::string reason;
  std::optional<uint64_t> log_index;
  std::string metadata;  // the trailing kluis-log-index
  v1::Receipt receipt;
  std::vector<v1::CommitmentOpening> openings;
};

v1::InspectEntriesRequest RequestFor(const TestWorld& vault, uint32_t start, uint32_t end,
                                     const std::vector<std::string>& signers,
                                     const std::string& reasons = "complaint 2026-17") {
  v1::InspectionOrder order;
  order.set_start_index(start);
  order.set_end_index(end);
  order.set_reasons(reasons);
  std::vector<const crypto::SigningKey*> keys;
  for (const std::string& who : signers) keys.push_back(&vault.KeyOf(who));
  v1::InspectEntriesRequest request;
  request.set_request_id(client::NewRequestId());
  *request.mutable_order() = vault.Sign(order, keys);
  return request;
}

Inspection Send(const TestWorld& vault, const v1::InspectEntriesRequest& request,
                const std::string& who = "supervisor/one") {
  v1::SupervisionService::Stub stub(vault.ChannelOf(who));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.InspectEntries(&context, request);
  Inspection got;
  v1::InspectEntriesResponse message;
  for (bool first = true; stream->Read(&message); first = false) {
    EXPECT_EQ(message.has_receipt(), first);
    EXPECT_NE(message.has_opening(), first);
    if (message.has_receipt()) got.receipt = message.receipt();
    if (message.has_opening()) got.openings.push_back(message.opening());
  }
  got.status = stream->Finish();
  TestWorld::ReadErrorInfo(got.status, got.reason, got.log_index);
  const auto& trailing = context.GetServerTrailingMetadata();
  const auto index = trailing.find("kluis-log-index");
  if (index != trailing.end()) got.metadata = {index->second.data(), index->second.size()};
  return got;
}

Inspection Inspect(const TestWorld& vault, uint32_t start = 0, uint32_t end = kToTheEnd) {
  Inspection got = Send(vault, RequestFor(vault, start, end, kTwo));
  EXPECT_TRUE(got.status.ok()) << got.status.error_message();
  return got;
}

// Nothing came, the reason is this one, and the log says so.
void ExpectRefused(const TestWorld& vault, const Inspection& got, StatusCode code,
                   const std::string& reason) {
  EXPECT_EQ(got.status.error_code(), code) << got.status.error_message();
  EXPECT_EQ(got.reason, reason);
  EXPECT_FALSE(got.receipt.has_decided_at());
  EXPECT_THAT(got.openings, IsEmpty());
  ASSERT_TRUE(got.log_index.has_value()) << reason;
  EXPECT_EQ(got.metadata, std::to_string(*got.log_index));
  const v1::Entry entry = vault.EntryAt(*got.log_index);
  EXPECT_FALSE(entry.decision().allowed());
  EXPECT_EQ(entry.decision().reason(), reason);
  EXPECT_EQ(entry.command().method(), "InspectEntries");
}

std::vector<std::string> Whats(const Inspection& got) {
  std::vector<std::string> whats;
  for (const v1::CommitmentOpening& opening : got.openings) whats.push_back(opening.what());
  return whats;
}

// The opening is what its entry commits to.
void ExpectOpens(const TestWorld& vault, const v1::CommitmentOpening& opening) {
  ASSERT_EQ(opening.nonce().size(), 32u);
  const std::span<const uint8_t, 32> nonce(reinterpret_cast<const uint8_t*>(opening.nonce().data()),
                                           32);
  const std::string digest(crypto::Bytes(crypto::Commit(nonce, opening.payload())));
  size_t found = 0;
  const v1::Entry entry = vault.EntryAt(opening.log_index());
  for (const v1::Commitment& commitment : entry.commitments()) {
    if (commitment.what() == opening.what() && commitment.digest() == digest) ++found;
  }
  EXPECT_EQ(found, 1u) << opening.what();
}

// The candidate of a search for `person` in `name`, named; the entry of the disclosure.
uint64_t Disclosed(const TestVault& vault, const std::string& name, const Person& person) {
  const auto found = Must(vault.Identify(name, vault.Face(person, 1)), "identify");
  EXPECT_EQ(found.candidates_size(), 1);
  Must(vault.Confirm(found.candidates(0), "officer/one"), "confirm");
  Must(vault.Confirm(found.candidates(0), "officer/two"), "confirm");
  return Must(vault.Disclose(found.candidates(0)), "disclose").receipt().log_index();
}

std::string SubjectId(const std::string& name) { return policy::IdInName(name, "subjects"); }

// Withdrawn, and forgotten at the end of the details' retention.
void Forget(TestVault& vault, const Person& person) {
  Must(vault.Withdraw(person), "withdraw");
  vault.Advance(90 * kDay);
  vault.Sweep();
}

TEST(Inspection, IsRefusedWithTheSignatureOfOneSupervisor) {
  const TestVault vault;
  Must(vault.Enroll(vault.NewPerson()), "enroll");
  for (const std::vector<std::string>& signers :
       {std::vector<std::string>{"supervisor/one"},
        std::vector<std::string>{"supervisor/one", "supervisor/one"},
        std::vector<std::string>{"supervisor/one", "officer/one"}}) {
    ExpectRefused(vault, Send(vault, RequestFor(vault, 0, kToTheEnd, signers)),
                  StatusCode::PERMISSION_DENIED, "TOO_FEW_SIGNATURES");
  }
  ExpectRefused(vault, Send(vault, RequestFor(vault, 0, kToTheEnd, {"officer/one"})),
                StatusCode::PERMISSION_DENIED, "SIGNATURE_INVALID");
  ExpectRefused(vault, Send(vault, RequestFor(vault, 0, kToTheEnd, kTwo, "")),
                StatusCode::PERMISSION_DENIED, "REASONS_MISSING");
}

TEST(Inspection, AnOrderServesOnce) {
  const TestVault vault;
  Must(vault.Enroll(vault.NewPerson()), "enroll");
  v1::InspectEntriesRequest request = RequestFor(vault, 0, kToTheEnd, kTwo);
  EXPECT_THAT(Send(vault, request).openings, testing::SizeIs(2));
  ExpectRefused(vault, Send(vault, request), StatusCode::PERMISSION_DENIED, "STATEMENT_REPLAYED");
  request.set_request_id(client::NewRequestId());
  ExpectRefused(vault, Send(vault, request, "supervisor/two"), StatusCode::PERMISSION_DENIED,
                "STATEMENT_REPLAYED");
}

TEST(Inspection, ThatIsRefusedStandsInTheVaultsOwnLog) {
  const TestVault vault;
  ExpectRefused(vault, Send(vault, RequestFor(vault, 0, kToTheEnd, {"supervisor/one"})),
                StatusCode::PERMISSION_DENIED, "TOO_FEW_SIGNATURES");
  std::ifstream file(vault.directory() + "/kluisd.log");
  const std::string log((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(log, HasSubstr("\"event\":\"refused\",\"method\":\"InspectEntries\""));
}

TEST(Inspection, IsForSupervisorsOnly) {
  const TestVault vault;
  Must(vault.Enroll(vault.NewPerson()), "enroll");
  for (const char* who : {"officer/one", "auditor/one", "operator/one", "judge/one"}) {
    ExpectRefused(vault, Send(vault, RequestFor(vault, 0, kToTheEnd, kTwo), who),
                  StatusCode::PERMISSION_DENIED, "ROLE_NOT_ALLOWED");
  }
}

TEST(Inspection, AMalformedOrderIsRefusedAndLogged) {
  const TestVault vault;
  for (const auto& [start, end] : {std::pair<uint32_t, uint32_t>{0, 0}, {5, 5}, {6, 5}}) {
    ExpectRefused(vault, Send(vault, RequestFor(vault, start, end, kTwo)),
                  StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST");
  }
  v1::InspectEntriesRequest request = RequestFor(vault, 0, kToTheEnd, kTwo);
  request.mutable_order()->mutable_payload()->append(" x");
  ExpectRefused(vault, Send(vault, request), StatusCode::INVALID_ARGUMENT, "MALFORMED_STATEMENT");
  v1::StopOrder another;
  another.set_purpose(TestWorld::kPurpose);
  *request.mutable_order() = vault.Sign(another, {&vault.KeyOf("supervisor/one")});
  ExpectRefused(vault, Send(vault, request), StatusCode::INVALID_ARGUMENT, "MALFORMED_STATEMENT");
  v1::InspectionOrder with_bad_id;
  with_bad_id.set_statement_id("12");
  with_bad_id.set_end_index(9);
  *request.mutable_order() = vault.Sign(with_bad_id, {&vault.KeyOf("supervisor/one")});
  ExpectRefused(vault, Send(vault, request), StatusCode::INVALID_ARGUMENT, "MALFORMED_STATEMENT");
  request.clear_order();
  ExpectRefused(vault, Send(vault, request), StatusCode::INVALID_ARGUMENT, "MALFORMED_STATEMENT");
}

TEST(Inspection, ShowsConsentAndAttestationAsTheyWereSigned) {
  const TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollRequest request = vault.EnrollRequestOf(person);
  const auto enrolled =
      Must(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request), "enroll");
  const Inspection got = Inspect(vault);
  ASSERT_THAT(Whats(got), ElementsAre("consent", "capture-attestation"));
  for (const v1::CommitmentOpening& opening : got.openings) {
    EXPECT_EQ(opening.log_index(), enrolled.receipt().log_index());
    ExpectOpens(vault, opening);
  }
  EXPECT_EQ(got.openings[0].payload(), request.consent().SerializeAsString());
  EXPECT_EQ(got.openings[1].payload(), request.attestation().SerializeAsString());
  v1::Envelope consent;
  ASSERT_TRUE(consent.ParseFromString(got.openings[0].payload()));
  EXPECT_TRUE(audit::IsSignedBy(consent, person.key.public_key()));
}

TEST(Inspection, IsItselfInTheLogWithTheWholeOrder) {
  const TestVault vault;
  const v1::InspectEntriesRequest request = RequestFor(vault, 3, 7, kTwo);
  const Inspection got = Send(vault, request);
  ASSERT_TRUE(got.status.ok()) << got.status.error_message();
  const v1::Entry entry = vault.EntryAt(got.receipt.log_index());
  EXPECT_EQ(entry.kind(), v1::LOG_KIND_CONSULTATION);
  EXPECT_TRUE(entry.decision().allowed());
  EXPECT_EQ(entry.command().inspect().order().start_index(), 3u);
  EXPECT_EQ(entry.command().inspect().order().end_index(), 7u);
  EXPECT_EQ(entry.command().inspect().order().reasons(), "complaint 2026-17");
  EXPECT_EQ(entry.command().inspect().statement().signed_by_size(), 2);
  ASSERT_EQ(entry.envelopes_size(), 1);
  EXPECT_EQ(entry.envelopes(0).SerializeAsString(), request.order().SerializeAsString());
  EXPECT_TRUE(vault.CheckVault().consistent());
}

TEST(Inspection, ShowsTheEntriesOfItsRangeAndNoOthers) {
  const TestVault vault;
  std::vector<uint32_t> indexes;
  for (int i = 0; i < 3; ++i) {
    const auto enrolled = Must(vault.Enroll(vault.NewPerson()), "enroll");
    indexes.push_back(static_cast<uint32_t>(enrolled.receipt().log_index()));
  }
  const Inspection got = Inspect(vault, indexes[1], indexes[2]);
  ASSERT_EQ(got.openings.size(), 2u);
  EXPECT_EQ(got.openings[0].log_index(), indexes[1]);
  EXPECT_EQ(got.openings[1].log_index(), indexes[1]);
  EXPECT_THAT(Inspect(vault, indexes[2] + 1).openings, IsEmpty());
  EXPECT_THAT(Inspect(vault, kToTheEnd - 1).openings, IsEmpty());
}

// Whoever has gone is not served to the end of a long log.
TEST(Inspection, AsksBeforeEachEntryWhetherToGoOn) {
  TestVault vault;
  Must(vault.Enroll(vault.NewPerson()), "enroll");
  uint64_t asked = 0;
  const absl::Status status = service::OpenCommitments(
      vault.vault(), 0, kToTheEnd,
      [&] { return ++asked == 3 ? absl::CancelledError("gone") : absl::OkStatus(); },
      [](v1::CommitmentOpening&) { return absl::OkStatus(); });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(asked, 3u);
}

TEST(Inspection, LeavesOutARefusedEnrolmentWhoseOpeningsWereNeverKept) {
  const TestVault vault;
  v1::EnrollRequest request = vault.EnrollRequestOf(vault.NewPerson());
  request.mutable_template_()->set_values(0, 0.5F);
  const auto refused = vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request);
  ASSERT_EQ(refused.reason, "TEMPLATE_NOT_ATTESTED");
  ASSERT_EQ(vault.EntryAt(*refused.log_index).commitments_size(), 2);
  EXPECT_THAT(Inspect(vault).openings, IsEmpty());
}

TEST(Inspection, ShowsWhoWasDisclosedAlsoWhenTheCaseIsErased) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person, {.days = 1000}), "enroll").subject();
  const std::string name = vault.ActiveCase();
  const auto disclosure = static_cast<uint32_t>(Disclosed(vault, name, person));
  Must(vault.Close(name), "close");
  for (const bool erased : {false, true}) {
    if (erased) {
      vault.Advance(365 * kDay);
      vault.Sweep();
    }
    const Inspection got = Inspect(vault, disclosure, disclosure + 1);
    ASSERT_THAT(Whats(got), ElementsAre("subject")) << erased;
    EXPECT_EQ(got.openings[0].payload(), SubjectId(subject));
    ExpectOpens(vault, got.openings[0]);
  }
}

TEST(Inspection, ShowsNothingOfASubjectWhoIsForgotten) {
  TestVault vault;
  const Person forgotten = vault.NewPerson();
  const Person other = vault.NewPerson();
  Must(vault.Enroll(forgotten), "enroll");
  const auto kept = Must(vault.Enroll(other, {.days = 1000}), "enroll");
  Disclosed(vault, vault.ActiveCase(), forgotten);
  ASSERT_THAT(Whats(Inspect(vault)), ElementsAre("consent", "capture-attestation", "consent",
                                                 "capture-attestation", "case-details", "subject"));
  Forget(vault, forgotten);
  const Inspection got = Inspect(vault);
  ASSERT_THAT(Whats(got), ElementsAre("consent", "capture-attestation", "case-details"));
  EXPECT_EQ(got.openings[0].log_index(), kept.receipt().log_index());
}

TEST(Inspection, ShowsWhatWasWrittenAboutACaseUntilItsYearIsForgotten) {
  TestVault vault;
  const v1::OpenCaseRequest request = vault.OpenCaseRequestOf(vault.Opening(), vault.Details());
  const auto opened =
      Must(vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, request), "open");
  EXPECT_FALSE(vault.Call("officer/two", &v1::CaseService::Stub::OpenCase, request).ok());
  Must(vault.Refuse(opened.case_().name(), "less would do"), "refuse");
  const Inspection got = Inspect(vault);
  ASSERT_THAT(Whats(got), ElementsAre("case-details", "refusal-details"));
  for (const v1::CommitmentOpening& opening : got.openings) ExpectOpens(vault, opening);
  EXPECT_EQ(got.openings[0].log_index(), opened.receipt().log_index());
  EXPECT_EQ(got.openings[0].payload(), request.details());
  EXPECT_EQ(got.openings[0].nonce(), request.details_nonce());
  EXPECT_EQ(got.openings[1].payload(), R"({"reasons":"less would do"})");
  vault.Advance(600 * kDay);
  vault.Sweep();
  EXPECT_THAT(Inspect(vault).openings, IsEmpty());
}

// Puts `value` at `key` of the details' column, or takes the row away; what was there before.
std::string Exchange(TestVault& vault, const std::string& key,
                     const std::optional<std::string>& value) {
  const auto before = vault.vault().database().Get(Column::kDetails, key);
  EXPECT_TRUE(before.ok() && before->has_value()) << "there is no such row";
  storage::Batch batch;
  if (value.has_value()) {
    batch.Put(Column::kDetails, key, *value);
  } else {
    batch.Delete(Column::kDetails, key);
  }
  EXPECT_TRUE(vault.vault().database().Write(std::move(batch)).ok());
  EXPECT_EQ(*vault.vault().database().Get(Column::kDetails, key), value);
  return before.ok() ? before->value_or("") : "";
}

void PutBack(TestVault& vault, const std::string& key, const std::string& value) {
  storage::Batch batch;
  batch.Put(Column::kDetails, key, value);
  ASSERT_TRUE(vault.vault().database().Write(std::move(batch)).ok());
}

TEST(Inspection, BreaksOffAtDetailsThatWereTakenAway) {
  TestVault vault;
  const std::string name = Must(vault.OpenCase(), "open").case_().name();
  v1::AuthorityYear year;
  ASSERT_TRUE(vault.vault()
                  .state()
                  .ForEach<v1::AuthorityYear>(v1::RecordChange::kAuthorityYear,
                                              [&](const v1::AuthorityYear& found) { year = found; })
                  .ok());
  v1::CaseRecord kase;
  kase.set_id(policy::IdInName(name, "cases"));
  const std::string key = *service::WrittenKeyOf(kase, year, storage::Written::kOpening);
  EXPECT_THAT(Whats(Inspect(vault)), ElementsAre("case-details"));
  const std::string sealed = Exchange(vault, key, std::nullopt);
  const Inspection got = Send(vault, RequestFor(vault, 0, kToTheEnd, kTwo));
  EXPECT_EQ(got.status.error_code(), StatusCode::DATA_LOSS) << got.status.error_message();
  EXPECT_THAT(got.openings, IsEmpty());
  PutBack(vault, key, sealed);
  EXPECT_THAT(Whats(Inspect(vault)), ElementsAre("case-details"));
}

TEST(Inspection, BreaksOffAtAnOpeningThatWasTakenAwayAlteredOrExchanged) {
  TestVault vault;
  const auto enrolled = Must(vault.Enroll(vault.NewPerson()), "enroll");
  const auto subject = policy::Find<v1::SubjectRecord>(
      vault.vault().state(), policy::key::Subject(SubjectId(enrolled.subject())));
  ASSERT_TRUE(subject.ok() && subject->has_value());
  struct Row {
    uint8_t number;
    std::vector<std::string> shown;  // before the inspection breaks off
  };
  for (const Row& row : {Row{0, {}}, Row{1, {"consent"}}}) {
    const std::string key = storage::OpeningKey(enrolled.receipt().log_index(), row.number);
    const std::string sealed = **vault.vault().database().Get(Column::kDetails, key);
    std::string altered = sealed;
    altered.back() = static_cast<char>(altered.back() ^ 1);
    const auto seal = [&](const std::string& plain) {
      return *vault.vault().sealer().Seal((*subject)->slot(), service::kOpeningUse, key, plain);
    };
    const std::string exchanged = seal(std::string(32, 'n') + "another statement");
    // Each is the only thing that is wrong: what was there comes back in between.
    for (const std::optional<std::string>& value :
         {std::optional<std::string>(), std::optional(altered), std::optional(exchanged),
          std::optional(seal("short"))}) {
      EXPECT_EQ(Exchange(vault, key, value), sealed);
      const Inspection got = Send(vault, RequestFor(vault, 0, kToTheEnd, kTwo));
      EXPECT_EQ(got.status.error_code(), StatusCode::DATA_LOSS) << got.status.error_message();
      EXPECT_EQ(Whats(got), row.shown);
      PutBack(vault, key, sealed);
      EXPECT_THAT(Whats(Inspect(vault)), ElementsAre("consent", "capture-attestation"));
    }
  }
}

}  // namespace
}  // namespace kluis::inspection_test
