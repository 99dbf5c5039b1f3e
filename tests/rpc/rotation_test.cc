// SPDX-License-Identifier: Apache-2.0
// A purpose's transform is rotated in a real vault: people are found as before, what was kept
// before is of no use to anybody, and whatever interrupts it, it ends.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/id.h"
#include "crypto/keyring.h"
#include "crypto/secret_floats.h"
#include "gtest/gtest.h"
#include "policy/decide.h"
#include "policy/record_key.h"
#include "service/acts/enroll.h"
#include "service/acts/search.h"
#include "service/ledger/statements.h"
#include "storage/layout.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::rotation_test {
namespace {

constexpr char kPurpose[] = "missing-person-identification";

struct Enrolled {
  Person person;
  std::string subject;
  std::string template_id;
};

std::vector<Enrolled> EnrolPeople(const TestVault& vault, int count) {
  std::vector<Enrolled> people;
  for (int i = 0; i < count; ++i) {
    Person person = vault.NewPerson();
    const v1::EnrollResponse reply = Must(vault.Enroll(person), "enrol");
    people.push_back({std::move(person), reply.subject(),
                      policy::IdInName(reply.template_record(), "templates")});
  }
  return people;
}

v1::TemplateRecord RecordOf(TestVault& vault, const std::string& id) {
  return **policy::Find<v1::TemplateRecord>(vault.vault().state(), policy::key::Template(id));
}

v1::PurposeRecord PurposeOf(TestVault& vault) {
  return **policy::Find<v1::PurposeRecord>(vault.vault().state(), policy::key::Purpose(kPurpose));
}

std::string RowOf(TestVault& vault, const std::string& id) {
  const std::string key = storage::TemplateKey(*base::IdFromBytes(id));
  return **vault.vault().database().Get(storage::Column::kSealed, key);
}

// As a verification by officer/one gets it.
policy::Grant GrantFor(TestVault& vault, const Enrolled& who) {
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_OFFICER);
  command.mutable_caller()->set_name("one");
  command.mutable_verify()->set_purpose(kPurpose);
  command.mutable_verify()->set_subject_id(policy::IdInName(who.subject, "subjects"));
  command.mutable_verify()->set_algorithm(TestWorld::kAlgorithm);
  command.mutable_verify()->set_new_search_id(std::string(16, 's'));
  const auto ruling = policy::Decide(vault.vault().state(), command, vault.now());
  EXPECT_TRUE(ruling.ok() && ruling->grant.has_value());
  return *ruling->grant;
}

std::vector<float> ProtectedOf(TestVault& vault, const Enrolled& who) {
  const auto opened = vault.vault().sealer().OpenTemplate(
      GrantFor(vault, who), RecordOf(vault, who.template_id), RowOf(vault, who.template_id));
  EXPECT_TRUE(opened.ok()) << opened.status();
  const auto floats = crypto::AsFloats(*opened);
  return {floats->begin(), floats->end()};
}

// The order's entry alone, as it is when a crash follows it at once.
void OrderOnly(TestVault& vault) {
  const v1::Envelope envelope = vault.RotationOrder();
  v1::RotationOrder order;
  auto facts = service::TakeStatement(vault.vault().state(), envelope, order);
  ASSERT_TRUE(facts.ok());
  service::Act act;
  act.kind = v1::LOG_KIND_GOVERNANCE;
  act.envelopes.push_back(envelope);
  act.command.set_method("kluis.v1.SupervisionService.RotateTransform");
  act.command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  act.command.mutable_caller()->set_name("one");
  *act.command.mutable_rotate_transform()->mutable_statement() = *std::move(facts);
  *act.command.mutable_rotate_transform()->mutable_order() = order;
  const auto committed = vault.vault().ledger().Commit(std::move(act));
  ASSERT_TRUE(committed.ok() && committed->ruling.decision.allowed());
}

// The order, and as many batches of 64 templates.
void RotateInPart(TestVault& vault, int batches) {
  OrderOnly(vault);
  const absl::StatusOr<uint64_t> renewed =
      vault.vault().sweeper().rotations().Finish(kPurpose, [&] { return batches-- == 0; });
  EXPECT_EQ(renewed.status().code(), absl::StatusCode::kDeadlineExceeded);
}

