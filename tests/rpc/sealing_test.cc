// SPDX-License-Identifier: Apache-2.0
// A vault that waits for its shares: what it answers meanwhile, who may bring them, and that new
// ones end the old ones.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/share_holders.h"

namespace kluis::sealing_test {
namespace {

namespace fs = std::filesystem;
using Stub = v1::VaultService::Stub;

// What load balancers and the machine's supervisor ask.
bool IsServing(const TestVault& vault) {
  grpc::GenericStub stub(vault.ChannelOf(kOperator));
  grpc::ClientContext context;
  const grpc::Slice empty;
  const grpc::ByteBuffer nothing(&empty, 1);
  grpc::ByteBuffer received;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &nothing, &received,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  EXPECT_TRUE(done.get_future().get().ok());
  grpc::Slice whole;
  EXPECT_TRUE(received.DumpToSingleSlice(&whole).ok());
  const std::string reply(reinterpret_cast<const char*>(whole.begin()), whole.size());
  return reply == "\x08\x01";  // HealthCheckResponse{status: SERVING}
}

// Two of three shares, made at the first start.
class SharesTest : public testing::Test {
 protected:
  SharesTest()
      : vault_([](service::Config& config) { config.keys.unseal = "shares"; },
               [this](TestVault& sealed) {
                 EXPECT_TRUE(sealed.Status().seal().sealed());
                 EXPECT_FALSE(sealed.Status().seal().initialized());
                 shares_ = Init(sealed, 2, 3);
                 for (const std::string& share : shares_) Must(Prove(sealed, share), "prove");
               }) {}

