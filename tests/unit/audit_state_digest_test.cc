// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "audit/state_digest.h"

namespace kluis::audit::state_digest_test {
namespace {

TEST(StateDigest, TellsKeyFromValue) {
  StateDigest one;
  one.Add("ab", "c");
  StateDigest other;
  other.Add("a", "bc");
  EXPECT_NE(one.Value(), other.Value());
}

TEST(StateDigest, FollowsAChangeAndItsUndoing) {
  StateDigest digest;
  digest.Add("key", "old");
  const crypto::Hash before = digest.Value();
  digest.Remove("key", "old");
  digest.Add("key", "new");
  EXPECT_NE(digest.Value(), before);
  digest.Remove("key", "new");
  digest.Add("key", "old");
  EXPECT_EQ(digest.Value(), before);
}

TEST(StateDigest, MadeInPartsIsThatOfTheWhole) {
  StateDigest whole;
  StateDigest left;
  StateDigest right;
  for (int i = 0; i < 20; ++i) {
    const std::string key = std::to_string(i);
    whole.Add(key, "value");
    (i % 2 == 0 ? left : right).Add(key, "value");
  }
  left.Merge(right);
  EXPECT_EQ(left.Value(), whole.Value());
}

// The empty value of a record is not the absence of the record.
TEST(StateDigest, CountsARecordWithoutContent) {
  StateDigest digest;
  digest.Add("key", "");
  EXPECT_NE(digest.Value(), StateDigest().Value());
}

}  // namespace
}  // namespace kluis::audit::state_digest_test
