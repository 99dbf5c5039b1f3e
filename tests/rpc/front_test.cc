// SPDX-License-Identifier: Apache-2.0
// Callers through a front: known by the certificate in its header as others are by their TLS, on
// its socket and nowhere else.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/codec.h"
#include "kluis/v1/vault_service.grpc.pb.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_authority.h"
#include "tests/fakes/test_vault.h"
#include "tests/fakes/unix_client.h"

namespace kluis::front_test {
namespace {

constexpr char kHeader[] = "kluis-client-certificate";
constexpr char kOperator[] = "URI:spiffe://kluis.test/operator/one";
constexpr char kSubject[] = "URI:spiffe://kluis.test/subject/portal";

// A vault that trusts the test's own authority too, with a socket for a front of `user`.
class FrontTest : public testing::Test {
 protected:
  explicit FrontTest(std::string user = std::to_string(geteuid()))
      : vault_([&](service::Config& config) {
          const std::string ca = place_.path() + "/ca.crt";
          std::ofstream(ca) << FileBytes(config.server.ca) << authority_.Pem();
          config.server.ca = ca;
          config.server.front_socket = socket_;
          config.server.front_user = user;
        }) {}

  // What the status call says over the front's socket, or over TLS as `who`.
  Reply<v1::GetVaultStatusResponse> Over(std::shared_ptr<grpc::Channel> channel,
                                         const std::vector<std::string>& headers) const {
    v1::VaultService::Stub stub(std::move(channel));
    grpc::ClientContext context;
    TestWorld::SetDeadline(context);
    for (const std::string& header : headers) context.AddMetadata(kHeader, header);
    Reply<v1::GetVaultStatusResponse> reply;
    reply.status = stub.GetVaultStatus(&context, {}, &reply.value);
    TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
    return reply;
  }
  Reply<v1::GetVaultStatusResponse> OverFront(const std::vector<std::string>& headers) const {
    return Over(grpc::CreateChannel("unix:" + socket_, grpc::InsecureChannelCredentials()),
                headers);
  }
  void ExpectUnknown(const std::vector<std::string>& headers) const {
    const auto reply = OverFront(headers);
    EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
        << reply.status.error_message();
  }
  std::string Header(const CertificateTerms& terms) {
    return base::ToBase64(authority_.Issue(terms).der);
  }