  Shares shares_;
  TestVault vault_;
};

TEST_F(SharesTest, UnsealWhenEnoughAreGivenAndTheLogSaysWhich) {
  EXPECT_FALSE(vault_.Status().seal().sealed());
  const Person person = vault_.NewPerson();
  const auto enrolled = Must(vault_.Enroll(person), "enroll");
  vault_.Restart();

  const auto sealed = vault_.Enroll(vault_.NewPerson());
  EXPECT_EQ(sealed.reason, "VAULT_SEALED");
  EXPECT_EQ(sealed.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(vault_.Holdings(person).reason, "VAULT_SEALED");
  EXPECT_EQ(vault_.Stop().reason, "VAULT_SEALED");
  EXPECT_FALSE(IsServing(vault_));

  const auto first = Must(Give(vault_, shares_[2]), "first share");
  EXPECT_TRUE(first.seal().sealed());
  EXPECT_EQ(first.seal().have(), 1U);
  EXPECT_EQ(first.seal().need(), 2U);
  const auto second = Must(Give(vault_, shares_[0]), "second share");
  EXPECT_FALSE(second.seal().sealed());
  EXPECT_TRUE(IsServing(vault_));
  const v1::Entry start = vault_.EntryAt(second.receipt().log_index());
  EXPECT_EQ(start.command().start_service().unsealed_by(), v1::UNSEAL_KIND_SHARES);
  EXPECT_EQ(std::set<uint32_t>(start.command().start_service().shares().begin(),
                               start.command().start_service().shares().end()),
            (std::set<uint32_t>{1, 3}));
  EXPECT_EQ(Must(vault_.Verify(enrolled.subject(), vault_.Face(person, 1)), "verify").result(),
            v1::SEARCH_RESULT_MATCH);
}

TEST_F(SharesTest, RefuseAWrongOneAtOnceByNameAndLoseNothing) {
  vault_.Restart();
  std::string wrong = shares_[1];
  wrong.back() = wrong.back() == 'q' ? 'p' : 'q';
  EXPECT_EQ(Give(vault_, wrong).reason, "SHARE_MALFORMED");
  EXPECT_EQ(Give(vault_, "open sesame").reason, "SHARE_MALFORMED");

  TestVault other([](service::Config& config) { config.keys.unseal = "shares"; },
                  [](TestVault& sealed) {
                    for (const std::string& share : Init(sealed, 2, 2)) {
                      Must(Prove(sealed, share), "prove");
                    }
                  });
  Shares foreign = Rekey(other, 2, 2);
  const auto refused = Give(vault_, foreign[0]);
  EXPECT_EQ(refused.reason, "SHARE_REFUSED");
  EXPECT_NE(refused.status.error_message().find("share 1"), std::string::npos)
      << refused.status.error_message();
  EXPECT_EQ(vault_.Status().seal().have(), 0U);

  Must(Give(vault_, shares_[0]), "first share");
  EXPECT_EQ(Give(vault_, shares_[0]).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(vault_.Status().seal().have(), 1U);
  v1::UnsealVaultRequest forget;
  forget.set_forget(true);
  Must(vault_.Call(kOperator, &Stub::UnsealVault, forget), "forget");
  EXPECT_EQ(vault_.Status().seal().have(), 0U);
  Must(Give(vault_, shares_[1]), "first share");
  EXPECT_FALSE(Must(Give(vault_, shares_[2]), "second share").seal().sealed());
}

TEST_F(SharesTest, OldOnesOpenUntilAllNewOnesAreProvenAndNotAfter) {
  const Person person = vault_.NewPerson();
  Must(vault_.Enroll(person), "enroll");
  const Shares renewed = Rekey(vault_, 3, 3);
  EXPECT_EQ(vault_.Status().seal().unproven_size(), 3);
  Must(Prove(vault_, renewed[0]), "prove");
  Must(Prove(vault_, renewed[1]), "prove");
  EXPECT_EQ(vault_.Status().seal().unproven_size(), 1);
  std::string wrong = shares_[2];
  wrong[wrong.size() / 2] = wrong[wrong.size() / 2] == 'q' ? 'p' : 'q';
  EXPECT_EQ(Prove(vault_, wrong).reason, "SHARE_MALFORMED");

  vault_.Restart();  // the rekey was not complete: nothing has changed
  Must(Give(vault_, shares_[0]), "first old share");
  EXPECT_FALSE(Must(Give(vault_, shares_[1]), "second old share").seal().sealed());

  const Shares newest = Rekey(vault_, 3, 4);
  Must(Prove(vault_, shares_[0]), "an old holder agrees");
  Must(Prove(vault_, shares_[2]), "another one");
  for (const std::string& share : newest) {
    const auto proven = Must(Prove(vault_, share), "prove");
    if (&share != &newest.back()) {
      EXPECT_FALSE(proven.has_receipt());
      continue;
    }
    const v1::Rekey rekey = vault_.EntryAt(proven.receipt().log_index()).command().rekey();
    EXPECT_EQ(rekey.generation(), 2U);
    EXPECT_EQ(rekey.needed(), 3U);
    EXPECT_EQ(rekey.holders(), 4U);
  }
  Must(vault_.Withdraw(person), "withdraw");  // punctures under the new shares

  vault_.Restart();
  EXPECT_EQ(Give(vault_, shares_[0]).reason, "SHARE_REFUSED");
  EXPECT_EQ(Give(vault_, renewed[0]).reason, "SHARE_REFUSED");
  for (const size_t i : {3U, 1U, 0U}) Must(Give(vault_, newest[i]), "new share");
  EXPECT_FALSE(vault_.Status().seal().sealed());
}

TEST_F(SharesTest, SealWipesAndUnsealGoesOn) {
  const Person person = vault_.NewPerson();
  Must(vault_.Enroll(person), "enroll");
  const std::string name = vault_.ActiveCase();
  Must(vault_.Identify(name, vault_.Face(person, 1)), "identify");
  const auto sealed =
      Must(vault_.Call(kOperator, &Stub::SealVault, v1::SealVaultRequest()), "seal");
  EXPECT_TRUE(vault_.Status().seal().sealed());
  EXPECT_FALSE(IsServing(vault_));
  EXPECT_EQ(vault_.Identify(name, vault_.Face(person, 1)).reason, "VAULT_SEALED");
  EXPECT_EQ(vault_.Call(kOperator, &Stub::SealVault, v1::SealVaultRequest()).reason,
            "VAULT_SEALED");
  EXPECT_EQ(vault_.Status().galleries_size(), 0);
  EXPECT_EQ(vault_.Status().keyring_generation(), 0U);

  Must(Give(vault_, shares_[0]), "share");
  Must(Give(vault_, shares_[1]), "share");
  EXPECT_TRUE(vault_.EntryAt(sealed.receipt().log_index()).command().has_seal_service());
  EXPECT_EQ(Must(vault_.Identify(name, vault_.Face(person, 1)), "identify").result(),
            v1::SEARCH_RESULT_MATCH);
  vault_.ExpectLogVerifies();
}

TEST_F(SharesTest, AreAwaitedInSilenceSoThatTheLogReplays) {
  vault_.ShutDown();
  vault_.config().audit.checkpoint_seconds = 1;
  vault_.Advance(kDay);
  ASSERT_TRUE(vault_.TryStart().ok());
  const uint64_t size = vault_.vault().ledger().size();
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  EXPECT_EQ(vault_.vault().ledger().size(), size);
  Must(Give(vault_, shares_[0]), "first share");
  const auto opened = Must(Give(vault_, shares_[1]), "second share");
  EXPECT_EQ(opened.receipt().log_index(), size);
  const audit::ReplayReport report = Replayed(vault_);
  EXPECT_TRUE(report.clean()) << audit::ReplayText(report, 20);
}

// An operator is who supervisors registered, not whoever has a certificate of that role.
TEST_F(SharesTest, AreForOperatorsOnly) {
  v1::RekeyVaultRequest rekey;
  rekey.set_needed(2);
  rekey.set_holders(2);
  const auto refused = [&](const std::string& who, const std::string& reason) {
    EXPECT_EQ(Give(vault_, shares_[0], who).reason, reason) << who;
    EXPECT_EQ(vault_.Call(who, &Stub::RekeyVault, rekey).reason, reason) << who;
    EXPECT_EQ(vault_.Call(who, &Stub::SealVault, v1::SealVaultRequest()).reason, reason) << who;
  };
  refused("officer/one", "ROLE_NOT_ALLOWED");
  refused("supervisor/one", "ROLE_NOT_ALLOWED");
  refused("operator/stranger", "MEMBER_NOT_REGISTERED");
  EXPECT_EQ(vault_.Status().seal().unproven_size(), 0);
  EXPECT_FALSE(vault_.Status().seal().sealed());
  vault_.Restart();
  refused("officer/one", "ROLE_NOT_ALLOWED");
  refused("operator/stranger", "MEMBER_NOT_REGISTERED");
  EXPECT_EQ(vault_.Status().seal().have(), 0U);
}

TEST_F(SharesTest, AreInNoFile) {
  Must(vault_.Enroll(vault_.NewPerson()), "enroll");
  vault_.ShutDown();
  size_t files = 0;
  for (const auto& file : fs::recursive_directory_iterator(vault_.directory())) {
    if (!file.is_regular_file()) continue;
    ++files;
    const std::string bytes = FileBytes(file.path());
    for (const std::string& share : shares_) {
      EXPECT_EQ(bytes.find(share.substr(share.size() - 40)), std::string::npos) << file.path();
    }
  }
  EXPECT_GT(files, 10U);
}

// One place was rekeyed and the machine stopped before the other.
TEST(Rekeying, CutOffBetweenTwoPlacesIsFinishedByTheNewShares) {
  Shares shares;
  TestVault vault(
      [](service::Config& config) {
        config.keys.unseal = "shares";
        const std::string keys = fs::path(config.keys.keyring).parent_path();
        config.keys.replicas = {{keys + "/second", keys + "/second.key"}};
      },
      [&](TestVault& sealed) {
        shares = Init(sealed, 2, 2);
        for (const std::string& share : shares) Must(Prove(sealed, share), "prove");
      });
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string keys = vault.directory() + "/keys";
  const std::string kept = vault.directory() + "/kept";
  fs::create_directory(kept);
  const auto is_second = [](const fs::path& path) {
    return path.filename().string().starts_with("second");
  };
  for (const auto& file : fs::directory_iterator(keys)) {
    if (is_second(file.path())) fs::copy(file.path(), kept);
  }
  const Shares renewed = Rekey(vault, 2, 3);
  for (const std::string& share : shares) Must(Prove(vault, share), "agree");
  for (const std::string& share : renewed) Must(Prove(vault, share), "prove");
  vault.ShutDown();
  for (const auto& file : fs::directory_iterator(keys)) {
    if (is_second(file.path())) fs::remove(file.path());
  }
  for (const auto& file : fs::directory_iterator(kept)) fs::copy(file.path(), keys);

  ASSERT_TRUE(vault.TryStart().ok());
  EXPECT_EQ(Give(vault, shares[0]).reason, "SHARE_REFUSED");
  Must(Give(vault, renewed[2]), "share");
  EXPECT_FALSE(Must(Give(vault, renewed[0]), "share").seal().sealed());
  EXPECT_EQ(vault.Status().keyring_repairs_size(), 1);
  Must(vault.Withdraw(person), "withdraw");
}

// A status asks for the files of a keyring that is at work, and for a vault that is being sealed.
TEST_F(SharesTest, StatusAndErasuresAndSealingGoSideBySide) {
  std::vector<Person> people;
  for (int i = 0; i < 40; ++i) {
    people.push_back(vault_.NewPerson());
    Must(vault_.Enroll(people.back()), "enroll");
  }
  std::atomic<bool> go_on = true;
  std::vector<std::thread> pollers;
  for (int i = 0; i < 3; ++i) {
    pollers.emplace_back([&] {
      while (go_on) EXPECT_GT(vault_.Status().log_size(), 0U);
    });
  }
  for (size_t i = 0; i < people.size(); ++i) {
    Must(vault_.Withdraw(people[i]), "withdraw");
    if (i % 10 != 9) continue;
    Must(vault_.Call(kOperator, &Stub::SealVault, v1::SealVaultRequest()), "seal");
    Must(Give(vault_, shares_[0]), "share");
    Must(Give(vault_, shares_[1]), "share");
  }
  go_on = false;
  for (std::thread& poller : pollers) poller.join();
  vault_.Restart();
  Must(Give(vault_, shares_[0]), "share");
  EXPECT_FALSE(Must(Give(vault_, shares_[2]), "share").seal().sealed());
  EXPECT_EQ(vault_.Status().pending_erasures(), 0U);
}

}  // namespace
}  // namespace kluis::sealing_test
