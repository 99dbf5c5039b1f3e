#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "crypto/dsse.h"

namespace kluis::crypto {
namespace {

constexpr char kType[] = "application/vnd.kluis.consent.v1+json";

DsseEnvelope Signed(const SigningKey& key) {
  DsseEnvelope envelope{kType, R"({"purpose":"border"})", {}};
  SignEnvelope(key, envelope);
  return envelope;
}

// The example of the DSSE specification, protocol.md.
TEST(Pae, MatchesThePublishedVector) {
  EXPECT_EQ(Pae("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(Pae("", ""), "DSSEv1 0  0 ");
}

TEST(Pae, KeepsTypeAndPayloadApart) { EXPECT_NE(Pae("a 1 b", "c"), Pae("a", "b 1 c")); }

TEST(DsseVerifyBy, AcceptsTheSigner) {
  const SigningKey key = SigningKey::Generate();
  EXPECT_TRUE(VerifyBy(Signed(key), key.public_key()));
}

TEST(DsseVerifyBy, RefusesEveryAlteredBitOfThePayload) {
  const SigningKey key = SigningKey::Generate();
  DsseEnvelope envelope = Signed(key);
  for (size_t bit = 0; bit < envelope.payload.size() * 8; ++bit) {
    char& byte = envelope.payload[bit / 8];
    const char before = byte;
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    EXPECT_FALSE(VerifyBy(envelope, key.public_key())) << bit;
    byte = before;
  }
}

TEST(DsseVerifyBy, RefusesTheSamePayloadUnderAnotherType) {
  const SigningKey key = SigningKey::Generate();
  DsseEnvelope envelope = Signed(key);
  envelope.payload_type = "application/vnd.kluis.warrant.v1+json";
  EXPECT_FALSE(VerifyBy(envelope, key.public_key()));
}

TEST(DsseVerifyBy, RefusesASignatureThatNamesAnotherKey) {
  const SigningKey key = SigningKey::Generate();
  const SigningKey other = SigningKey::Generate();
  DsseEnvelope envelope = Signed(key);
  EXPECT_FALSE(VerifyBy(envelope, other.public_key()));
  envelope.signatures[0].keyid = KeyIdOf(other.public_key());
  EXPECT_FALSE(VerifyBy(envelope, other.public_key()));
  EXPECT_FALSE(VerifyBy(envelope, key.public_key()));
}

TEST(DsseVerifyBy, FindsAGoodSignatureBesideABadOne) {
  const SigningKey key = SigningKey::Generate();
  DsseEnvelope envelope = Signed(key);
  envelope.signatures.insert(envelope.signatures.begin(),
                             {KeyIdOf(key.public_key()), std::string(64, 'x')});
  EXPECT_TRUE(VerifyBy(envelope, key.public_key()));
}

TEST(DsseVerifyBy, RefusesAnEnvelopeWithoutSignatures) {
  EXPECT_FALSE(VerifyBy({kType, "{}", {}}, SigningKey::Generate().public_key()));
}

TEST(DsseSign, ReplacesTheSignersOldSignature) {
  const SigningKey key = SigningKey::Generate();
  DsseEnvelope envelope = Signed(key);
  envelope.payload = "{}";
  SignEnvelope(key, envelope);
  EXPECT_EQ(envelope.signatures.size(), 1u);
  EXPECT_TRUE(VerifyBy(envelope, key.public_key()));
}

TEST(DsseVerifiedKeyIds, CountsEachSignerOnce) {
  const SigningKey one = SigningKey::Generate();
  const SigningKey two = SigningKey::Generate();
  const SigningKey absent = SigningKey::Generate();
  DsseEnvelope envelope = Signed(one);
  SignEnvelope(two, envelope);
  envelope.signatures.push_back(envelope.signatures[0]);
  const std::vector<std::string> ids = VerifiedKeyIds(
      envelope, {one.public_key(), one.public_key(), two.public_key(), absent.public_key()});
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_TRUE(VerifiedKeyIds(envelope, {}).empty());
}

}  // namespace
}  // namespace kluis::crypto
