// SPDX-License-Identifier: Apache-2.0
// Known answers were computed apart from this code, in Python 3.11 with integers and hashlib: the
// seed is blake2b(b"", digest_size=32, key=bytes(range(32)), person="kluis-release"), the private
// key the first half of its SHA-512, and the box X25519 (RFC 7748), XSalsa20 and Poly1305 of the
// NaCl papers, with 32 bytes of 7 as the sender's private key.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/codec.h"
#include "crypto/release.h"

namespace kluis::crypto::release_test {
namespace {

using absl::StatusCode;

constexpr char kKnownPublicKey[] =
    "4301e4b851e665233290ffc66ce29e2d796367daee1f75f693d08e0149317210";
constexpr char kKnownBox[] =
    "13be4feaeaf204c7fd3358fc9c00721881d174278128227ec674f37f7fe97b6deef5443dbef75dffbc26423aaac7f9"
    "ec358030265afa8a142046fc67b519b65ee05bfc6af9fc63ec8a490b4d544e4c36";

SecretKey32 SlotKey(uint8_t first = 0) {
  SecretKey32 key;
  for (size_t i = 0; i < 32; ++i) key.ExposeMutable()[i] = static_cast<uint8_t>(first + i);
  return key;
}

SecretBytes KnownSecret() {
  SecretBytes secret = SecretBytes::Zero(kDeviceSecretBytes);
  for (size_t i = 0; i < 32; ++i) secret.ExposeMutable()[i] = static_cast<uint8_t>(64 + i);
  return secret;
}

std::string Hex(const ReleasePublicKey& key) {
  return base::ToHex({reinterpret_cast<const char*>(key.data()), key.size()});
}

TEST(ReleaseKey, MatchesTheKnownAnswers) {
  const ReleaseKey key = ReleaseKey::Derive(SlotKey().Expose());
  EXPECT_EQ(Hex(key.public_key()), kKnownPublicKey);
  const auto opened = key.Open(*base::FromHex(kKnownBox));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->ConstantTimeEquals(KnownSecret()));
}

TEST(ReleaseKey, OpensWhatWasSealedToItAndEachBoxIsAnother) {
  const ReleaseKey key = ReleaseKey::Derive(SlotKey().Expose());
  std::set<std::string> boxes;
  for (int i = 0; i < 20; ++i) {
    const SecretBytes secret = SecretBytes::Random(kDeviceSecretBytes);
    const auto sealed = SealToVault(key.public_key(), secret);
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->size(), kSealedDeviceSecretBytes);
    EXPECT_TRUE(key.Open(*sealed)->ConstantTimeEquals(secret));
    boxes.insert(*sealed);
    boxes.insert(*SealToVault(key.public_key(), secret));
  }
  EXPECT_EQ(boxes.size(), 40u);
}

TEST(ReleaseKey, OpensNoBoxOfWhichABitChanged) {
  const ReleaseKey key = ReleaseKey::Derive(SlotKey().Expose());
  const std::string sealed = *base::FromHex(kKnownBox);
  const absl::Status refused = key.Open(std::string(kSealedDeviceSecretBytes, 'x')).status();
  for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    // The top bit of an X25519 key is not part of it (RFC 7748 s.5), yet the nonce covers it.
    std::string altered = sealed;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(key.Open(altered).status(), refused) << bit;
  }
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
}

TEST(ReleaseKey, OpensNoBoxOfAnotherLengthNorOneForAnotherKey) {
  const ReleaseKey key = ReleaseKey::Derive(SlotKey().Expose());
  const std::string sealed = *base::FromHex(kKnownBox);
  for (const std::string& bytes :
       {std::string(), sealed.substr(1), sealed + "x", sealed.substr(0, 48)}) {
    EXPECT_EQ(key.Open(bytes).status().code(), StatusCode::kDataLoss) << bytes.size();
  }
  const ReleaseKey other = ReleaseKey::Derive(SlotKey(1).Expose());
  EXPECT_NE(other.public_key(), key.public_key());
  EXPECT_EQ(other.Open(sealed).status().code(), StatusCode::kDataLoss);
}

TEST(SealToVault, RefusesASecretOfAnotherLengthAndAKeyOfSmallOrder) {
  const ReleaseKey key = ReleaseKey::Derive(SlotKey().Expose());
  for (const size_t size : {size_t{1}, kDeviceSecretBytes - 1, kDeviceSecretBytes + 1}) {
    EXPECT_EQ(SealToVault(key.public_key(), SecretBytes::Random(size)).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(SealToVault(ReleasePublicKey{}, KnownSecret()).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(CustodyDigest, MatchesTheKnownAnswer) {
  EXPECT_EQ(base::ToHex(Bytes(CustodyDigest(KnownSecret()))),
            "ffa6ba7fe7d64197597c915bafc4d21c0fe615ce326901bbd627f3ca6436912f");
  EXPECT_NE(CustodyDigest(SecretBytes::Zero(kDeviceSecretBytes)), CustodyDigest(KnownSecret()));
}

}  // namespace
}  // namespace kluis::crypto::release_test
