// SPDX-License-Identifier: Apache-2.0
// deploy/front as it is: Debian's HAProxy before a real kluisd.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/fronted_vault.h"
#include "tests/fakes/test_authority.h"

namespace kluis::haproxy_front_test {
namespace {

class HaproxyFront : public testing::Test {
 protected:
  // The status call over `channel`, with the header when there is one.
  static grpc::Status Ask(const std::shared_ptr<grpc::Channel>& channel,
                          const std::string& header = "") {
    v1::VaultService::Stub stub(channel);
    grpc::ClientContext context;
    TestWorld::SetDeadline(context);
    if (!header.empty()) context.AddMetadata("kluis-client-certificate", header);
    v1::GetVaultStatusResponse response;
    return stub.GetVaultStatus(&context, {}, &response);
  }
  static std::string HeaderOf(const std::string& who) {
    return HeaderOfPem(FileBytes(TestWorld::Pki() + "/" + who + ".crt"));
  }

  FrontedVault vault_{KLUISD_BINARY};
};

TEST_F(HaproxyFront, LeavesNothingOfAHeaderThatACallerSends) {
  const std::string good = HeaderOf("operator/one");
  ASSERT_TRUE(base::FromBase64(good).ok());
  const grpc::Status refused = Ask(vault_.ChannelOf("subject/portal"), good);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED) << refused.error_message();
  // Nor does one take away what the caller is.
  const grpc::Status served = Ask(vault_.ChannelOf("operator/one"), HeaderOf("subject/portal"));
  EXPECT_TRUE(served.ok()) << served.error_message();
}

TEST_F(HaproxyFront, LetsNobodyInWithoutACertificateOrWithAForeignOne) {
  const TestCertificate foreign =
      TestAuthority().Issue({.names = "URI:spiffe://kluis.test/operator/one"});
  const std::string stem = vault_.directory() + "/foreign";
  std::ofstream(stem + ".crt") << foreign.pem;
  std::ofstream(stem + ".key") << foreign.key;
  EXPECT_EQ(Ask(vault_.ChannelWith(stem + ".crt", stem + ".key")).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  grpc::SslCredentialsOptions nobody;
  nobody.pem_root_certs = FileBytes(TestWorld::Pki() + "/ca.crt");
  EXPECT_EQ(Ask(grpc::CreateChannel(absl::StrCat("127.0.0.1:", vault_.front_port()),
                                    grpc::SslCredentials(nobody)))
                .error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(HaproxyFront, BoundsTheCallsOfOneCertificateAndLetsOthersGoOn) {
  const std::string stem = FrontedVault::CertificateOf("auditor/greedy");
  const auto greedy = vault_.ChannelWith(stem + ".crt", stem + ".key");
  // Twice as many at once as it may have.
  std::atomic<bool> refused = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < 500 && !refused; ++call) {
        const grpc::Status answer = Ask(greedy);
        // kluisd, which does not know them, says so, and has limits of its own, in other words.
        if (answer.error_code() == grpc::StatusCode::PERMISSION_DENIED) continue;
        ASSERT_EQ(answer.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
        if (answer.error_message() == "RATE_LIMITED") refused = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(refused);
  EXPECT_TRUE(Ask(vault_.ChannelOf("operator/one")).ok());
}

// kluisd would say INVALID_ARGUMENT of each of them.
TEST_F(HaproxyFront, LetsNoMessageOfASubjectThroughThatIsTooLong) {
  v1::SubjectService::Stub stub(vault_.ChannelOf("subject/portal"));
  const auto answer = [&](size_t bytes) {
    v1::WithdrawConsentRequest request;
    request.mutable_withdrawal()->set_payload(std::string(bytes, 'x'));
    grpc::ClientContext context;
    TestWorld::SetDeadline(context);
    v1::WithdrawConsentResponse response;
    return stub.WithdrawConsent(&context, request, &response).error_code();
  };
  EXPECT_EQ(answer(16'000), grpc::StatusCode::INVALID_ARGUMENT);
  for (const size_t bytes : {16'500, 65'536, 200'000}) {  // HTTP's 413, or the end of the stream
    const grpc::StatusCode refused = answer(bytes);
    EXPECT_TRUE(refused == grpc::StatusCode::UNKNOWN || refused == grpc::StatusCode::CANCELLED)
        << bytes << ": " << refused;
  }
}

// HAProxy lost one call in some hundred when kluisd closed a connection for its age.
TEST(HaproxyFrontOfShortConnections, LosesNoCallWhenOnesOfKluisdAreOver) {
  FrontedVault vault(KLUISD_BINARY, /*own_limits=*/false, /*connection_seconds=*/1);
  std::atomic<int> calls = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(8);
      while (std::chrono::steady_clock::now() < end) {
        const Person person = vault.NewPerson();
        const auto enrolled = vault.Enroll(person);
        ASSERT_TRUE(enrolled.ok()) << enrolled.status.error_message();
        const auto withdrawn = vault.Withdraw(person);
        ASSERT_TRUE(withdrawn.ok()) << withdrawn.status.error_message();
        calls += 2;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));  // below the front's rate
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(calls, 100);
}

TEST_F(HaproxyFront, MayDieAndComeBackWithoutAnUnsealing) {
  const size_t before = vault_.Entries().size();
  vault_.KillFront();
  EXPECT_EQ(Ask(vault_.ChannelOf("operator/one")).error_code(), grpc::StatusCode::UNAVAILABLE);
  vault_.StartFront();
  vault_.Connect(vault_.front_port());
  EXPECT_FALSE(vault_.Status().seal().sealed());
  for (size_t i = before; i < vault_.Entries().size(); ++i) {
    EXPECT_FALSE(vault_.EntryAt(i).command().has_start_service()) << i;
  }
}

}  // namespace
}  // namespace kluis::haproxy_front_test
