// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "crypto/dsse.h"

namespace kluis::crypto::dsse_test {
namespace {

// The example of the DSSE specification, protocol.md.
TEST(Pae, MatchesThePublishedVector) {
  EXPECT_EQ(Pae("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(Pae("", ""), "DSSEv1 0  0 ");
}

TEST(Pae, KeepsTypeAndPayloadApart) { EXPECT_NE(Pae("a 1 b", "c"), Pae("a", "b 1 c")); }

}  // namespace
}  // namespace kluis::crypto::dsse_test
