// SPDX-License-Identifier: Apache-2.0
// A backup is restored under a vault whose log went on. What was withdrawn since stays withdrawn,
// what was enrolled since is reported, and nothing that was not signed gets in.
#include "service/recovery/roll_forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/tiles.h"
#include "base/codec.h"
#include "base/id.h"
#include "policy/record_key.h"
#include "service/ledger/database_state.h"
#include "service/publish/publisher.h"
#include "service/recovery/restored_rows.h"
#include "storage/backup.h"
#include "storage/layout.h"
#include "tests/fakes/fault_file_system.h"
#include "tests/fakes/raw_database.h"
#include "tests/fakes/test_vault.h"

namespace kluis::roll_forward_test {
namespace {

namespace fs = std::filesystem;
using storage::Column;
using storage::Database;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Rows = std::map<std::string, std::string>;

// "subjects/<id>" or "subjects/<id>/templates/<id>": the last id, as bytes.
std::string IdIn(const std::string& name) {
  return *base::FromHex(name.substr(name.rfind('/') + 1));
}

Rows RowsOf(const Database& database, Column column, std::string_view prefix = "") {
  Rows rows;
  EXPECT_TRUE(database
                  .Scan(column, prefix,
                        [&](std::string_view key, std::string_view value) {
                          rows.emplace(key, value);
                          return true;
                        })
                  .ok());
  return rows;
}

class RollForward : public testing::Test {
 protected:
  std::string Place(const std::string& name) const { return vault_.directory() + "/" + name; }

  // Of what is there now. The vault comes back.
  void BackUp() {
    vault_.ShutDown();
    {
      storage::RawDatabase database(Place("data"));
      const auto made = storage::Backup::Create(database.db(), {Place("backups")});
      ASSERT_TRUE(made.ok()) << made.status();
    }
    ASSERT_TRUE(vault_.TryStart().ok());
    verifier_key_ = vault_.vault().publisher().verifier_key();
  }

  // The end of the machine: what it had lies in data.lost.
  void Restore() {
    vault_.ShutDown();
    fs::rename(Place("data"), Place("data.lost"));
    const auto restored = storage::Backup::Restore({Place("backups")}, std::nullopt, Place("data"));
    ASSERT_TRUE(restored.ok()) << restored.status();
  }