  ScratchDirectory place_;
  const std::string socket_ = place_.path() + "/front";
  TestAuthority authority_;
  TestVault vault_;
};

TEST_F(FrontTest, KnowsCallersAndTheirRolesByTheHeader) {
  const auto served = OverFront({Header({.names = kOperator})});
  EXPECT_TRUE(served.ok()) << served.status.error_message();
  EXPECT_EQ(served->origin(), TestWorld::kVault);
  const auto refused = OverFront({Header({.names = kSubject})});
  EXPECT_EQ(refused.reason, "ROLE_NOT_ALLOWED");
}

TEST_F(FrontTest, RefusesACertificateThatIsMissingDoubledExpiredOrForeign) {
  TestAuthority other;
  const std::string good = Header({.names = kOperator});
  ExpectUnknown({});
  ExpectUnknown({""});
  ExpectUnknown({good, good});
  ExpectUnknown({good + "," + good});
  ExpectUnknown({good, Header({.names = kSubject})});
  ExpectUnknown({"not base64"});
  ExpectUnknown({Header({.names = kOperator, .from = -100, .until = -10})});
  ExpectUnknown({base::ToBase64(other.Issue({.names = kOperator}).der)});
  EXPECT_TRUE(OverFront({good}).ok());
}

TEST_F(FrontTest, IsNotBelievedOverTls) {
  const std::string good = Header({.names = kOperator});
  const auto subject = Over(vault_.ChannelOf("subject/portal"), {good});
  EXPECT_EQ(subject.reason, "ROLE_NOT_ALLOWED");
  // Nor is anything in it looked at.
  EXPECT_TRUE(Over(vault_.ChannelOf("operator/one"), {"nonsense", good}).ok());
}

TEST_F(FrontTest, GoesAwayWithTheVaultAndComesBackWithIt) {
  vault_.Restart();
  EXPECT_TRUE(OverFront({Header({.names = kOperator})}).ok());
  vault_.ShutDown();
  EXPECT_EQ(UnixConnect(socket_), -1);
}

TEST_F(FrontTest, MayComeAndGoWithoutTheVault) {
  const std::string good = Header({.names = kOperator});
  const uint64_t entries = vault_.vault().ledger().size();
  for (int i = 0; i < 3; ++i) {
    grpc::ChannelArguments own;  // a connection of its own, as of a front that started anew
    own.SetInt("test.generation", i);
    EXPECT_TRUE(
        Over(grpc::CreateCustomChannel("unix:" + socket_, grpc::InsecureChannelCredentials(), own),
             {good})
            .ok());
  }
  EXPECT_EQ(vault_.vault().ledger().size(), entries);  // no start, no unsealing
  EXPECT_TRUE(vault_.vault().gate().is_open());
}

// Whoever may open the file is still not the front.
class FrontOfAnotherUser : public FrontTest {
 protected:
  FrontOfAnotherUser() : FrontTest(std::to_string(geteuid() + 1)) {}
};

TEST_F(FrontOfAnotherUser, IsClosedToThisOne) {
  EXPECT_EQ(UnixExchange(socket_, ""), "");
  EXPECT_EQ(OverFront({Header({.names = kOperator})}).status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

// Without a front the header is nothing: the caller is who TLS says.
TEST(NoFront, HeaderChangesNothing) {
  TestVault vault;
  v1::VaultService::Stub stub(vault.ChannelOf("subject/portal"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  context.AddMetadata(kHeader, HeaderOfPem(FileBytes(TestWorld::Pki() + "/operator/one.crt")));
  v1::GetVaultStatusResponse response;
  EXPECT_EQ(stub.GetVaultStatus(&context, {}, &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

class RevocationTest : public testing::Test {
 protected:
  RevocationTest()
      : vault_([&](service::Config& config) {
          const std::string ca = place_.path() + "/ca.crt";
          std::ofstream(ca) << FileBytes(config.server.ca) << authority_.Pem();
          config.server.ca = ca;
        }) {}

  // Over TLS, on one connection for as long as the channel lives.
  std::shared_ptr<grpc::Channel> ChannelWith(const TestCertificate& certificate) {
    std::ofstream(place_.path() + "/crt") << certificate.pem;
    std::ofstream(place_.path() + "/key") << certificate.key;
    return vault_.ChannelWith(place_.path() + "/crt", place_.path() + "/key");
  }

  ScratchDirectory place_;
  TestAuthority authority_;
  TestVault vault_;
};

TEST_F(RevocationTest, EndsAlsoWhatIsConnectedAlready) {
  const std::string list = place_.path() + "/crl.pem";
  // The development authority has no list of its own: it may not be asked for one here.
  std::ofstream(place_.path() + "/ca.crt") << authority_.Pem();
  std::ofstream(list) << authority_.Revoke({});
  vault_.config().server.crl = list;
  vault_.ShutDown();
  ASSERT_TRUE(vault_.TryStart().ok());
  const TestCertificate certificate = authority_.Issue({.names = kOperator});
  v1::VaultService::Stub stub(ChannelWith(certificate));
  const auto ask = [&] {
    grpc::ClientContext context;
    TestWorld::SetDeadline(context);
    v1::GetVaultStatusResponse response;
    return stub.GetVaultStatus(&context, {}, &response).error_code();
  };
  EXPECT_EQ(ask(), grpc::StatusCode::OK);
  std::ofstream(list) << authority_.Revoke({certificate});
  EXPECT_EQ(ask(), grpc::StatusCode::UNAUTHENTICATED);
}

}  // namespace
}  // namespace kluis::front_test