uint64_t CountUnder(TestVault& vault, uint32_t transform_slot) {
  uint64_t count = 0;
  const absl::Status scanned = vault.vault().state().ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
        if (record.transform_slot() == transform_slot) ++count;
      });
  EXPECT_TRUE(scanned.ok());
  return count;
}

void ExpectEnded(TestVault& vault) {
  vault.FinishErasures();
  EXPECT_EQ(PurposeOf(vault).previous_slot(), 0u);
  EXPECT_EQ(vault.Status().pending_erasures(), 0u);
  const v1::CheckVaultResponse check = vault.CheckVault();
  EXPECT_TRUE(check.consistent()) << check.first_difference();
}

void ExpectFoundAndVerified(TestVault& vault, const std::string& name,
                            std::span<const Enrolled> people) {
  for (const Enrolled& who : people) {
    const v1::Template probe = vault.Face(who.person, 1);
    EXPECT_EQ(Must(vault.Identify(name, probe), "identify").result(), v1::SEARCH_RESULT_MATCH);
    EXPECT_EQ(Must(vault.Verify(who.subject, probe), "verify").result(), v1::SEARCH_RESULT_MATCH);
  }
}

TEST(Rotation, FindsTheSamePeopleAfterwards) {
  TestVault vault;
  std::vector<Enrolled> people = EnrolPeople(vault, 3);
  const std::string name = vault.ActiveCase();
  ExpectFoundAndVerified(vault, name, people);
  const uint32_t former = PurposeOf(vault).slot();
  const auto rotated = vault.Rotate();
  ASSERT_TRUE(rotated.ok()) << rotated.status.error_message();
  EXPECT_EQ(rotated->renewed(), 3u);
  EXPECT_EQ(rotated->purpose().name(), std::string("purposes/") + kPurpose);
  EXPECT_FALSE(rotated->purpose().rotating());
  EXPECT_EQ(vault.EntryAt(rotated->receipt().log_index()).kind(), v1::LOG_KIND_GOVERNANCE);
  EXPECT_NE(PurposeOf(vault).slot(), former);
  ExpectEnded(vault);

  people.push_back(std::move(EnrolPeople(vault, 1).front()));
  ExpectFoundAndVerified(vault, name, people);
  EXPECT_EQ(vault.Identify(name, vault.Face(vault.NewPerson()))->result(),
            v1::SEARCH_RESULT_NO_MATCH);
  Must(vault.Withdraw(people[0].person), "withdraw");
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0].person, 1))->result(),
            v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_EQ(vault.Verify(people[0].subject, vault.Face(people[0].person, 1)).reason,
            "NOT_PERMITTED");
  vault.Restart();
  people.erase(people.begin());
  ExpectFoundAndVerified(vault, name, people);
}

