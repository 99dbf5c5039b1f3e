// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/codec.h"
#include "crypto/muhash.h"

namespace kluis::crypto::muhash_test {
namespace {

// A byte and 31 zeros, as the vectors have it.
std::string Bytes32(char first) {
  std::string bytes(32, '\0');
  bytes[0] = first;
  return bytes;
}

// Vectors print digests last byte first.
std::string Reversed(Hash hash) {
  std::reverse(hash.begin(), hash.end());
  return base::ToHex(Bytes(hash));
}

// Bitcoin Core, src/test/crypto_tests.cpp, muhash_tests.
TEST(MuHash, GivesThePublishedDigest) {
  MuHash set;
  set.Add({Bytes32(0)});
  set.Add({Bytes32(1)});
  set.Remove({Bytes32(2)});
  EXPECT_EQ(Reversed(set.Value()),
            "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863");
}

TEST(MuHash, GivesThePublishedDigestWhenPutTogetherFromParts) {
  MuHash set;
  MuHash others;
  others.Remove({Bytes32(2)});
  others.Add({Bytes32(1)});
  set.Add({Bytes32(0)});
  set.Merge(others);
  EXPECT_EQ(Reversed(set.Value()),
            "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863");
}

TEST(MuHash, OfTheEmptySetIsTheHashOfOne) {
  std::string one(384, '\0');
  one[0] = 1;
  EXPECT_EQ(MuHash().Value(), Sha256({one}));
}

TEST(MuHash, ForgetsWhatWasAddedAndRemoved) {
  MuHash set;
  for (int i = 0; i < 50; ++i) set.Add({std::to_string(i)});
  for (int i = 49; i >= 0; --i) set.Remove({std::to_string(i)});
  EXPECT_EQ(set.Value(), MuHash().Value());
}

TEST(MuHash, CountsAnElementAsOftenAsItIsThere) {
  MuHash once;
  once.Add({"a"});
  MuHash twice = once;
  twice.Add({"a"});
  EXPECT_NE(once.Value(), twice.Value());
  twice.Remove({"a"});
  EXPECT_EQ(once.Value(), twice.Value());
}

TEST(MuHash, DoesNotDependOnTheOrder) {
  std::mt19937 random(20261122);
  std::vector<std::string> elements;
  for (int i = 0; i < 300; ++i)
    elements.push_back(std::string(random() % 400, 'x') + std::to_string(i));
  const auto digest = [&] {
    MuHash set;
    for (const std::string& element : elements) set.Add({element});
    return set.Value();
  };
  const Hash first = digest();
  std::shuffle(elements.begin(), elements.end(), random);
  EXPECT_EQ(digest(), first);
  elements.back() += '!';
  EXPECT_NE(digest(), first);
}

}  // namespace
}  // namespace kluis::crypto::muhash_test
