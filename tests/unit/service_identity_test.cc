// SPDX-License-Identifier: Apache-2.0
#include <grpc/grpc_security_constants.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "service/callers/identity.h"

namespace kluis::service::identity_test {
namespace {

constexpr char kDomain[] = "kluis.test";

absl::StatusOr<Peer> Parse(const std::vector<std::string>& uris) {
  return ParsePeer(uris, kDomain);
}

// A connection's properties as gRPC gives them.
class FakeAuthContext final : public grpc::AuthContext {
 public:
  void AddProperty(const std::string& key, const grpc::string_ref& value) override {
    properties_.emplace(key, std::string(value.data(), value.size()));
  }
  bool SetPeerIdentityPropertyName(const std::string& name) override {
    identity_ = name;
    return true;
  }
  bool IsPeerAuthenticated() const override { return !identity_.empty(); }
  std::vector<grpc::string_ref> GetPeerIdentity() const override {
    return FindPropertyValues(identity_);
  }
  std::string GetPeerIdentityPropertyName() const override { return identity_; }
  std::vector<grpc::string_ref> FindPropertyValues(const std::string& name) const override {
    std::vector<grpc::string_ref> values;
    const auto [first, last] = properties_.equal_range(name);
    for (auto it = first; it != last; ++it) values.emplace_back(it->second);
    return values;
  }
  grpc::AuthPropertyIterator begin() const override { return NoProperty(); }
  grpc::AuthPropertyIterator end() const override { return NoProperty(); }

 private:
  struct NoProperty : grpc::AuthPropertyIterator {};

  std::multimap<std::string, std::string> properties_;
  std::string identity_;
};

TEST(ParsePeer, ReadsEveryRole) {
  const std::pair<const char*, v1::Role> roles[] = {
      {"subject", v1::ROLE_SUBJECT},       {"registrar", v1::ROLE_REGISTRAR},
      {"officer", v1::ROLE_OFFICER},       {"judge", v1::ROLE_JUDGE},
      {"supervisor", v1::ROLE_SUPERVISOR}, {"auditor", v1::ROLE_AUDITOR},
      {"operator", v1::ROLE_OPERATOR}};
  for (const auto& [word, role] : roles) {
    const auto peer = Parse({std::string("spiffe://kluis.test/") + word + "/unit-7"});
    ASSERT_TRUE(peer.ok()) << peer.status();
    EXPECT_EQ(*peer, (Peer{role, "unit-7"}));
  }
}

TEST(ParsePeer, RefusesNoneAndSeveralUris) {
  const std::string good = "spiffe://kluis.test/officer/a";
  EXPECT_TRUE(Parse({good}).ok());
  EXPECT_EQ(Parse({}).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Parse({good, good}).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Parse({good, "https://example.com"}).status().code(),
            absl::StatusCode::kUnauthenticated);
}

TEST(ParsePeer, RefusesAnyOtherForm) {
  using namespace std::string_literals;
  for (const std::string& uri : {""s,
                                 "spiffe://"s,
                                 "spiffe://kluis.test"s,
                                 "spiffe://kluis.test/"s,
                                 "spiffe://kluis.test/officer"s,
                                 "spiffe://kluis.test/officer/"s,
                                 "spiffe://kluis.test//a"s,
                                 "spiffe://kluis.test/officer/a/"s,
                                 "spiffe://kluis.test/officer/a/b"s,
                                 "spiffe://kluis.test/officer//a"s,
                                 "spiffe://kluis.test/officer/A"s,
                                 "spiffe://kluis.test/officer/a_b"s,
                                 "spiffe://kluis.test/officer/a.b"s,
                                 "spiffe://kluis.test/officer/a b"s,
                                 "spiffe://kluis.test/officer/a%20"s,
                                 "spiffe://kluis.test/officer/a?x"s,
                                 "spiffe://kluis.test/officer/a#x"s,
                                 "spiffe://kluis.test/officer/\xc3\xa9"s,
                                 "spiffe://kluis.test/officer/a\0"s,
                                 "spiffe://kluis.test/officer\0/a"s,
                                 "spiffe://kluis.test/Officer/a"s,
                                 "spiffe://kluis.test/boss/a"s,
                                 "spiffe://kluis.test/officers/a"s,
                                 "SPIFFE://kluis.test/officer/a"s,
                                 "spiffe:/kluis.test/officer/a"s,
                                 "https://kluis.test/officer/a"s,
                                 " spiffe://kluis.test/officer/a"s,
                                 "spiffe://kluis.test/officer/a\n"s,
                                 "spiffe://kluis.test:1/officer/a"s,
                                 "spiffe://u@kluis.test/officer/a"s}) {
    EXPECT_EQ(Parse({uri}).status().code(), absl::StatusCode::kUnauthenticated) << uri;
  }
}

TEST(ParsePeer, RefusesAnotherTrustDomain) {
  for (const char* domain : {"kluis.tes", "kluis.test.", "kluis.testx", "xkluis.test", "Kluis.test",
                             "example.org", ""}) {
    const auto peer = Parse({std::string("spiffe://") + domain + "/officer/a"});
    EXPECT_EQ(peer.status().code(), absl::StatusCode::kUnauthenticated) << domain;
  }
  const std::vector<std::string> nowhere = {"spiffe:///officer/a"};
  EXPECT_FALSE(ParsePeer(nowhere, "").ok());
}

TEST(ParsePeer, BoundsTheName) {
  const std::string prefix = "spiffe://kluis.test/judge/";
  EXPECT_TRUE(Parse({prefix + "a"}).ok());
  EXPECT_TRUE(Parse({prefix + std::string(64, 'z')}).ok());
  EXPECT_FALSE(Parse({prefix + std::string(65, 'z')}).ok());
}

TEST(ParsePeer, NeverRepeatsTheUri) {
  const auto peer = Parse({"spiffe://kluis.test/officer/Jan_Jansen"});
  EXPECT_EQ(std::string(peer.status().message()).find("Jan"), std::string::npos);
}

TEST(PeerOf, TakesTheUriOfAVerifiedTlsConnectionOnly) {
  FakeAuthContext context;
  EXPECT_FALSE(PeerOf(context, kDomain).ok());
  context.AddProperty(GRPC_PEER_URI_PROPERTY_NAME, "spiffe://kluis.test/officer/a");
  context.SetPeerIdentityPropertyName(GRPC_PEER_URI_PROPERTY_NAME);
  EXPECT_EQ(PeerOf(context, kDomain).status().code(), absl::StatusCode::kUnauthenticated);
  context.AddProperty(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME, "ssl");
  const auto peer = PeerOf(context, kDomain);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(*peer, (Peer{v1::ROLE_OFFICER, "a"}));
  context.AddProperty(GRPC_PEER_URI_PROPERTY_NAME, "spiffe://kluis.test/judge/b");
  EXPECT_EQ(PeerOf(context, kDomain).status().code(), absl::StatusCode::kUnauthenticated);
}

TEST(PeerOf, RefusesAnUnverifiedPeer) {
  FakeAuthContext context;
  context.AddProperty(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME, "ssl");
  context.AddProperty(GRPC_PEER_URI_PROPERTY_NAME, "spiffe://kluis.test/officer/a");
  EXPECT_EQ(PeerOf(context, kDomain).status().code(), absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace kluis::service::identity_test