TEST(Rotation, LeavesNothingThatOpensWhatWasKeptBefore) {
  TestVault vault;
  const std::vector<Enrolled> people = EnrolPeople(vault, 2);
  const Enrolled& who = people.front();
  const v1::TemplateRecord record = RecordOf(vault, who.template_id);
  const std::string row = RowOf(vault, who.template_id);
  const policy::Grant grant = GrantFor(vault, who);
  const std::vector<float> before = ProtectedOf(vault, who);
  const uint32_t former = PurposeOf(vault).slot();
  const std::string kept = vault.directory() + "/kept";
  std::filesystem::copy(vault.directory() + "/keys", kept,
                        std::filesystem::copy_options::recursive);
  Must(vault.Rotate(), "rotate");

  // The row and the grant of before, in the vault as it is.
  EXPECT_EQ(vault.vault().sealer().OpenTemplate(grant, record, row).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_NE(RowOf(vault, who.template_id), row);
  EXPECT_EQ(vault.vault().keyring().Key(record.slot()).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(vault.vault().keyring().Key(former).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(vault.vault().galleries().RoomOf(kPurpose, former).status().code(),
            absl::StatusCode::kNotFound);
  // The new row under the record of before, and the other way round.
  EXPECT_FALSE(
      vault.vault().sealer().OpenTemplate(grant, record, RowOf(vault, who.template_id)).ok());
  EXPECT_FALSE(vault.vault()
                   .sealer()
                   .OpenTemplate(GrantFor(vault, who), RecordOf(vault, who.template_id), row)
                   .ok());
  // A copy of the keyring of before is of no use with the root key as it is.
  EXPECT_FALSE(
      crypto::Keyring::Open({kept + "/keyring", vault.directory() + "/keys/root.key"}).ok());

  // The two protected forms are as unlike as strangers': a cosine of 0 +- 0.044.
  const std::vector<float> after = ProtectedOf(vault, who);
  double dot = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    dot += static_cast<double>(before[i]) * static_cast<double>(after[i]);
  }
  EXPECT_LT(std::abs(dot), 0.3);
}

TEST(Rotation, IsTheSupervisorsAndForAPurposeThatThereIs) {
  TestVault vault;
  v1::RotateTransformRequest request;
  *request.mutable_order() = vault.RotationOrder();
  const auto method = &v1::SupervisionService::Stub::RotateTransform;
  for (const char* who : {"officer/one", "judge/one", "registrar/desk", "operator/one"}) {
    EXPECT_EQ(vault.Call(who, method, request).reason, "ROLE_NOT_ALLOWED") << who;
  }
  EXPECT_EQ(vault.Rotate("no-such-purpose").reason, "PURPOSE_UNKNOWN");
  request.mutable_order()->mutable_signatures(0)->mutable_sig()->at(5) ^= 1;
  EXPECT_EQ(vault.Call("supervisor/one", method, request).reason, "SIGNATURE_INVALID");
  EXPECT_EQ(PurposeOf(vault).previous_slot(), 0u);
  EXPECT_EQ(Must(vault.Rotate(), "rotate").renewed(), 0u);  // nobody is enrolled
}

TEST(Rotation, KeepsVerificationsGoingAndIdentificationsOutWhileItRuns) {
  TestVault vault;
  std::vector<Enrolled> people = EnrolPeople(vault, 66);
  const std::string name = vault.ActiveCase();
  const uint32_t former = PurposeOf(vault).slot();
  RotateInPart(vault, 1);
  EXPECT_EQ(CountUnder(vault, former), 2u);
  people.push_back(std::move(EnrolPeople(vault, 1).front()));  // under the new secret
  EXPECT_EQ(CountUnder(vault, former), 2u);
  for (const Enrolled& who : people) {
    EXPECT_EQ(Must(vault.Verify(who.subject, vault.Face(who.person, 1)), "verify").result(),
              v1::SEARCH_RESULT_MATCH);
  }
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0].person, 1)).reason, "PURPOSE_ROTATING");
  EXPECT_EQ(vault.Rotate().reason, "PURPOSE_ROTATING");

  vault.Sweep();
  EXPECT_EQ(CountUnder(vault, former), 0u);
  ExpectEnded(vault);
  ExpectFoundAndVerified(vault, name, std::span(people).first(3));
  ExpectFoundAndVerified(vault, name, std::span(people).last(3));
}

TEST(Rotation, IsFinishedByTheNextStartBeforeAnythingIsServed) {
  TestVault vault;
  const std::vector<Enrolled> people = EnrolPeople(vault, 66);
  const std::string name = vault.ActiveCase();
  for (const int batches : {0, 1}) {
    const uint32_t former = PurposeOf(vault).slot();
    RotateInPart(vault, batches);
    EXPECT_EQ(CountUnder(vault, former), batches == 0 ? 66u : 2u);
    vault.Restart();
    EXPECT_EQ(CountUnder(vault, former), 0u);
    ExpectEnded(vault);
    EXPECT_EQ(vault.vault().keyring().Key(former).status().code(), absl::StatusCode::kNotFound);
  }
  ExpectFoundAndVerified(vault, name, std::span(people).first(3));
}

