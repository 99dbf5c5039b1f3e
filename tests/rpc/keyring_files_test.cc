// SPDX-License-Identifier: Apache-2.0
// What a vault makes of the files of its keyring at a start: whole, lost in one place, older,
// another vault's, damaged; under a passphrase, or under a token.
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/file_system.h"
#include "gtest/gtest.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/soft_token.h"
#include "tests/fakes/test_vault.h"

namespace kluis::keyring_files_test {
namespace {

namespace fs = std::filesystem;

void WritePrivate(const std::string& path, std::string_view text) {
  ASSERT_TRUE(crypto::RealFileSystem()
                  .CreateSynced(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()})
                  .ok());
}

void CopyKeyring(const std::string& from, const std::string& to) {
  for (const auto& file : fs::directory_iterator(to)) {
    const std::string name = file.path().filename();
    if (name.starts_with("keyring") || name == "root.key") fs::remove(file.path());
  }
  for (const auto& file : fs::directory_iterator(from)) {
    const std::string name = file.path().filename();
    if (name.starts_with("keyring") || name == "root.key") fs::copy(file.path(), to);
  }
}

// Puts a copy of the keyring back that was made before `forget`, then the newest.
void ExpectTheCopyBeforeIsRefused(TestVault& vault, const std::function<void()>& forget) {
  vault.ShutDown();
  const std::string keys = vault.directory() + "/keys";
  const std::string before = vault.directory() + "/before";
  const std::string newest = vault.directory() + "/newest";
  fs::create_directory(before);
  fs::create_directory(newest);
  CopyKeyring(keys, before);
  ASSERT_TRUE(vault.TryStart().ok());
  forget();
  vault.ShutDown();
  CopyKeyring(keys, newest);

  CopyKeyring(before, keys);
  const absl::Status refused = vault.TryStart();
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss) << refused;
  EXPECT_NE(refused.message().find("an older copy was put back"), std::string::npos) << refused;
  CopyKeyring(newest, keys);
  EXPECT_TRUE(vault.TryStart().ok());
}

TEST(KeyringFiles, ThatAreOlderThanWhatWasForgottenAreRefusedAsAWhole) {
  TestVault vault;
  const Person leaves = vault.NewPerson();
  Must(vault.Enroll(leaves), "enroll");
  ExpectTheCopyBeforeIsRefused(vault, [&] {
    Must(vault.Withdraw(leaves), "withdraw");
    vault.FinishErasures();
  });
}

// Nothing but the year: its case ended, and the case's slot went, before the copy.
TEST(KeyringFiles, ThatAreOlderThanAYearThatWasForgottenAreRefusedAsAWhole) {
  TestVault vault;
  Must(vault.Close(Must(vault.OpenCase(), "open").case_().name()), "close");
  vault.Advance(366 * kDay);
  vault.Sweep();
  const auto& state = vault.vault().state();
  ASSERT_TRUE(state
                  .ForEach<v1::CaseRecord>(v1::RecordChange::kCase,
                                           [](const auto& kase) { EXPECT_TRUE(kase.erased()); })
                  .ok());
  ExpectTheCopyBeforeIsRefused(vault, [&] {
    vault.Advance(234 * kDay);
    vault.Sweep();
  });
}

TEST(KeyringFiles, OfAnotherVaultAreRefused) {
  TestVault vault;
  TestVault other;
  Must(vault.Enroll(vault.NewPerson()), "enroll");
  vault.ShutDown();
  other.ShutDown();
  CopyKeyring(other.directory() + "/keys", vault.directory() + "/keys");
  const absl::Status refused = vault.TryStart();
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss) << refused;
  EXPECT_NE(refused.message().find("another vault"), std::string::npos) << refused;
}

TEST(KeyringFiles, AreNotTakenForAnotherVaultsWhenPeoplesDetailsAreLost) {
  TestVault vault;
  for (int i = 0; i < 10; ++i) Must(vault.Enroll(vault.NewPerson()), "enroll");
  std::vector<std::string> keys;
  ASSERT_TRUE(vault.vault()
                  .database()
                  .Scan(storage::Column::kDetails, "",
                        [&](std::string_view key, std::string_view) {
                          keys.emplace_back(key);
                          return true;
                        })
                  .ok());
  storage::Batch lost;
  for (const std::string& key : keys) lost.Delete(storage::Column::kDetails, key);
  ASSERT_TRUE(vault.vault().database().Write(std::move(lost)).ok());
  vault.ShutDown();
  EXPECT_TRUE(vault.TryStart().ok());
}

