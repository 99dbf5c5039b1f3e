// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "crypto/shamir_rekey.h"
#include "crypto/shamir_set.h"

namespace kluis::crypto::shamir_set_test {
namespace {

using absl::StatusCode;

std::string Text(const SecretBytes& secret) {
  return {reinterpret_cast<const char*>(secret.Expose().data()), secret.size()};
}

struct Vault {
  ShareHeader header;
  std::vector<std::string> shares;  // of share 1 at [0]
  std::string wrapped;
  SecretBytes root_key;
};

Vault NewVault(size_t k, size_t n, const std::string& hint = "haarlem", uint32_t generation = 1) {
  ShareRekey::Begun begun = ShareRekey::Begin(hint, generation, k, n).value();
  Vault vault{begun.rekey.header(), {}, {}, SecretBytes::Random(kRootKeyBytes)};
  for (const SecretBytes& text : begun.texts) {
    vault.shares.push_back(Text(text));
    EXPECT_TRUE(begun.rekey.Prove(vault.shares.back()).ok());
  }
  vault.wrapped =
      begun.rekey.Commit().value()->Wrap(vault.root_key.Expose().first<kRootKeyBytes>(), 5).value();
  return vault;
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(ShareSet, AnyKSharesOpenTheRootKey) {
  const Vault vault = NewVault(3, 5);
  for (unsigned chosen = 0; chosen < 32; ++chosen) {
    ShareSet set(ShareHeader::OfWrapped(vault.wrapped).value());
    size_t given = 0;
    for (size_t i = 0; i < 5; ++i) {
      if ((chosen >> i & 1U) == 0) continue;
      const auto progress = set.Add(vault.shares[i]);
      ASSERT_TRUE(progress.ok()) << progress.status();
      ++given;
      EXPECT_EQ(progress->have, std::min<size_t>(given, 3));
      EXPECT_EQ(progress->need, 3u);
    }
    const auto wrapper = set.Open();
    if (given < 3) {
      EXPECT_EQ(wrapper.status().code(), StatusCode::kFailedPrecondition);
      continue;
    }
    ASSERT_TRUE(wrapper.ok()) << wrapper.status();
    const auto opened = (*wrapper)->Unwrap(vault.wrapped);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->generation, 5u);
    EXPECT_TRUE(opened->key.ConstantTimeEquals(vault.root_key));
  }
}

TEST(ShareSet, SaysHowManySharesAreMissing) {
  const Vault vault = NewVault(3, 5);
  ShareSet set(vault.header);
  ASSERT_TRUE(set.Add(vault.shares[4]).ok());
  EXPECT_EQ(Message(set.Open().status()), "shares: 1 of 3 given");
}

TEST(ShareSet, NamesAShareGivenBefore) {
  const Vault vault = NewVault(2, 3);
  ShareSet set(vault.header);
  ASSERT_TRUE(set.Add(vault.shares[1]).ok());
  const absl::Status again = set.Add(vault.shares[1]).status();
  EXPECT_EQ(again.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Message(again), "share 2 of haarlem, generation 1: given before");
  EXPECT_EQ(set.progress().have, 1u);
}

// Every bit of the value, with a checksum that is right: what somebody makes who means to.
TEST(ShareSet, NamesAnAlteredShareAtOnce) {
  const Vault vault = NewVault(2, 3);
  ShareSet set(vault.header);
  LabeledShare share = ParseShare(vault.shares[2]).value();
  for (size_t bit = 0; bit < 8 * kShareBytes; ++bit) {
    uint8_t& byte = share.value.ExposeMutable()[bit / 8];
    byte = static_cast<uint8_t>(byte ^ 1U << bit % 8);
    const std::string forged = Text(*FormatShare(share.label, share.value.Expose()));
    byte = static_cast<uint8_t>(byte ^ 1U << bit % 8);
    const absl::Status refused = set.Add(forged).status();
    ASSERT_EQ(refused.code(), StatusCode::kPermissionDenied) << bit;
    EXPECT_EQ(Message(refused), "share 3 of haarlem, generation 1: altered, or not of this vault");
  }
  EXPECT_EQ(set.progress().have, 0u);
  EXPECT_TRUE(set.Add(vault.shares[2]).ok());
}

TEST(ShareSet, NamesAShareOfAnotherVaultGenerationOrNumber) {
  const Vault vault = NewVault(2, 3);
  ShareSet set(vault.header);
  const absl::Status twin = set.Add(NewVault(2, 3).shares[0]).status();  // the same hint
  EXPECT_EQ(twin.code(), StatusCode::kPermissionDenied);
  const absl::Status other = set.Add(NewVault(2, 3, "utrecht").shares[0]).status();
  EXPECT_EQ(other.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Message(other),
            "share 1 of utrecht, generation 1: not of this vault, which is haarlem");
  const absl::Status newer = set.Add(NewVault(2, 3, "haarlem", 2).shares[0]).status();
  EXPECT_EQ(newer.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Message(newer),
            "share 1 of haarlem, generation 2: this vault's shares are of generation 1");
  const absl::Status fourth = set.Add(NewVault(2, 4).shares[3]).status();
  EXPECT_EQ(fourth.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Message(fourth), "share 4 of haarlem, generation 1: this vault has 3 shares");
  LabeledShare renumbered = ParseShare(vault.shares[0]).value();
  renumbered.label.index = 2;
  EXPECT_EQ(
      set.Add(Text(*FormatShare(renumbered.label, renumbered.value.Expose()))).status().code(),
      StatusCode::kPermissionDenied);
  EXPECT_EQ(set.progress().have, 0u);
}

TEST(ShareSet, SaysWhenAShareIsMistyped) {
  const Vault vault = NewVault(2, 3);
  ShareSet set(vault.header);
  std::string text = vault.shares[0];
  text[30] = text[30] == 'q' ? 'p' : 'q';
  EXPECT_EQ(set.Add(text).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(set.Add("").status().code(), StatusCode::kInvalidArgument);
}

TEST(ShareSet, ForgetsItsSharesWhenCleared) {
  const Vault vault = NewVault(2, 3);
  ShareSet set(vault.header);
  ASSERT_TRUE(set.Add(vault.shares[0]).ok());
  ASSERT_TRUE(set.Add(vault.shares[1]).ok());
  ASSERT_TRUE(set.Open().ok());
  set.Clear();
  EXPECT_EQ(set.progress().have, 0u);
  EXPECT_FALSE(set.Open().ok());
}

// A header that somebody swapped for one whose shares he has opens nothing of this vault.
TEST(ShareHeader, OfAnotherVaultBeforeThisSealedKeyDoesNotOpen) {
  const Vault vault = NewVault(2, 3);
  const Vault forger = NewVault(2, 3);
  const std::string spliced = WrappedPrefix(WrapKind::kShares, forger.header.Serialize(), 5) +
                              std::string(ParseWrapped(vault.wrapped)->sealed);
  ShareSet set(ShareHeader::OfWrapped(spliced).value());
  ASSERT_TRUE(set.Add(forger.shares[0]).ok());
  ASSERT_TRUE(set.Add(forger.shares[1]).ok());
  EXPECT_EQ(set.Open().value()->Unwrap(spliced).status().code(), StatusCode::kDataLoss);
}

TEST(ShareHeader, OpensOnlyAsItWasWritten) {
  const Vault vault = NewVault(2, 3);
  ShareSet set(vault.header);
  ASSERT_TRUE(set.Add(vault.shares[0]).ok());
  ASSERT_TRUE(set.Add(vault.shares[2]).ok());
  const auto wrapper = set.Open();
  ASSERT_TRUE((*wrapper)->Unwrap(vault.wrapped).ok());
  std::string altered = vault.wrapped;
  for (size_t bit = 0; bit < altered.size() * 8; ++bit) {
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ((*wrapper)->Unwrap(altered).status().code(), StatusCode::kDataLoss) << bit;
    altered[bit / 8] = vault.wrapped[bit / 8];
  }
}

TEST(ShareHeader, IsParsedToTheByteOrRefused) {
  const ShareHeader header = NewVault(2, 3).header;
  const std::string bytes = header.Serialize();
  EXPECT_EQ(bytes.size(), 32u + 4 + 3 + 7 + 3 * 32);
  const auto parsed = ShareHeader::Parse(bytes);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->Serialize(), bytes);
  EXPECT_EQ(parsed->commitments, header.commitments);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(ShareHeader::Parse(bytes.substr(0, size)).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_FALSE(ShareHeader::Parse(bytes + "x").ok());
  const auto with = [&bytes](size_t at, char byte) {
    std::string other = bytes;
    other[at] = byte;
    return ShareHeader::Parse(other).ok();
  };
  EXPECT_FALSE(with(32, 0));  // generation 0
  EXPECT_FALSE(with(35, 1));  // generation over a million
  EXPECT_FALSE(with(36, 1));  // k
  EXPECT_FALSE(with(36, 4));
  EXPECT_FALSE(with(37, 33));  // n
  EXPECT_FALSE(with(37, 2));
  EXPECT_FALSE(with(38, 0));  // hint
  EXPECT_FALSE(with(38, 13));
  EXPECT_FALSE(with(39, 'H'));
  EXPECT_FALSE(ShareHeader::OfWrapped("").ok());
  EXPECT_FALSE(ShareHeader::OfWrapped(WrappedPrefix(WrapKind::kPassphrase, bytes, 1)).ok());
  const Vault most = NewVault(2, kMaxShares, "zzzzzzzzzzzz");
  EXPECT_TRUE(ShareHeader::OfWrapped(most.wrapped).ok());
}

}  // namespace
}  // namespace kluis::crypto::shamir_set_test