  std::unique_ptr<Database> Open(const std::string& name,
                                 std::shared_ptr<rocksdb::FileSystem> disk = nullptr,
                                 bool create = false) const {
    auto opened = Database::Open({Place(name), create, std::move(disk)});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  absl::StatusOr<service::RolledForward> RollOver(Database& database) const {
    const auto key = audit::VerifierKey::Parse(verifier_key_);
    EXPECT_TRUE(key.ok());
    return service::RollForward(database, {Place("log"), Place("keys/checkpoint"), *key});
  }
  absl::StatusOr<service::RolledForward> Roll() const { return RollOver(*Open("data")); }

  // That `database` has the log and the state of the one that was lost, byte by byte.
  void ExpectAsLost(const Database& database) {
    const std::vector<Column> columns = {Column::kLog, Column::kState};
    if (lost_.empty()) {
      const auto lost = Open("data.lost");
      for (const Column column : columns) lost_.push_back(RowsOf(*lost, column));
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      EXPECT_TRUE(RowsOf(database, columns[i]) == lost_[i]) << ColumnName(columns[i]);
    }
  }

  std::unique_ptr<crypto::Keyring> OpenKeyring() {
    auto keyring =
        crypto::Keyring::Open({vault_.config().keys.keyring, vault_.config().keys.root_key});
    EXPECT_TRUE(keyring.ok()) << keyring.status();
    return *std::move(keyring);
  }

  void CopyAway(const std::string& name) {
    fs::copy(Place(name), Place(name + ".old"), fs::copy_options::recursive);
  }
  void PutBack(const std::string& name) {
    fs::remove_all(Place(name));
    fs::rename(Place(name + ".old"), Place(name));
  }

  v1::EnrollResponse Enroll(const Person& person) { return Must(vault_.Enroll(person), "enrol"); }

  TestVault vault_;
  std::string verifier_key_;
  std::vector<Rows> lost_;  // of data.lost
};

TEST_F(RollForward, WithdrawsAgainWhatWasWithdrawnAndReportsWhatWasEnrolledSince) {
  const Person withdrawn = vault_.NewPerson();
  const Person kept = vault_.NewPerson();
  const v1::EnrollResponse of_withdrawn = Enroll(withdrawn);
  const v1::EnrollResponse of_kept = Enroll(kept);
  Enroll(vault_.NewPerson());
  BackUp();
  Must(vault_.Withdraw(withdrawn), "withdraw");
  vault_.FinishErasures();
  const v1::EnrollResponse late = Enroll(vault_.NewPerson());
  Restore();
  const std::string row =
      storage::TemplateKey(*base::IdFromBytes(IdIn(of_withdrawn.template_record())));
  {
    const auto database = Open("data");
    ASSERT_TRUE(database->Get(Column::kSealed, row)->has_value());
    const auto rolled = RollOver(*database);
    ASSERT_TRUE(rolled.ok()) << rolled.status();
    EXPECT_LT(rolled->from_size, rolled->to_size);
    EXPECT_THAT(rolled->lost_templates, ElementsAre(IdIn(late.template_record())));
    EXPECT_THAT(rolled->lost_subjects, ElementsAre(IdIn(late.subject())));
    EXPECT_EQ(rolled->removed_rows, 1u);
    EXPECT_FALSE(database->Get(Column::kSealed, row)->has_value());
    const auto record = policy::Find<v1::TemplateRecord>(
        service::DatabaseState(*database),
        policy::key::Template(IdIn(of_withdrawn.template_record())));
    EXPECT_EQ((*record)->state(), v1::TEMPLATE_STATE_ERASED);
    ExpectAsLost(*database);
    EXPECT_EQ(storage::EncodeU64(rolled->to_size),
              **database->Get(Column::kLog, storage::LogSizeKey()));
  }
  ASSERT_TRUE(vault_.TryStart().ok());
  vault_.ExpectLogVerifies();
  EXPECT_TRUE(vault_.CheckVault().consistent());
  EXPECT_EQ(vault_.Verify(of_kept.subject(), vault_.Face(kept, 1))->result(),
            v1::SEARCH_RESULT_MATCH);
  EXPECT_FALSE(vault_.Verify(of_withdrawn.subject(), vault_.Face(withdrawn, 1)).ok());
}

TEST_F(RollForward, ASecondTimeChangesNothingAndReportsTheSame) {
  Enroll(vault_.NewPerson());
  BackUp();
  const v1::EnrollResponse late = Enroll(vault_.NewPerson());
  Restore();
  const auto first = Roll();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Roll();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->from_size, first->to_size);
  EXPECT_EQ(second->to_size, first->to_size);
  EXPECT_EQ(second->lost_templates, first->lost_templates);
  EXPECT_EQ(second->lost_subjects, first->lost_subjects);
}

TEST_F(RollForward, CrossesTheEdgesOfBundlesAndIsOnDisk) {
  BackUp();
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(vault_.vault().ledger().Close().ok());
  Restore();
  const auto disk = std::make_shared<storage::FaultFileSystem>();
  {
    const auto database = Open("data", disk);
    const auto rolled = RollOver(*database);
    ASSERT_TRUE(rolled.ok()) << rolled.status();
    EXPECT_GT(rolled->to_size, rolled->from_size + 600);
    disk->Crash();
  }
  disk->LoseUnsynced([](const auto&, std::uint64_t synced, auto) { return synced; });
  ExpectAsLost(*Open("data"));
  EXPECT_TRUE(vault_.TryStart().ok());
}

TEST_F(RollForward, MakesTheWholeStateOfTheLogAloneWhenThereIsNoBackup) {
  BackUp();
  const v1::EnrollResponse one = Enroll(vault_.NewPerson());
  const v1::EnrollResponse two = Enroll(vault_.NewPerson());
  vault_.ShutDown();
  fs::rename(Place("data"), Place("data.lost"));
  const auto database = Open("data", nullptr, /*create=*/true);
  const auto rolled = RollOver(*database);
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->from_size, 0u);
  EXPECT_THAT(rolled->lost_templates, testing::UnorderedElementsAre(IdIn(one.template_record()),
                                                                    IdIn(two.template_record())));
  ExpectAsLost(*database);
}

// A crash after the anchor was replaced and before the checkpoint was published.
TEST_F(RollForward, GoesAsFarAsTheAnchorWhenThePublishedCheckpointIsOlder) {
  BackUp();
  const std::string published = vault_.vault().publisher().Last().note;
  Enroll(vault_.NewPerson());
  Restore();
  std::ofstream(Place("log/checkpoint"), std::ios::trunc) << published;
  const auto rolled = Roll();
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  ExpectAsLost(*Open("data"));
}

TEST_F(RollForward, KeepsTheEntriesOfADatabaseThatIsAhead) {
  BackUp();
  ASSERT_TRUE(vault_.vault().publisher().Sign().ok());
  CopyAway("log");
  CopyAway("keys/checkpoint");
  Enroll(vault_.NewPerson());
  vault_.ShutDown();
  PutBack("log");
  PutBack("keys/checkpoint");
  const Rows before = RowsOf(*Open("data"), Column::kLog);
  const auto rolled = Roll();
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->from_size, rolled->to_size);
  EXPECT_EQ(RowsOf(*Open("data"), Column::kLog), before);
  EXPECT_TRUE(vault_.TryStart().ok());
}

