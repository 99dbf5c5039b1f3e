// SPDX-License-Identifier: Apache-2.0
// A vault loses its database: from a backup that was made while it served, the published log and
// the keyring as it is, it comes back without what was taken back since, after a crash at any step.
#include "service/recovery/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/id.h"
#include "policy/record_key.h"
#include "policy/rules.h"
#include "service/ledger/database_state.h"
#include "service/ledger/errors.h"
#include "service/publish/publisher.h"
#include "service/recovery/backups.h"
#include "storage/layout.h"
#include "tests/fakes/clock_confirmed.h"
#include "tests/fakes/fault_file_system.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::recovery_test {
namespace {

namespace fs = std::filesystem;
using storage::Column;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "subjects/<id>" or "subjects/<id>/templates/<id>": the last id, as bytes.
std::string IdIn(const std::string& name) {
  return *base::FromHex(name.substr(name.rfind('/') + 1));
}

std::string TemplateRow(const v1::EnrollResponse& enrolled) {
  return storage::TemplateKey(*base::IdFromBytes(IdIn(enrolled.template_record())));
}

// What a recovery opens after its files are there: the parts of a vault that serves nothing.
struct Opened {
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<service::Ledger> ledger;
  std::unique_ptr<crypto::Keyring> keyring;
  std::unique_ptr<service::Eraser> eraser;
};

class Recovery : public testing::Test {
 protected:
  Recovery() { log_key_ = vault_.vault().publisher().verifier_key(); }

  std::string Place(const std::string& name) const { return vault_.directory() + "/" + name; }
  v1::EnrollResponse Enroll(const Person& person) { return Must(vault_.Enroll(person), "enrol"); }

  v1::Backup BackUp(uint32_t keep = 0) {
    const auto made = service::MakeBackup(vault_.vault().database(), Place("backups"), keep, {});
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : v1::Backup();
  }

  // The end of the machine: what it had lies in data.lost.
  void Lose() {
    vault_.ShutDown();
    fs::rename(Place("data"), Place("data.lost"));
  }

  service::RecoveryPlaces Places(std::shared_ptr<rocksdb::FileSystem> disk = nullptr) const {
    const auto key = audit::VerifierKey::Parse(log_key_);
    EXPECT_TRUE(key.ok());
    return {Place("data"),
            {Place("backups"), std::move(disk)},
            std::nullopt,
            {Place("log"), Place("keys/checkpoint"), *key}};
  }

  absl::StatusOr<Opened> Open(std::shared_ptr<rocksdb::FileSystem> disk = nullptr) {
    Opened opened;
    auto database = storage::Database::Open({Place("data"), false, std::move(disk)});
    if (!database.ok()) return database.status();
    opened.database = *std::move(database);
    auto ledger =
        service::Ledger::Open(*opened.database, vault_.clock(),
                              std::string(crypto::Bytes(crypto::Sha256({policy::RulesText()}))));
    if (!ledger.ok()) return ledger.status();
    opened.ledger = *std::move(ledger);
    auto keyring =
        crypto::Keyring::Open({vault_.config().keys.keyring, vault_.config().keys.root_key});
    if (!keyring.ok()) return keyring.status();
    opened.keyring = *std::move(keyring);
    opened.eraser =
        std::make_unique<service::Eraser>(*opened.database, *opened.keyring, *opened.ledger);
    return opened;
  }

  v1::Envelope Order(const std::vector<const crypto::SigningKey*>& keys) const {
    v1::RecoveryOrder order;
    order.set_reasons("the machine burnt");
    return vault_.Sign(order, keys);
  }
  v1::Envelope Order() const {
    return Order({&vault_.KeyOf("operator/one"), &vault_.KeyOf("operator/two")});
  }

  absl::StatusOr<v1::RestoreVaultResponse> Finish(const Opened& opened,
                                                  const service::RestoredDatabase& restored,
                                                  const v1::Envelope& order) const {
    v1::Caller caller;
    caller.set_role(v1::ROLE_OPERATOR);
    caller.set_name("one");
    return service::FinishRecovery(
        {Place("data"), *opened.database, *opened.ledger, *opened.keyring, *opened.eraser},
        restored, caller, order);
  }