TEST(Rotation, TakesAnEnrolmentAlongThatWasProtectedBeforeTheOrder) {
  TestVault vault;
  const Person person = vault.NewPerson();
  service::Call call;
  call.caller.set_role(v1::ROLE_REGISTRAR);
  call.caller.set_name("desk");
  call.kind = v1::LOG_KIND_COLLECTION;
  auto act = service::EnrollAct(vault.vault(), call, vault.EnrollRequestOf(person));
  ASSERT_TRUE(act.ok()) << act.status();
  Must(vault.Rotate(), "rotate");  // to its end: the secret it was protected under is gone
  const auto committed = vault.vault().ledger().Commit(*std::move(act));
  ASSERT_TRUE(committed.ok()) << committed.status();
  ASSERT_TRUE(committed->ruling.decision.allowed());
  const std::string subject = service::EnrollResponseOf(*committed).subject();
  EXPECT_EQ(Must(vault.Verify(subject, vault.Face(person, 1)), "verify").result(),
            v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(vault.Identify(vault.ActiveCase(), vault.Face(person, 1))->result(),
            v1::SEARCH_RESULT_MATCH);
}

// A search whose intent came before the order compares nothing across the two secrets.
TEST(Rotation, OpensNoGalleryForAProbeOfTheFormerSecret) {
  TestVault vault;
  EnrolPeople(vault, 2);
  const std::string name = vault.ActiveCase();
  v1::Command command;
  command.mutable_caller()->set_role(v1::ROLE_OFFICER);
  command.mutable_caller()->set_name("one");
  v1::Identify& identify = *command.mutable_identify();
  identify.set_case_id(policy::IdInName(name, "cases"));
  identify.set_purpose(kPurpose);
  identify.set_algorithm(TestWorld::kAlgorithm);
  identify.set_captured_at(vault.now() - kHour);
  identify.set_evidence_id("EVIDENCE-1");
  identify.set_new_search_id(std::string(16, 's'));
  const auto ruling = policy::Decide(vault.vault().state(), command, vault.now());
  ASSERT_TRUE(ruling.ok() && ruling->grant.has_value());
  service::Galleries& galleries = vault.vault().galleries();
  const auto room = galleries.Room(kPurpose);
  ASSERT_TRUE(room.ok() && galleries.Open(*ruling->grant, **room).ok());

  OrderOnly(vault);
  EXPECT_EQ(service::ReasonOf(galleries.Open(*ruling->grant, **room).status()), "PURPOSE_ROTATING");
  const auto next = galleries.Room(kPurpose);
  EXPECT_EQ(service::ReasonOf(galleries.Open(*ruling->grant, **next).status()), "PURPOSE_ROTATING");
  vault.Sweep();
  EXPECT_EQ(service::ReasonOf(galleries.Open(*ruling->grant, **room).status()), "PURPOSE_ROTATING");
  const auto gallery = galleries.Open(*ruling->grant, **next);
  ASSERT_TRUE(gallery.ok()) << gallery.status();
  EXPECT_EQ((*gallery)->size(), 2u);
  EXPECT_EQ(service::ReasonOf(galleries.Open(*ruling->grant, **room).status()),
            "PURPOSE_ROTATING");  // also when the new one is there already
}

TEST(Rotation, TellsAVerificationToCallAgainWhenItsTemplateMovedUnderIt) {
  TestVault vault;
  const std::vector<Enrolled> people = EnrolPeople(vault, 1);
  const policy::Grant grant = GrantFor(vault, people[0]);
  const absl::Status why = absl::DataLossError("record: does not authenticate");
  EXPECT_EQ(service::EndedMeanwhile(vault.vault(), grant, why), why);
  Must(vault.Rotate(), "rotate");
  const absl::Status moved = service::EndedMeanwhile(vault.vault(), grant, why);
  EXPECT_EQ(moved.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(service::ReasonOf(moved), "TEMPLATE_RENEWED");
  Must(vault.Withdraw(people[0].person), "withdraw");
  EXPECT_EQ(service::ReasonOf(service::EndedMeanwhile(vault.vault(), grant, why)), "NOT_PERMITTED");
}

TEST(Rotation, GoesAroundATemplateThatDoesNotOpenAndEndsWhenItIsGone) {
  TestVault vault;
  const std::vector<Enrolled> people = EnrolPeople(vault, 4);
  const std::string name = vault.ActiveCase();
  std::string row = RowOf(vault, people[1].template_id);
  row[30] = static_cast<char>(row[30] ^ 1);
  storage::Batch batch;
  batch.Put(storage::Column::kSealed,
            storage::TemplateKey(*base::IdFromBytes(people[1].template_id)), row);
  ASSERT_TRUE(vault.vault().database().WriteSynced(std::move(batch)).ok());
  const uint32_t former = PurposeOf(vault).slot();

  EXPECT_EQ(vault.Rotate().status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(CountUnder(vault, former), 1u);
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0].person, 1)).reason, "PURPOSE_ROTATING");
  EXPECT_EQ(Must(vault.Verify(people[0].subject, vault.Face(people[0].person, 1)), "v").result(),
            v1::SEARCH_RESULT_MATCH);
  vault.Restart();  // serves, and still says so
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0].person, 1)).reason, "PURPOSE_ROTATING");
  Must(vault.Withdraw(people[1].person), "withdraw");
  vault.Sweep();
  ExpectEnded(vault);
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0].person, 1))->result(),
            v1::SEARCH_RESULT_MATCH);
}