// The log ends between the withdrawal's entry and the entry that says it is done.
TEST_F(RollForward, LeavesAnErasureThatHadOnlyBegunToTheStart) {
  const v1::EnrollResponse person = Enroll(vault_.NewPerson());
  const std::string id = IdIn(person.template_record());
  BackUp();
  vault_.Advance(101 * kDay);
  service::Act act;
  act.kind = v1::LOG_KIND_ERASURE;
  act.command.set_method("Sweep");
  act.command.mutable_expire_template()->set_template_id(id);
  ASSERT_TRUE(vault_.vault().ledger().Commit(std::move(act)).ok());
  Restore();
  const auto rolled = Roll();
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_THAT(rolled->lost_templates, IsEmpty());
  ASSERT_TRUE(vault_.TryStart().ok());
  const auto record =
      policy::Find<v1::TemplateRecord>(vault_.vault().state(), policy::key::Template(id));
  EXPECT_EQ((*record)->state(), v1::TEMPLATE_STATE_ERASED);
  EXPECT_TRUE(vault_.vault().keyring().IsPunctured((*record)->slot()));
}

// Every change of a file may be the last one. The next attempt ends where the first would have.
TEST_F(RollForward, IsCompletedAfterACrashAnywhere) {
  const Person withdrawn = vault_.NewPerson();
  Enroll(withdrawn);
  BackUp();
  Must(vault_.Withdraw(withdrawn), "withdraw");
  vault_.FinishErasures();
  const v1::EnrollResponse late = Enroll(vault_.NewPerson());
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(vault_.vault().ledger().Close().ok());
  Restore();
  const auto disk = std::make_shared<storage::FaultFileSystem>();
  bool done = false;
  std::uint64_t n = 1;
  for (; !done; ++n) {
    ASSERT_LT(n, 500u);
    fs::remove_all(Place("data"));
    ASSERT_TRUE(storage::Backup::Restore({Place("backups")}, std::nullopt, Place("data")).ok());
    {
      const auto database = Open("data", disk);
      disk->FailNth(n, storage::FaultFileSystem::Duration::kFromThenOn);
      done = RollOver(*database).ok();
      disk->Crash();
    }
    disk->LoseUnsynced([](const auto&, std::uint64_t synced, auto) { return synced; });
    const auto database = Open("data");
    const auto rolled = RollOver(*database);
    ASSERT_TRUE(rolled.ok()) << n << rolled.status();
    EXPECT_THAT(rolled->lost_templates, ElementsAre(IdIn(late.template_record()))) << n;
    EXPECT_EQ(RowsOf(*database, Column::kSealed, storage::TemplatePrefix()).size(), 0u) << n;
    EXPECT_TRUE(!done || rolled->from_size == rolled->to_size) << "it was not on disk";
    ExpectAsLost(*database);
  }
  EXPECT_GT(n, 10u);
}