  // The whole sequence, once.
  absl::StatusOr<v1::RestoreVaultResponse> Recover(
      const v1::Envelope& order, std::shared_ptr<storage::FaultFileSystem> disk = nullptr) {
    const auto restored = service::RecoverDatabase(Places(disk));
    if (!restored.ok()) return restored.status();
    const auto opened = Open(disk);
    if (!opened.ok()) return opened.status();
    auto finished = Finish(*opened, *restored, order);
    if (disk != nullptr) disk->Crash();  // what closing the database would still write
    return finished;
  }
  v1::RestoreVaultResponse MustRecover() {
    const auto recovered = Recover(Order());
    EXPECT_TRUE(recovered.ok()) << recovered.status();
    return recovered.ok() ? *recovered : v1::RestoreVaultResponse();
  }

  bool IsMarked() const { return !service::CheckNotRecovering(Place("data")).ok(); }

  v1::TemplateRecord RecordOf(const v1::EnrollResponse& enrolled) {
    const auto record = policy::Find<v1::TemplateRecord>(
        vault_.vault().state(), policy::key::Template(IdIn(enrolled.template_record())));
    EXPECT_TRUE(record.ok() && record->has_value());
    return **record;
  }

  // That every decision of the published log is made again, and the state with it.
  void ExpectReplays() {
    EXPECT_TRUE(vault_.CheckVault().consistent());
    CleanlyReplayed(vault_);
  }

