// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "crypto/shamir.h"

namespace kluis::crypto::shamir_test {
namespace {

using absl::StatusCode;

SecretBytes Hex(std::string_view hex) { return SecretBytes::CopyOf(base::FromHex(hex).value()); }

std::string HexOf(const SecretBytes& secret) {
  const std::span<const uint8_t> bytes = secret.Expose();
  return base::ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::vector<Share> Copy(std::span<const Share> shares) {
  std::vector<Share> copies;
  for (const Share& share : shares) {
    copies.push_back({share.index, SecretBytes::CopyOf(share.value.Expose())});
  }
  return copies;
}

// FIPS 197, s.4.2 and s.4.2.1.
TEST(FieldMultiply, MatchesThePublishedProducts) {
  EXPECT_EQ(FieldMultiply(0x57, 0x83), 0xc1);
  EXPECT_EQ(FieldMultiply(0x57, 0x02), 0xae);
  EXPECT_EQ(FieldMultiply(0x57, 0x04), 0x47);
  EXPECT_EQ(FieldMultiply(0x57, 0x08), 0x8e);
  EXPECT_EQ(FieldMultiply(0x57, 0x10), 0x07);
  EXPECT_EQ(FieldMultiply(0x57, 0x13), 0xfe);
}

TEST(FieldMultiply, IsCommutativeHasOneAndDistributes) {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      const auto x = static_cast<uint8_t>(a);
      const auto y = static_cast<uint8_t>(b);
      ASSERT_EQ(FieldMultiply(x, y), FieldMultiply(y, x));
      ASSERT_EQ(FieldMultiply(x, y) ^ FieldMultiply(x, 0x35), FieldMultiply(x, y ^ 0x35));
    }
    EXPECT_EQ(FieldMultiply(static_cast<uint8_t>(a), 1), a);
  }
}

TEST(FieldInverse, TimesItsElementIsOne) {
  for (unsigned a = 1; a < 256; ++a) {
    const auto x = static_cast<uint8_t>(a);
    EXPECT_EQ(FieldMultiply(x, FieldInverse(x)), 1) << a;
  }
  EXPECT_EQ(FieldInverse(0), 0);
  EXPECT_EQ(FieldInverse(0x53), 0xca);  // FIPS 197's example of SubBytes
}

// draft-mcgrew-tss-03, s.9: 2 of 2 shares of "test\0".
TEST(ShamirInterpolate, MatchesTheVectorOfTheInternetDraft) {
  std::vector<Share> shares;
  shares.push_back({1, Hex("b9fa07e185")});
  shares.push_back({2, Hex("f5409b4511")});
  EXPECT_EQ(HexOf(*Interpolate(shares, 0)), "7465737400");
}

// bc-shamir (Blockchain Commons), test 2 of 7: a secret of 32 bytes at x = 255, share i at x = i.
TEST(ShamirInterpolate, MatchesTheVectorsOfAnotherImplementation) {
  const std::array<std::string_view, 7> values = {
      "2dcd14c2252dc8489af3985030e74d5a48e8eff1478ab86e65b43869bf39d556",
      "a1dfdd798388aada635b9974472b4fc59a32ae520c42c9f6a0af70149b882487",
      "2ee99daf727c0c7773b89a18de64497ff7476dacd1015a45f482a893f7402cef",
      "a2fb5414d4d96ee58a109b3ca9a84be0259d2c0f9ac92bdd3199e0eed3f1dd3e",
      "2b851d188b8f5b3653659cc0f7fa45102dadf04b708767385cd803862fcb3c3f",
      "a797d4a32d2a39a4aacd9de48036478fff77b1e83b4f16a099c34bfb0b7acdee",
      "28a19475dcde9f09ba2e9e881979413592027216e60c8513cdee937c67b2c586"};
  for (uint8_t i = 0; i < values.size(); ++i) {
    for (uint8_t j = 0; j < values.size(); ++j) {
      if (i == j) continue;
      std::vector<Share> two;
      two.push_back({i, Hex(values[i])});
      two.push_back({j, Hex(values[j])});
      EXPECT_EQ(HexOf(*Interpolate(two, 255)),
                "204188bfa6b440a1bdfd6753ff55a8241e07af5c5be943db917e3efabc184b1a");
      EXPECT_EQ(HexOf(*Interpolate(two, 6)), values[6]);
    }
  }
}

TEST(ShamirSplit, AnyKOfNGiveTheSecret) {
  const SecretBytes secret = SecretBytes::Random(32);
  for (const auto& [k, n] :
       std::vector<std::pair<size_t, size_t>>{{2, 2}, {2, 5}, {3, 5}, {5, 5}}) {
    const std::vector<Share> shares = Split(secret.Expose(), k, n).value();
    ASSERT_EQ(shares.size(), n);
    for (unsigned chosen = 0; chosen < 1U << n; ++chosen) {
      std::vector<Share> some;
      for (size_t i = 0; i < n; ++i) {
        if ((chosen >> i & 1U) != 0) {
          some.push_back({shares[i].index, SecretBytes::CopyOf(shares[i].value.Expose())});
        }
      }
      if (some.empty()) continue;
      const bool same = Interpolate(some, 0)->ConstantTimeEquals(secret);
      EXPECT_EQ(same, some.size() >= k) << k << " of " << n << ", chosen " << chosen;
    }
  }
  const std::vector<Share> most = Split(secret.Expose(), kMaxShares, kMaxShares).value();
  EXPECT_TRUE(Interpolate(most, 0)->ConstantTimeEquals(secret));
}

// For k-1 shares and each of the 256 values of a byte there is exactly one share k that leads to
// it: whatever the secret is, the k-1 shares look the same.
TEST(ShamirSplit, OneShareLessLeavesEverySecretEquallyPossible) {
  const SecretBytes secret = SecretBytes::Random(1);
  const std::vector<Share> shares = Split(secret.Expose(), 3, 5).value();
  std::set<uint8_t> reached;
  for (unsigned guess = 0; guess < 256; ++guess) {
    std::vector<Share> three = Copy(std::span(shares).first(2));
    const std::array<uint8_t, 1> byte = {static_cast<uint8_t>(guess)};
    three.push_back({3, SecretBytes::CopyOf(std::span<const uint8_t>(byte))});
    reached.insert(Interpolate(three, 0)->Expose()[0]);
  }
  EXPECT_EQ(reached.size(), 256u);
}

// The same from the other side: with the secret fixed, k-1 shares take every value equally often.
TEST(ShamirSplit, TwoSharesOfThreeAreUniformWhateverTheSecret) {
  for (const uint8_t value : {uint8_t{0x00}, uint8_t{0xff}}) {
    const std::vector<uint8_t> secret(16384, value);
    const std::vector<Share> shares = Split(secret, 3, 3).value();
    std::vector<int> pairs(65536);
    std::array<int, 256> counts{};
    for (size_t i = 0; i < secret.size(); ++i) {
      ++counts[shares[0].value.Expose()[i]];
      ++counts[shares[1].value.Expose()[i]];
      ++pairs[shares[0].value.Expose()[i] * 256U + shares[1].value.Expose()[i]];
    }
    double chi_squared = 0;  // 255 degrees of freedom; over 400 once in 10^8
    for (const int count : counts) chi_squared += (count - 128.0) * (count - 128.0) / 128.0;
    EXPECT_LT(chi_squared, 400) << int{value};
    for (const int count : pairs) EXPECT_LT(count, 12) << int{value};  // 0.25 expected
  }
}

TEST(ShamirSplit, NeverDrawsTheSamePolynomialTwice) {
  const SecretBytes secret = SecretBytes::Random(32);
  std::set<std::string> first;
  for (int i = 0; i < 100; ++i) first.insert(HexOf(Split(secret.Expose(), 2, 2).value()[0].value));
  EXPECT_EQ(first.size(), 100u);
}

TEST(ShamirSplit, RefusesWhatIsOutOfBounds) {
  const SecretBytes secret = SecretBytes::Random(32);
  for (const auto& [k, n] : std::vector<std::pair<size_t, size_t>>{
           {0, 0}, {0, 3}, {1, 1}, {1, 3}, {4, 3}, {2, kMaxShares + 1}, {SIZE_MAX, SIZE_MAX}}) {
    EXPECT_EQ(Split(secret.Expose(), k, n).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Split({}, 2, 3).status().code(), StatusCode::kInvalidArgument);
}

TEST(ShamirInterpolate, RefusesWhatIsNoSetOfShares) {
  EXPECT_EQ(Interpolate({}, 0).status().code(), StatusCode::kInvalidArgument);
  std::vector<Share> shares;
  shares.push_back({1, SecretBytes::Zero(0)});
  EXPECT_EQ(Interpolate(shares, 0).status().code(), StatusCode::kInvalidArgument);
  shares[0].value = SecretBytes::Zero(32);
  shares.push_back({2, SecretBytes::Zero(31)});
  EXPECT_EQ(Interpolate(shares, 0).status().code(), StatusCode::kInvalidArgument);
  shares[1] = {1, SecretBytes::Zero(32)};
  EXPECT_EQ(Interpolate(shares, 0).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kluis::crypto::shamir_test