class RollForwardRefuses : public RollForward {
 protected:
  void SetUp() override {
    Enroll(vault_.NewPerson());
    BackUp();
    Enroll(vault_.NewPerson());
    Restore();
    for (const Column column : storage::kColumns) {
      before_.push_back(RowsOf(*Open("data"), column));
    }
  }

  void ExpectRefused(absl::StatusCode code, const std::string& text) const {
    const auto rolled = Roll();
    EXPECT_EQ(rolled.status().code(), code) << rolled.status();
    EXPECT_THAT(std::string(rolled.status().message()), HasSubstr(text));
    const auto database = Open("data");
    for (size_t i = 0; i < before_.size(); ++i) {
      EXPECT_EQ(RowsOf(*database, storage::kColumns[i]), before_[i]) << "something was written";
    }
  }

  // As if the database were another vault's: only the nodes tell.
  void ChangeHistory() {
    const auto database = Open("data");
    const auto size = storage::DecodeU64(**database->Get(Column::kLog, storage::LogSizeKey()));
    storage::Batch batch;
    for (uint8_t level = 0; *size >> level != 0; ++level) {
      batch.Put(Column::kLog, storage::NodeKey(level, (*size >> level) - 1), std::string(32, 'x'));
    }
    ASSERT_TRUE(database->WriteSynced(std::move(batch)).ok());
    before_.clear();
    for (const Column column : storage::kColumns) before_.push_back(RowsOf(*database, column));
  }

  // The only entry bundle, and the leaf hashes below it.
  std::string FileIn(const std::string& directory) const {
    std::string newest;
    uint64_t width = 0;
    for (const auto& file : fs::directory_iterator(Place("log/tile/" + directory + "/000.p"))) {
      const uint64_t found = std::stoull(file.path().filename().string());
      if (found > width) newest = file.path();
      width = std::max(width, found);
    }
    return newest;
  }

  static void Flip(const std::string& path, std::uint64_t from_end) {
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(fs::file_size(path) - from_end);
    file.seekg(at);
    const char before = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(before ^ 1));
  }

  std::vector<Rows> before_;
};

TEST_F(RollForwardRefuses, APublishedEntryThatWasEdited) {
  Flip(FileIn("entries"), 40);
  ExpectRefused(absl::StatusCode::kDataLoss, "differs from its leaf hash");
}