  TestVault vault_;
  std::string log_key_;
};

TEST_F(Recovery, WithdrawsAgainAndReportsByIdWhatWasEnrolledSince) {
  const Person withdrawn = vault_.NewPerson();
  const Person kept = vault_.NewPerson();
  const v1::EnrollResponse of_withdrawn = Enroll(withdrawn);
  const v1::EnrollResponse of_kept = Enroll(kept);
  const v1::Backup backup = BackUp();
  Must(vault_.Withdraw(withdrawn), "withdraw");
  vault_.FinishErasures();
  const Person late = vault_.NewPerson();
  const v1::EnrollResponse of_late = Enroll(late);
  Lose();

  const v1::RestoreVaultResponse recovered = MustRecover();
  EXPECT_EQ(recovered.backup().id(), backup.id());
  EXPECT_LT(recovered.from_size(), recovered.to_size());
  EXPECT_EQ(recovered.removed_rows(), 1u);
  EXPECT_THAT(recovered.lost_templates(), ElementsAre(of_late.template_record()));
  EXPECT_THAT(recovered.lost_subjects(), ElementsAre(of_late.subject()));

  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_EQ(*vault_.vault().database().Get(Column::kSealed, TemplateRow(of_withdrawn)),
            std::nullopt);
  EXPECT_EQ(RecordOf(of_withdrawn).end_reason(), v1::END_REASON_WITHDRAWN);
  EXPECT_EQ(RecordOf(of_late).state(), v1::TEMPLATE_STATE_ERASED);
  EXPECT_EQ(RecordOf(of_late).end_reason(), v1::END_REASON_LOST);
  EXPECT_TRUE(vault_.vault().keyring().IsPunctured(RecordOf(of_late).slot()));
  EXPECT_EQ(vault_.Verify(of_kept.subject(), vault_.Face(kept, 1))->result(),
            v1::SEARCH_RESULT_MATCH);
  EXPECT_FALSE(vault_.Verify(of_withdrawn.subject(), vault_.Face(withdrawn, 1)).ok());
  const auto again = vault_.Enroll(late);
  EXPECT_TRUE(again.ok()) << again.status.error_message();
  vault_.ExpectLogVerifies();
  ExpectReplays();
}

// What is asked after the backup is in the log, and in force before anything is served.
TEST_F(Recovery, RestrictsAgainWhatWasRestrictedAndLiftsWhatWasLifted) {
  const Person restricted = vault_.NewPerson();
  const Person lifted = vault_.NewPerson();
  const v1::EnrollResponse of_restricted = Enroll(restricted);
  const v1::EnrollResponse of_lifted = Enroll(lifted);
  const std::string name = vault_.ActiveCase();
  Must(vault_.Restrict(lifted), "restrict");
  BackUp();
  Must(vault_.Restrict(restricted), "restrict");
  Must(vault_.LiftRestriction(lifted), "lift");
  Lose();
  MustRecover();
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_TRUE(RecordOf(of_restricted).restricted());
  EXPECT_FALSE(RecordOf(of_lifted).restricted());
  EXPECT_EQ(vault_.Identify(name, vault_.Face(restricted, 1))->result(),
            v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_EQ(vault_.Identify(name, vault_.Face(lifted, 1))->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(vault_.Verify(of_restricted.subject(), vault_.Face(restricted, 1)).reason,
            "NOT_PERMITTED");
  Must(vault_.LiftRestriction(restricted), "lift");
  EXPECT_EQ(vault_.Identify(name, vault_.Face(restricted, 1))->result(), v1::SEARCH_RESULT_MATCH);
  ExpectReplays();
}

TEST_F(Recovery, TheEntrySaysWhoOrderedItAndWhatWasLost) {
  BackUp();
  Enroll(vault_.NewPerson());
  Enroll(vault_.NewPerson());
  Lose();
  const v1::RestoreVaultResponse recovered = MustRecover();
  ASSERT_TRUE(vault_.TryStart().ok());
  const v1::Entry entry = vault_.EntryAt(recovered.receipt().log_index());
  const v1::Recover& recover = entry.command().recover();
  EXPECT_EQ(recover.from_size(), recovered.from_size());
  EXPECT_EQ(recover.to_size(), recovered.to_size());
  EXPECT_EQ(recover.lost_templates(), 2u);
  EXPECT_EQ(recover.lost_subjects(), 2u);
  EXPECT_EQ(recover.order().reasons(), "the machine burnt");
  EXPECT_EQ(recover.statement().signed_by_size(), 2);
  EXPECT_EQ(entry.envelopes_size(), 1);
  EXPECT_EQ(entry.decided_at(), recovered.receipt().decided_at().seconds());
}

TEST_F(Recovery, ABackupMadeWhileTheVaultServesHasEverybodyOrReportsThemLost) {
  std::vector<std::pair<Person, v1::EnrollResponse>> people;
  std::atomic<int> enrolled = 0;
  std::atomic<bool> backed_up = false;
  std::thread desk([&] {
    for (int after = 0; after < 5; after += backed_up ? 1 : 0) {
      Person person = vault_.NewPerson();
      v1::EnrollResponse response = Enroll(person);
      people.emplace_back(std::move(person), std::move(response));
      ++enrolled;
    }
  });
  for (int backups = 0; backups < 3;) {
    if (enrolled < 10 * (backups + 1)) continue;
    BackUp(/*keep=*/2);
    ++backups;
  }
  backed_up = true;
  desk.join();
  const auto listed = service::VerifyBackups(Place("backups"), /*gone=*/{});
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->back().id(), 3u);
  EXPECT_FALSE(listed->back().damaged());
  Lose();
  const v1::RestoreVaultResponse recovered = MustRecover();
  const std::set<std::string> lost(recovered.lost_templates().begin(),
                                   recovered.lost_templates().end());
  EXPECT_GT(lost.size(), 0u);
  EXPECT_LT(lost.size(), people.size());
  ASSERT_TRUE(vault_.TryStart().ok());
  for (const auto& [person, response] : people) {
    const auto verified = vault_.Verify(response.subject(), vault_.Face(person, 1));
    EXPECT_EQ(verified.ok(), !lost.contains(response.template_record()));
  }
}

TEST_F(Recovery, NothingOfAKeyIsInABackup) {
  Enroll(vault_.NewPerson());
  BackUp();
  std::vector<std::string> secrets;
  for (const auto& file : fs::directory_iterator(Place("keys"))) {
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    if (file.path().filename() == "checkpoint" || bytes.size() < 32) continue;
    secrets.push_back(bytes.substr(bytes.size() - 32));
  }
  ASSERT_GE(secrets.size(), 3u);
  for (const auto& file : fs::recursive_directory_iterator(Place("backups"))) {
    if (!file.is_regular_file()) continue;
    EXPECT_THAT(file.path().filename().string(), testing::Not(HasSubstr("key")));
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    for (const std::string& secret : secrets) EXPECT_EQ(bytes.find(secret), std::string::npos);
  }
}

TEST_F(Recovery, NeedsTwoOperatorsAndUntilThenNothingStarts) {
  Enroll(vault_.NewPerson());
  BackUp();
  const v1::EnrollResponse late = Enroll(vault_.NewPerson());
  Lose();
  const crypto::SigningKey& first = vault_.KeyOf("operator/one");
  for (const auto& keys : std::vector<std::vector<const crypto::SigningKey*>>{
           {&first}, {&first, &vault_.KeyOf("supervisor/one")}}) {
    const auto refused = Recover(Order(keys));
    EXPECT_TRUE(absl::IsPermissionDenied(refused.status())) << refused.status();
    EXPECT_EQ(service::ReasonOf(refused.status()), "TOO_FEW_SIGNATURES");
    EXPECT_TRUE(service::LogIndexOf(refused.status()).has_value());
    EXPECT_TRUE(IsMarked());
  }
  const auto recovered = Recover(Order());
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_THAT(recovered->lost_templates(), ElementsAre(late.template_record()));
  EXPECT_FALSE(IsMarked());
  ASSERT_TRUE(vault_.TryStart().ok());
  ExpectReplays();
}

TEST_F(Recovery, AnOrderServesOnce) {
  BackUp();
  Enroll(vault_.NewPerson());
  Lose();
  const v1::Envelope order = Order();
  ASSERT_TRUE(Recover(order).ok());
  ASSERT_TRUE(vault_.TryStart().ok());
  vault_.ShutDown();
  fs::remove_all(Place("data"));
  const auto refused = Recover(order);
  EXPECT_EQ(service::ReasonOf(refused.status()), "STATEMENT_REPLAYED") << refused.status();
  EXPECT_TRUE(IsMarked());
}

// Every change of a file may be the last one. What comes next finds no database that is not marked,
// and the next attempt ends where the first would have.
TEST_F(Recovery, IsFinishedAfterACrashAnywhere) {
  const Person withdrawn = vault_.NewPerson();
  const v1::EnrollResponse of_withdrawn = Enroll(withdrawn);
  BackUp();
  Must(vault_.Withdraw(withdrawn), "withdraw");
  vault_.FinishErasures();
  const v1::EnrollResponse late = Enroll(vault_.NewPerson());
  Lose();
  const auto disk = std::make_shared<storage::FaultFileSystem>();
  const v1::Envelope order = Order();
  bool done = false;
  std::uint64_t n = 1;
  uint64_t interrupted_after_the_entry = 0;
  for (; !done; ++n) {
    SCOPED_TRACE(n);
    ASSERT_LT(n, 1000u);
    fs::remove_all(Place("data"));
    disk->FailNth(n, storage::FaultFileSystem::Duration::kFromThenOn);
    done = Recover(order, disk).ok();
    disk->Crash();
    disk->LoseUnsynced([](const auto&, std::uint64_t synced, auto) { return synced; });
    const bool nothing_there = !fs::exists(Place("data")) || fs::is_empty(Place("data"));
    ASSERT_TRUE(done || nothing_there || IsMarked());
    if (done) break;

    const auto restored = service::RecoverDatabase(Places());
    ASSERT_TRUE(restored.ok()) << restored.status();
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    const uint64_t before = opened->ledger->size();
    const auto recovered = Finish(*opened, *restored, order);
    ASSERT_TRUE(recovered.ok()) << recovered.status();
    interrupted_after_the_entry += recovered->receipt().log_index() < before ? 1 : 0;
    EXPECT_THAT(recovered->lost_templates(), ElementsAre(late.template_record()));
    EXPECT_THAT(recovered->lost_subjects(), ElementsAre(late.subject()));
    EXPECT_LT(recovered->from_size(), recovered->to_size());
    EXPECT_EQ(*opened->database->Get(Column::kSealed, TemplateRow(of_withdrawn)), std::nullopt);
    int entries = 0;
    for (uint64_t i = 0; i < opened->ledger->size(); ++i) {
      v1::Entry entry;
      ASSERT_TRUE(entry.ParseFromString(*opened->ledger->Entry(i)));
      entries += entry.command().has_recover() ? 1 : 0;
    }
    EXPECT_EQ(entries, 1);
    EXPECT_FALSE(IsMarked());
  }
  EXPECT_GT(n, 20u);
  EXPECT_GT(interrupted_after_the_entry, 0u);
  EXPECT_TRUE(vault_.TryStart().ok());
  ExpectReplays();
}

// The machine was lost after the puncture and before the withdrawal was published.
TEST_F(Recovery, WhatHasNoKeyAnyMoreIsEndedAlthoughTheLogDoesNotSaySo) {
  const Person withdrawn = vault_.NewPerson();
  const v1::EnrollResponse of_withdrawn = Enroll(withdrawn);
  BackUp();
  fs::copy(Place("log"), Place("log.old"), fs::copy_options::recursive);
  fs::copy(Place("keys/checkpoint"), Place("checkpoint.old"));
  Must(vault_.Withdraw(withdrawn), "withdraw");
  vault_.FinishErasures();
  Lose();
  fs::remove_all(Place("log"));
  fs::rename(Place("log.old"), Place("log"));
  fs::rename(Place("checkpoint.old"), Place("keys/checkpoint"));

  const v1::RestoreVaultResponse recovered = MustRecover();
  EXPECT_THAT(recovered.lost_templates(), ElementsAre(of_withdrawn.template_record()));
  EXPECT_THAT(recovered.lost_subjects(), IsEmpty());
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_EQ(RecordOf(of_withdrawn).state(), v1::TEMPLATE_STATE_ERASED);
  EXPECT_EQ(*vault_.vault().database().Get(Column::kSealed, TemplateRow(of_withdrawn)),
            std::nullopt);
  ExpectReplays();
}

// The row in the backup is sealed under what the rotation destroyed.
TEST_F(Recovery, ATemplateThatWasProtectedAnewAfterTheBackupIsLostButNotItsSubject) {
  const Person person = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Enroll(person);
  BackUp();
  v1::RotationOrder order;
  order.set_purpose(TestWorld::kPurpose);
  order.set_reasons("a copy of the old transform was found");
  order.set_follows("none");
  EXPECT_EQ(Must(vault_.Act("supervisor/one", &v1::SupervisionService::Stub::RotateTransform,
                            &v1::RotateTransformRequest::mutable_order, order),
                 "rotate")
                .renewed(),
            1u);
  Lose();
  const v1::RestoreVaultResponse recovered = MustRecover();
  EXPECT_THAT(recovered.lost_templates(), ElementsAre(enrolled.template_record()));
  EXPECT_THAT(recovered.lost_subjects(), IsEmpty());
  EXPECT_EQ(recovered.removed_rows(), 1u);
  ASSERT_TRUE(vault_.TryStart().ok());
  TestWorld::Terms terms;
  terms.follows = enrolled.template_record();  // which ended without a withdrawal
  Must(vault_.Enroll(person, terms), "enrol again");
  EXPECT_EQ(vault_.Verify(enrolled.subject(), vault_.Face(person, 1))->result(),
            v1::SEARCH_RESULT_MATCH);
  ExpectReplays();
}

TEST_F(Recovery, ASubjectWhoseDetailsAreLostIsStillForgottenAtItsEnd) {
  BackUp();
  const v1::EnrollResponse late = Enroll(vault_.NewPerson());
  Lose();
  MustRecover();
  ASSERT_TRUE(vault_.TryStart().ok());
  vault_.Advance(91 * kDay);
  vault_.Sweep();
  const auto record = policy::Find<v1::SubjectRecord>(vault_.vault().state(),
                                                      policy::key::Subject(IdIn(late.subject())));
  EXPECT_TRUE((*record)->erased());
}

// Nobody had a machine for a month, so nobody knows the time: a recovery waits for no clock.
TEST_F(Recovery, WorksBeforeAnybodyConfirmsTheClock) {
  BackUp();
  const v1::EnrollResponse late = Enroll(vault_.NewPerson());
  Lose();
  vault_.Advance(30 * kDay);
  EXPECT_THAT(MustRecover().lost_templates(), ElementsAre(late.template_record()));
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_FALSE(vault_.Status().clock().trusted());
  ConfirmClock(vault_);
  EXPECT_TRUE(vault_.Status().clock().trusted());
  ExpectReplays();
}

// A subject was forgotten, and the log does not say so.
TEST_F(Recovery, ASubjectWithoutAKeyLosesItsRowsAndIsForgottenAtItsEnd) {
  const Person person = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Enroll(person);
  BackUp();
  const auto record = policy::Find<v1::SubjectRecord>(
      vault_.vault().state(), policy::key::Subject(IdIn(enrolled.subject())));
  const std::vector<uint32_t> slots = {(*record)->slot(), RecordOf(enrolled).slot()};
  Lose();
  ASSERT_TRUE(crypto::Keyring::Open({vault_.config().keys.keyring, vault_.config().keys.root_key})
                  .value()
                  ->Puncture(slots)
                  .ok());
  const v1::Envelope order = Order();
  const auto restored = service::RecoverDatabase(Places());
  ASSERT_TRUE(restored.ok()) << restored.status();
  {
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    for (const uint64_t removed : {2u, 0u}) {  // details, and the way to them; then nothing more
      const auto recovered = Finish(*opened, *restored, order);
      ASSERT_TRUE(recovered.ok()) << recovered.status();
      EXPECT_THAT(recovered->lost_templates(), ElementsAre(enrolled.template_record()));
      EXPECT_THAT(recovered->lost_subjects(), IsEmpty());  // forgotten, not lost
      EXPECT_EQ(recovered->removed_rows(), removed);
      const auto ended =
          policy::Find<v1::TemplateRecord>(service::DatabaseState(*opened->database),
                                           policy::key::Template(IdIn(enrolled.template_record())));
      EXPECT_EQ((*ended)->state(), v1::TEMPLATE_STATE_ERASED);
    }
  }
  ASSERT_TRUE(vault_.TryStart().ok());
  const auto again = vault_.Enroll(person);
  EXPECT_TRUE(again.ok()) << again.status.error_message();
  vault_.Advance(91 * kDay);
  vault_.Sweep();
  const auto after = policy::Find<v1::SubjectRecord>(
      vault_.vault().state(), policy::key::Subject(IdIn(enrolled.subject())));
  EXPECT_TRUE((*after)->erased());
}

// What an authority wrote about a case, as a judge is shown it.
v1::Case Shown(const TestVault& vault, const std::string& name) {
  v1::GetCaseRequest request;
  request.set_name(name);
  return Must(vault.Call("judge/one", &v1::CaseService::Stub::GetCase, request), "get").case_();
}

// Down until the year's words are due to go; then a sweep.
void SleepThroughTheYear(TestVault& vault) {
  SleepFor(vault, 600 * kDay);
  vault.Sweep();
}

// The backup has the words, and the log says that they were forgotten since.
TEST_F(Recovery, ForgetsAgainWhatAnAuthorityWrote) {
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(name), "close");
  BackUp();
  SleepThroughTheYear(vault_);
  ASSERT_TRUE(Shown(vault_, name).details_erased());
  vault_.Checkpoint();
  Lose();
  EXPECT_EQ(MustRecover().removed_rows(), 1u);
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_TRUE(Shown(vault_, name).details_erased());
  ExpectReplays();
}

TEST_F(Recovery, LosesWhatWasWrittenAboutACaseSinceTheBackupButNotTheCase) {
  const std::string kept = Must(vault_.OpenCase(), "open").case_().name();
  BackUp();
  const std::string lost = Must(vault_.OpenCase(), "open").case_().name();
  vault_.Checkpoint();
  Lose();
  MustRecover();
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_EQ(Shown(vault_, kept).details().reference(), "FILE-2026-7");
  EXPECT_FALSE(Shown(vault_, lost).has_details());
  EXPECT_FALSE(Shown(vault_, lost).details_erased());
  Must(vault_.Close(lost), "close");
  Must(vault_.Close(kept), "close");
  SleepThroughTheYear(vault_);
  EXPECT_TRUE(Shown(vault_, lost).details_erased());
  ExpectReplays();
}

// A year was forgotten, and the log does not say so.
TEST_F(Recovery, AYearWithoutAKeyLosesItsRowsAndIsForgottenAtItsEnd) {
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  const std::string open = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(name), "close");
  BackUp();
  vault_.Checkpoint();
  uint32_t slot = 0;
  ASSERT_TRUE(
      vault_.vault()
          .state()
          .ForEach<v1::AuthorityYear>(v1::RecordChange::kAuthorityYear,
                                      [&](const v1::AuthorityYear& year) { slot = year.slot(); })
          .ok());
  Lose();
  ASSERT_TRUE(crypto::Keyring::Open({vault_.config().keys.keyring, vault_.config().keys.root_key})
                  .value()
                  ->Puncture(std::vector<uint32_t>{slot})
                  .ok());
  EXPECT_EQ(MustRecover().removed_rows(), 2u);
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_TRUE(Shown(vault_, name).details_erased());
  EXPECT_EQ(Shown(vault_, open).state(), v1::CASE_STATE_AWAITING_WARRANT);
  const auto refused = Must(vault_.Refuse(open, "less would do"), "refuse");
  EXPECT_EQ(refused.case_().state(), v1::CASE_STATE_REFUSED);
  EXPECT_TRUE(refused.case_().details_erased());
  EXPECT_FALSE(refused.case_().has_refusal()) << "there is no key to keep it under";
  SleepThroughTheYear(vault_);
  EXPECT_TRUE(Shown(vault_, name).details_erased());
  EXPECT_TRUE(Shown(vault_, open).details_erased());
  ExpectReplays();
}