TEST(Rotation, IsReplayedWithoutAMismatch) {
  TestVault vault;
  const std::vector<Enrolled> people = EnrolPeople(vault, 3);
  TestWorld::Terms terms;
  terms.replaces = Must(vault.Holdings(people[0].person), "h").holdings(0).template_record();
  Must(vault.Enroll(people[0].person, terms), "replace");
  Must(vault.Rotate(), "rotate");
  Must(vault.Verify(people[0].subject, vault.Face(people[0].person, 1)), "verify");
  RotateInPart(vault, 0);
  EXPECT_FALSE(vault.Rotate().ok());
  Must(vault.Withdraw(people[1].person), "withdraw");
  vault.Sweep();

  EXPECT_EQ(CleanlyReplayed(vault).completeness.open_erasures, 0u);
}

// While rotations run, everybody works on: each answer is right, or says to call again.
TEST(Rotation, MayRunBesideEverythingElse) {
  TestVault vault(/*target_fpir=*/1e-9);
  const std::vector<Enrolled> people = EnrolPeople(vault, 100);
  const std::string name = vault.ActiveCase(/*budget=*/10'000);
  std::atomic<bool> go_on = true;
  std::atomic<uint64_t> right = 0;
  std::vector<std::set<std::string>> reasons(3);
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (size_t i = 0; go_on; ++i) {
      const Enrolled& who = people[50 + i % 50];
      const auto verified = vault.Verify(who.subject, vault.Face(who.person));
      reasons[0].insert(verified.reason);
      if (verified.ok()) right += verified->result() == v1::SEARCH_RESULT_MATCH ? 1 : 1'000'000;
    }
  });
  threads.emplace_back([&] {
    for (size_t i = 0; go_on; ++i) {
      const auto found = vault.Identify(name, vault.Face(people[50 + i % 50].person));
      reasons[1].insert(found.reason);
      if (found.ok()) right += found->result() == v1::SEARCH_RESULT_MATCH ? 1 : 1'000'000;
    }
  });
  threads.emplace_back([&] {
    for (size_t i = 0; go_on && i < 50; ++i) {
      reasons[2].insert(vault.Withdraw(people[i].person).reason);
      reasons[2].insert(vault.Enroll(vault.NewPerson()).reason);
    }
  });
  for (int i = 0; i < 3; ++i) Must(vault.Rotate(), "rotate");
  go_on = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(right, 1'000'000u) << "a person was not found";
  EXPECT_GT(right, 0u);
  for (const std::string& reason : reasons[0]) {
    EXPECT_TRUE(reason.empty() || reason == "TEMPLATE_RENEWED") << reason;
  }
  const std::set<std::string> call_again = {"", "PURPOSE_ROTATING", "UNAVAILABLE"};
  for (const std::string& reason : reasons[1]) {  // the last: it ended between judging and intent
    EXPECT_TRUE(call_again.contains(reason)) << reason;
  }
  EXPECT_EQ(reasons[2], std::set<std::string>{""});
  ExpectEnded(vault);
  EXPECT_EQ(vault.Identify(name, vault.Face(people[99].person))->result(), v1::SEARCH_RESULT_MATCH);
}

}  // namespace
}  // namespace kluis::rotation_test