TEST_F(RollForwardRefuses, APublishedEntryThatWasEditedWithItsLeafHash) {
  Flip(FileIn("entries"), 40);
  const std::string bytes = [&] {
    std::ifstream file(FileIn("entries"), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  const auto width =
      static_cast<uint32_t>(std::stoul(fs::path(FileIn("entries")).filename().string()));
  std::vector<crypto::Hash> leaves;
  const auto entries = audit::DecodeEntryBundle(bytes, width);
  ASSERT_TRUE(entries.ok());
  for (const std::string& entry : *entries) {
    leaves.push_back(audit::LeafHash(entry));
  }
  const std::string tile = FileIn("0");
  fs::permissions(tile, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(tile, std::ios::binary | std::ios::trunc) << *audit::EncodeTile(leaves);
  ExpectRefused(absl::StatusCode::kDataLoss, "");
}

TEST_F(RollForwardRefuses, ALogWithoutTheEntriesThatWereSigned) {
  fs::remove(FileIn("entries"));
  ExpectRefused(absl::StatusCode::kDataLoss, "missing");
}

TEST_F(RollForwardRefuses, AMissingAnchor) {
  fs::remove(Place("keys/checkpoint"));
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "put it back");
}

TEST_F(RollForwardRefuses, ACheckpointThatIsNotSignedByTheLog) {
  Flip(Place("log/checkpoint"), 5);
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "log/checkpoint is not a checkpoint");
}

TEST_F(RollForwardRefuses, ADatabaseOfAnotherHistory) {
  ChangeHistory();
  ExpectRefused(absl::StatusCode::kDataLoss, "do not lead to the root");
}

TEST_F(RollForwardRefuses, ADatabaseOfAnotherHistoryThatIsAsLong) {
  ASSERT_TRUE(Roll().ok());
  ChangeHistory();
  ExpectRefused(absl::StatusCode::kDataLoss, "do not lead to the root");
}

TEST_F(RollForwardRefuses, AStateThatWasEditedInTheBackup) {
  {
    const auto database = Open("data");
    storage::Batch batch;
    batch.Put(Column::kState, policy::key::PurposeStop("nothing"), "");
    ASSERT_TRUE(database->WriteSynced(std::move(batch)).ok());
  }
  for (int i = 0; i < 2; ++i) {  // also when the entries are there already
    const auto rolled = Roll();
    EXPECT_TRUE(absl::IsDataLoss(rolled.status())) << rolled.status();
    EXPECT_THAT(std::string(rolled.status().message()), HasSubstr("state: is not the one"));
  }
}

using MatchKeyring = RollForward;

// The machine was lost after the puncture and before the withdrawal was published.
TEST_F(MatchKeyring, FindsATemplateWhoseKeyIsDestroyedAlthoughTheLogDoesNotSaySo) {
  const Person withdrawn = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Enroll(withdrawn);
  Enroll(vault_.NewPerson());
  BackUp();
  CopyAway("log");
  CopyAway("keys/checkpoint");
  Must(vault_.Withdraw(withdrawn), "withdraw");
  vault_.FinishErasures();
  Restore();
  PutBack("log");
  PutBack("keys/checkpoint");
  const auto database = Open("data");
  const auto rolled = RollOver(*database);
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_THAT(rolled->lost_templates, IsEmpty());
  const auto matched = service::MatchKeyring(*database, *OpenKeyring());
  ASSERT_TRUE(matched.ok()) << matched.status();
  ASSERT_EQ(matched->keyless.size(), 1u);
  EXPECT_EQ(matched->keyless[0].target(), v1::ERASURE_TARGET_TEMPLATE);
  EXPECT_EQ(matched->keyless[0].id(), IdIn(enrolled.template_record()));
  EXPECT_EQ(matched->keyless[0].subject_id(), IdIn(enrolled.subject()));
  EXPECT_EQ(matched->removed_rows, 0u);
}

TEST_F(MatchKeyring, RemovesTheWayToASubjectWhoWasForgottenAndMayEnrolAgain) {
  const Person forgotten = vault_.NewPerson();
  Enroll(forgotten);
  Enroll(vault_.NewPerson());
  BackUp();
  Must(vault_.Withdraw(forgotten), "withdraw");
  vault_.Advance(91 * kDay);
  vault_.Sweep();
  Restore();
  {
    const auto database = Open("data");
    const auto rolled = RollOver(*database);
    ASSERT_TRUE(rolled.ok()) << rolled.status();
    EXPECT_EQ(rolled->removed_rows, 2u);  // the template and the details
    EXPECT_EQ(RowsOf(*database, Column::kDetails, "k").size(), 2u);
    const auto matched = service::MatchKeyring(*database, *OpenKeyring());
    ASSERT_TRUE(matched.ok()) << matched.status();
    EXPECT_THAT(matched->keyless, IsEmpty());
    EXPECT_EQ(matched->removed_rows, 1u);
    EXPECT_EQ(RowsOf(*database, Column::kDetails, "k").size(), 1u);
  }
  ASSERT_TRUE(vault_.TryStart().ok());
  const auto again = vault_.Enroll(forgotten);
  EXPECT_TRUE(again.ok()) << again.status.error_message();
}

}  // namespace
}  // namespace kluis::roll_forward_test