TEST(KeyringFiles, ThatAreCutOffOrAlteredAreNamed) {
  TestVault vault([](service::Config& config) {
    const std::string keys = fs::path(config.keys.keyring).parent_path();
    config.keys.unseal = "passphrase";
    config.keys.passphrase_file = keys + "/passphrase";
    WritePrivate(config.keys.passphrase_file, "correct horse battery staple\n");
  });
  vault.ShutDown();
  fs::resize_file(vault.config().keys.root_key, 20);
  const absl::Status cut_off = vault.TryStart();
  EXPECT_EQ(cut_off.code(), absl::StatusCode::kDataLoss) << cut_off;
  EXPECT_NE(cut_off.message().find("root.key is damaged"), std::string::npos) << cut_off;
}

TEST(Replicas, LossOfOneIsRepairedFromTheOther) {
  TestVault vault([](service::Config& config) {
    const std::string keys = fs::path(config.keys.keyring).parent_path();
    config.keys.replicas = {{keys + "/second", keys + "/second.key"}};
  });
  const Person gone = vault.NewPerson();
  const Person stays = vault.NewPerson();
  Must(vault.Enroll(gone), "enroll");
  const auto enrolled = Must(vault.Enroll(stays), "enroll");
  Must(vault.Withdraw(gone), "withdraw");
  vault.ShutDown();
  for (const auto& file : fs::directory_iterator(vault.directory() + "/keys")) {
    const std::string name = file.path().filename();
    if (name.starts_with("keyring") || name.starts_with("root.key")) fs::remove(file.path());
  }
  ASSERT_TRUE(vault.TryStart().ok());
  ASSERT_EQ(vault.Status().keyring_repairs_size(), 1);
  EXPECT_NE(vault.Status().keyring_repairs(0).find("was missing"), std::string::npos);
  EXPECT_EQ(Must(vault.Verify(enrolled.subject(), vault.Face(stays, 1)), "verify").result(),
            v1::SEARCH_RESULT_MATCH);
}

TEST(Passphrase, OpensAtTheStartAndAWrongOneStopsIt) {
  TestVault vault([](service::Config& config) {
    const std::string keys = fs::path(config.keys.keyring).parent_path();
    config.keys.unseal = "passphrase";
    config.keys.passphrase_file = keys + "/passphrase";
    WritePrivate(config.keys.passphrase_file, "correct horse battery staple\n");
  });
  EXPECT_EQ(vault.Status().seal().unsealed_by(), v1::UNSEAL_KIND_PASSPHRASE);
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  vault.Restart();
  Must(vault.Withdraw(person), "withdraw");
  vault.ShutDown();
  fs::remove(vault.config().keys.passphrase_file);
  WritePrivate(vault.config().keys.passphrase_file, "correct horse battery stable\n");
  EXPECT_EQ(vault.TryStart().code(), absl::StatusCode::kPermissionDenied);
  vault.config().keys.unseal = "none";
  vault.config().keys.passphrase_file.clear();
  const absl::Status other_kind = vault.TryStart();
  EXPECT_EQ(other_kind.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(other_kind.message().find("is of \"passphrase\""), std::string::npos) << other_kind;
}

TEST(Token, OpensAtTheStartAndATokenThatIsNotThereIsWaitedFor) {
  if (crypto::SoftToken::ModulePath().empty()) GTEST_SKIP() << "SoftHSM is not installed";
  crypto::SoftToken token;
  ASSERT_TRUE(token.Make("kluis"));
  TestVault vault([](service::Config& config) {
    const std::string keys = fs::path(config.keys.keyring).parent_path();
    config.keys.unseal = "token";
    config.keys.token_module = crypto::SoftToken::ModulePath();
    config.keys.token_label = "kluis";
    config.keys.token_pin_file = keys + "/pin";
    WritePrivate(config.keys.token_pin_file, crypto::SoftToken::kPin);
    config.keys.replicas = {{keys + "/second", keys + "/second.key"}};
  });
  EXPECT_EQ(vault.Status().seal().unsealed_by(), v1::UNSEAL_KIND_TOKEN);
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string older = FileBytes(vault.config().keys.root_key);
  Must(vault.Withdraw(person), "withdraw");
  vault.Restart();
  EXPECT_FALSE(vault.Status().seal().sealed());
  EXPECT_NE(FileBytes(vault.config().keys.root_key), older);

  vault.ShutDown();
  vault.config().keys.token_label = "pulled-out";
  ASSERT_TRUE(vault.TryStart().ok());
  EXPECT_TRUE(vault.Status().seal().sealed());
  EXPECT_FALSE(vault.Status().seal().why().empty());
  EXPECT_EQ(vault.Holdings(person).reason, "VAULT_SEALED");
}

}  // namespace
}  // namespace kluis::keyring_files_test
