// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "service/callers/client_certificates.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_authority.h"

namespace kluis::service::client_certificates_test {
namespace {

class ClientCertificatesTest : public testing::Test {
 protected:
  ClientCertificatesTest() { Write("ca", authority_.Pem()); }

  // In one step, as whoever replaces a list should.
  void Write(const std::string& name, const std::string& text) {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  std::unique_ptr<ClientCertificates> Load(bool with_list = false) {
    auto loaded = ClientCertificates::Load(
        directory_.path() + "/ca", with_list ? directory_.path() + "/crl" : "", "kluis.test");
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? *std::move(loaded) : nullptr;
  }
  static void ExpectRefused(ClientCertificates& certificates, const std::string& der) {
    const auto peer = certificates.Verify(der);
    EXPECT_EQ(peer.status().code(), absl::StatusCode::kUnauthenticated) << peer.status();
  }

  ScratchDirectory directory_;
  TestAuthority authority_;
};

TEST_F(ClientCertificatesTest, NameTheirHolder) {
  const auto certificates = Load();
  const TestCertificate issued =
      authority_.Issue({.names = "URI:spiffe://kluis.test/judge/ann,DNS:ann.example"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*certificates->Verify(issued.der), (Peer{v1::ROLE_JUDGE, "ann"}));
    EXPECT_EQ(*certificates->VerifyPem(issued.pem), (Peer{v1::ROLE_JUDGE, "ann"}));
  }
}

TEST_F(ClientCertificatesTest, AreRefusedOutsideTheirDatesOfAnotherAuthorityAndForAnotherUse) {
  const auto certificates = Load();
  TestAuthority other;
  ExpectRefused(*certificates, authority_.Issue({.from = -100, .until = -10}).der);
  ExpectRefused(*certificates, authority_.Issue({.from = 100}).der);
  ExpectRefused(*certificates, other.Issue().der);
  ExpectRefused(*certificates, authority_.Issue({.use = "serverAuth"}).der);
}

TEST_F(ClientCertificatesTest, AreRefusedWithoutExactlyOneNameOfTheTrustDomain) {
  const auto certificates = Load();
  for (const char* names : {"", "DNS:one.example", "URI:spiffe://other.test/officer/one",
                            "URI:spiffe://kluis.test/officer/one,URI:spiffe://kluis.test/judge/one",
                            "URI:spiffe://kluis.test/king/one"}) {
    ExpectRefused(*certificates, authority_.Issue({.names = names}).der);
  }
}

TEST_F(ClientCertificatesTest, AreExactlyOneInDer) {
  const auto certificates = Load();
  const std::string der = authority_.Issue().der;
  ASSERT_TRUE(certificates->Verify(der).ok());
  ExpectRefused(*certificates, "");
  ExpectRefused(*certificates, der + der);
  ExpectRefused(*certificates, der + '\0');
  ExpectRefused(*certificates, der.substr(0, der.size() - 1));
  ExpectRefused(*certificates, authority_.Issue().pem);
  ExpectRefused(*certificates, std::string(20 << 10, '0'));
}

TEST_F(ClientCertificatesTest, AreRefusedWithAnyByteChanged) {
  const auto certificates = Load();
  const std::string der = authority_.Issue().der;
  ASSERT_TRUE(certificates->Verify(der).ok());
  for (size_t i = 0; i < der.size(); i += 3) {
    std::string altered = der;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    ExpectRefused(*certificates, altered);
  }
}

TEST_F(ClientCertificatesTest, AreRefusedFromTheMomentTheListHasThem) {
  Write("crl", authority_.Revoke({}));
  const auto certificates = Load(true);
  const TestCertificate kept = authority_.Issue();
  const TestCertificate revoked = authority_.Issue();
  ASSERT_TRUE(certificates->Verify(kept.der).ok());
  ASSERT_TRUE(certificates->Verify(revoked.der).ok());
  Write("crl", authority_.Revoke({revoked}));
  EXPECT_TRUE(certificates->Verify(kept.der).ok());
  ExpectRefused(*certificates, revoked.der);
  // What is no list takes nothing back, and a list of another authority lets nobody in.
  Write("crl", "no list");
  EXPECT_TRUE(certificates->Verify(kept.der).ok());
  ExpectRefused(*certificates, revoked.der);
  Write("crl", TestAuthority().Revoke({}));
  ExpectRefused(*certificates, kept.der);
}

TEST_F(ClientCertificatesTest, AreRefusedWhenTheListIsOverdue) {
  Write("crl", authority_.Revoke({}, -10));
  const auto certificates = Load(true);
  ExpectRefused(*certificates, authority_.Issue().der);
}

TEST_F(ClientCertificatesTest, ExpireAlsoWhenTheyAreKnown) {
  const auto certificates = Load();
  const std::string der = authority_.Issue({.until = 2}).der;
  ASSERT_TRUE(certificates->Verify(der).ok());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (certificates->Verify(der).ok()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "two seconds never end";
  }
}

TEST_F(ClientCertificatesTest, NeedFilesThatHoldWhatTheyShould) {
  const std::string ca = directory_.path() + "/ca";
  Write("empty", "");
  const std::string empty = directory_.path() + "/empty";
  const auto code = [](const std::string& roots, const std::string& list) {
    return ClientCertificates::Load(roots, list, "kluis.test").status().code();
  };
  EXPECT_EQ(code(directory_.path() + "/none", ""), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(ca, directory_.path() + "/none"), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(empty, ""), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(ca, empty), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(ca, ca), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kluis::service::client_certificates_test
