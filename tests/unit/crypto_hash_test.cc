// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/codec.h"
#include "crypto/random.h"
#include "crypto/sha256.h"

namespace kluis::crypto::hash_test {
namespace {

TEST(RandomBytes, HaveTheLengthAskedForAndDiffer) {
  EXPECT_EQ(RandomBytes(0), "");
  EXPECT_EQ(RandomBytes(24).size(), 24u);
  EXPECT_NE(RandomBytes(24), RandomBytes(24));
}

// FIPS 180-4 examples, by way of NIST CAVP.
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(base::ToHex(Bytes(Sha256({}))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const Hash abc = Sha256({"abc"});
  EXPECT_EQ(base::ToHex(Bytes(abc)),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, JoinsItsPartsWithoutSeparators) {
  EXPECT_EQ(Sha256({"a", "", "bc"}), Sha256({"abc"}));
}

}  // namespace
}  // namespace kluis::crypto::hash_test