TEST_F(Recovery, TakesTheEmptyDatabaseOfAStartThatFoundNothingForNothing) {
  BackUp();
  Lose();
  EXPECT_FALSE(vault_.TryStart().ok());
  ASSERT_TRUE(fs::exists(Place("data/CURRENT")));
  MustRecover();
  EXPECT_TRUE(vault_.TryStart().ok());
}

using RecoveryRefuses = Recovery;

TEST_F(RecoveryRefuses, ADatabaseThatIsThere) {
  BackUp();
  vault_.ShutDown();
  const auto refused = service::RecoverDatabase(Places());
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("newer than every backup"));
  EXPECT_FALSE(IsMarked());
  EXPECT_TRUE(vault_.TryStart().ok());
}

TEST_F(RecoveryRefuses, ALogOfAnotherKey) {
  BackUp();
  Lose();
  service::RecoveryPlaces places = Places();
  places.log.key = *audit::VerifierKey::Create(TestWorld::kVault, audit::KeyType::kEd25519,
                                               crypto::SigningKey::Generate().public_key());
  const auto refused = service::RecoverDatabase(places);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("not a checkpoint of this log"));
  EXPECT_TRUE(IsMarked());
}

TEST_F(RecoveryRefuses, ALogThatIsShorterThanWhatWasSigned) {
  BackUp();
  Enroll(vault_.NewPerson());
  Lose();
  fs::remove_all(Place("log"));
  EXPECT_TRUE(absl::IsDataLoss(service::RecoverDatabase(Places()).status()));
  EXPECT_TRUE(IsMarked());
}

