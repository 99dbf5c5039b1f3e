// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crypto/shamir_rekey.h"

namespace kluis::crypto::shamir_rekey_test {
namespace {

using absl::StatusCode;

std::string Text(const SecretBytes& secret) {
  return {reinterpret_cast<const char*>(secret.Expose().data()), secret.size()};
}

TEST(ShareRekey, GivesAWrapperOnlyWhenAllNewSharesAreProven) {
  ShareRekey::Begun begun = ShareRekey::Begin("haarlem", 1, 2, 4).value();
  ASSERT_EQ(begun.texts.size(), 4u);
  for (const size_t i : {3u, 0u, 1u}) {
    const auto progress = begun.rekey.Prove(Text(begun.texts[i]));
    ASSERT_TRUE(progress.ok()) << progress.status();
    EXPECT_EQ(progress->need, 4u);
    const absl::Status early = begun.rekey.Commit().status();
    EXPECT_EQ(early.code(), StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(begun.rekey.Missing(), std::vector<uint8_t>{3});
  EXPECT_EQ(begun.rekey.Commit().status().message(), "rekey: not proven yet: share 3");
  EXPECT_EQ(begun.rekey.Prove(Text(begun.texts[2]))->have, 4u);
  EXPECT_TRUE(begun.rekey.Commit().ok());
}

TEST(ShareRekey, WhatItWrapsOpensByTheNewSharesAlone) {
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  ShareRekey::Begun begun = ShareRekey::Begin("haarlem", 2, 3, 4).value();
  for (const SecretBytes& text : begun.texts) ASSERT_TRUE(begun.rekey.Prove(Text(text)).ok());
  const std::string wrapped =
      begun.rekey.Commit().value()->Wrap(key.Expose().first<kRootKeyBytes>(), 9).value();
  ShareSet set(ShareHeader::OfWrapped(wrapped).value());
  EXPECT_EQ(set.header().generation, 2u);
  for (const size_t i : {1u, 2u, 3u}) ASSERT_TRUE(set.Add(Text(begun.texts[i])).ok());
  const auto opened = set.Open().value()->Unwrap(wrapped);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->key.ConstantTimeEquals(key));
}

// Old shares go on opening what they opened until somebody wraps by the new.
TEST(ShareRekey, LeavesTheOldSharesInForce) {
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  ShareRekey::Begun old = ShareRekey::Begin("haarlem", 1, 2, 2).value();
  for (const SecretBytes& text : old.texts) ASSERT_TRUE(old.rekey.Prove(Text(text)).ok());
  const std::string wrapped =
      old.rekey.Commit().value()->Wrap(key.Expose().first<kRootKeyBytes>(), 9).value();
  ShareRekey::Begun next = ShareRekey::Begin("haarlem", 2, 2, 2).value();
  EXPECT_EQ(next.rekey.Prove(Text(old.texts[0])).status().code(), StatusCode::kPermissionDenied);
  for (const SecretBytes& text : next.texts) ASSERT_TRUE(next.rekey.Prove(Text(text)).ok());
  EXPECT_EQ(next.rekey.Commit().value()->Unwrap(wrapped).status().code(), StatusCode::kDataLoss);
  ShareSet set(ShareHeader::OfWrapped(wrapped).value());
  for (const SecretBytes& text : old.texts) ASSERT_TRUE(set.Add(Text(text)).ok());
  EXPECT_TRUE(set.Open().value()->Unwrap(wrapped).ok());
}

TEST(ShareRekey, NamesAWrongShareAndOneProvenBefore) {
  ShareRekey::Begun begun = ShareRekey::Begin("haarlem", 1, 2, 2).value();
  std::string mistyped = Text(begun.texts[0]);
  mistyped.back() = mistyped.back() == 'q' ? 'p' : 'q';
  EXPECT_EQ(begun.rekey.Prove(mistyped).status().code(), StatusCode::kInvalidArgument);
  const auto stranger = ShareRekey::Begin("haarlem", 1, 2, 2).value();
  EXPECT_EQ(begun.rekey.Prove(Text(stranger.texts[0])).status().code(),
            StatusCode::kPermissionDenied);
  ASSERT_TRUE(begun.rekey.Prove(Text(begun.texts[0])).ok());
  const absl::Status again = begun.rekey.Prove(Text(begun.texts[0])).status();
  EXPECT_EQ(again.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(again.message(), "share 1 of haarlem, generation 1: proven before");
  EXPECT_EQ(begun.rekey.progress().have, 1u);
}

TEST(ShareRekey, RefusesWhatIsOutOfBounds) {
  EXPECT_EQ(ShareRekey::Begin("haarlem", 1, 1, 3).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ShareRekey::Begin("haarlem", 1, 4, 3).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ShareRekey::Begin("haarlem", 1, 2, kMaxShares + 1).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(ShareRekey::Begin("haarlem", 0, 2, 3).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ShareRekey::Begin("Haarlem", 1, 2, 3).status().code(), StatusCode::kInvalidArgument);
}

TEST(ShareRekey, TakesTheMostSharesThereMayBe) {
  ShareRekey::Begun begun =
      ShareRekey::Begin("haarlem", kMaxShareGeneration, kMaxShares, kMaxShares).value();
  for (const SecretBytes& text : begun.texts) ASSERT_TRUE(begun.rekey.Prove(Text(text)).ok());
  EXPECT_TRUE(begun.rekey.Commit().ok());
}

}  // namespace
}  // namespace kluis::crypto::shamir_rekey_test
