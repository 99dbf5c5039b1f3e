// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "base/codec.h"
#include "crypto/ed25519.h"

namespace kluis::crypto::ed25519_test {
namespace {

using absl::StatusCode;

struct Vector {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};

// RFC 8032 s.7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"}};

SigningKey KeyOf(const Vector& vector) {
  return SigningKey::FromSeed(SecretBytes::CopyOf(base::FromHex(vector.seed).value())).value();
}

TEST(Ed25519, MatchesThePublishedVectors) {
  for (const Vector& vector : kVectors) {
    const SigningKey key = KeyOf(vector);
    EXPECT_EQ(base::ToHex(Bytes(key.public_key())), vector.public_key);
    const std::string message = base::FromHex(vector.message).value();
    const Signature signature = key.Sign(message);
    EXPECT_EQ(base::ToHex(Bytes(signature)), vector.signature);
    EXPECT_TRUE(Verify(key.public_key(), message, Bytes(signature)));
  }
}

TEST(Ed25519, RefusesEveryAlteredBitOfTheSignatureTheKeyAndTheMessage) {
  const SigningKey key = KeyOf(kVectors[2]);
  std::string message = "\xaf\x82";
  Signature signature = key.Sign(message);
  PublicKey public_key = key.public_key();
  const auto flip = [](auto& bytes, size_t bit) {
    bytes[bit / 8] = static_cast<std::decay_t<decltype(bytes[0])>>(bytes[bit / 8] ^ (1 << bit % 8));
  };
  const auto refuses_all = [&](auto& bytes) {
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      flip(bytes, bit);
      EXPECT_FALSE(Verify(public_key, message, Bytes(signature))) << bit;
      flip(bytes, bit);
    }
  };
  refuses_all(signature);
  refuses_all(public_key);
  refuses_all(message);
  EXPECT_TRUE(Verify(public_key, message, Bytes(signature)));
}

TEST(Ed25519, RefusesAnyOtherLengthOfSignature) {
  const SigningKey key = SigningKey::Generate();
  const Signature signature = key.Sign("m");
  const std::string longer = std::string(Bytes(signature)) + '\0';
  EXPECT_FALSE(Verify(key.public_key(), "m", ""));
  EXPECT_FALSE(Verify(key.public_key(), "m", Bytes(signature).substr(0, 63)));
  EXPECT_FALSE(Verify(key.public_key(), "m", longer));
}

// The identity point and an all-zero signature: the forgery that a lax verifier accepts for any
// message.
TEST(Ed25519, RefusesASmallOrderKey) {
  PublicKey identity{};
  identity[0] = 1;
  std::string signature(64, '\0');
  signature[0] = 1;
  EXPECT_FALSE(Verify(identity, "m", signature));
}

TEST(SigningKeyFromSeed, RefusesAnyLengthBut32) {
  for (const size_t size : {0u, 31u, 33u, 64u}) {
    EXPECT_EQ(SigningKey::FromSeed(SecretBytes::Zero(size)).status().code(),
              StatusCode::kInvalidArgument);
  }
}

TEST(SigningKeyGenerate, MakesAKeyThatItsSeedMakesAgain) {
  const SigningKey key = SigningKey::Generate();
  const auto again = SigningKey::FromSeed(SecretBytes::CopyOf(key.seed().Expose()));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->public_key(), key.public_key());
  EXPECT_NE(SigningKey::Generate().public_key(), key.public_key());
}

// SHA-256 of RFC 8032's first public key, by Python's hashlib.
TEST(KeyIdOf, IsTheFirstHalfOfTheDigest) {
  EXPECT_EQ(KeyIdOf(KeyOf(kVectors[0]).public_key()), "21fe31dfa154a261626bf854046fd227");
}

TEST(PublicKeyText, RoundTrips) {
  const PublicKey key = KeyOf(kVectors[0]).public_key();
  EXPECT_EQ(PublicKeyText(key), "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  EXPECT_EQ(ParsePublicKey(PublicKeyText(key)).value(), key);
}

TEST(ParsePublicKey, RefusesOtherFormsAndLengths) {
  const std::string good = PublicKeyText(KeyOf(kVectors[0]).public_key());
  for (const std::string& text :
       {std::string(), std::string("ed25519:"), good.substr(8), "Ed25519:" + good.substr(8),
        good + "\n", " " + good, good.substr(0, good.size() - 1), std::string("ed25519:AAAA")}) {
    EXPECT_EQ(ParsePublicKey(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace kluis::crypto::ed25519_test