TEST_F(RecoveryRefuses, ABackupThatIsNotThereAndAnotherThanItBeganWith) {
  service::RecoveryPlaces places = Places();
  BackUp();
  BackUp();
  Lose();
  places.backup = 7;
  EXPECT_THAT(std::string(service::RecoverDatabase(places).status().message()),
              HasSubstr("no number 7"));
  EXPECT_FALSE(fs::exists(Place("data")));
  places.backup = 1;
  ASSERT_TRUE(service::RecoverDatabase(places).ok());
  places.backup = 2;
  EXPECT_THAT(std::string(service::RecoverDatabase(places).status().message()),
              HasSubstr("was begun with backup 1"));
  places.backup = std::nullopt;
  const auto going_on = service::RecoverDatabase(places);
  ASSERT_TRUE(going_on.ok()) << going_on.status();
  EXPECT_EQ(going_on->backup.id, 1u);
}

TEST(RecoveryMark, IsRefusedWhenAnyByteOfItIsAnother) {
  const ScratchDirectory scratch;
  EXPECT_TRUE(service::CheckNotRecovering(scratch.path()).ok());
  EXPECT_TRUE(service::CheckNotRecovering(scratch.path() + "/not-there").ok());
  const service::RecoveryMark mark{{3, 1'800'000'000, 12'345, false}, 17, 29};
  ASSERT_TRUE(service::WriteRecoveryMark(scratch.path(), mark).ok());
  const std::string text = service::TextOf(mark);
  EXPECT_EQ(text, "kluis-recovery\nbackup 3 1800000000 12345\nfrom 17\nto 29\n");
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = '~';
    std::ofstream(scratch.path() + "/RECOVERING", std::ios::trunc) << changed;
    EXPECT_TRUE(absl::IsDataLoss(service::ReadRecoveryMark(scratch.path()).status())) << i;
    EXPECT_FALSE(service::CheckNotRecovering(scratch.path()).ok()) << i;
  }
  std::ofstream(scratch.path() + "/RECOVERING", std::ios::trunc) << text;
  const auto read = service::ReadRecoveryMark(scratch.path());
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->to, 29u);
  EXPECT_EQ((*read)->backup.bytes, 12'345u);
  ASSERT_TRUE(service::RemoveRecoveryMark(scratch.path()).ok());
  EXPECT_TRUE(service::CheckNotRecovering(scratch.path()).ok());
}

}  // namespace
}  // namespace kluis::recovery_test
