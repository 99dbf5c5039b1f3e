// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/host_port.h"

namespace kluis::base::host_port_test {
namespace {

TEST(ParseHostPort, TakesNamesAndAddresses) {
  const struct {
    const char* text;
    const char* host;
    uint16_t port;
  } cases[] = {{"127.0.0.1:0", "127.0.0.1", 0},
               {"localhost:8080", "localhost", 8080},
               {"[::1]:65535", "::1", 65535},
               {"witness.example:1", "witness.example", 1}};
  for (const auto& each : cases) {
    const auto parsed = ParseHostPort(each.text);
    ASSERT_TRUE(parsed.has_value()) << each.text;
    EXPECT_EQ(parsed->host, each.host);
    EXPECT_EQ(parsed->port, each.port);
  }
}

TEST(ParseHostPort, RefusesEveryOtherForm) {
  for (const char* text : {"", ":", ":80", "host", "host:", "host:65536", "host:080", "host:+80",
                           "host:80 ", "::1:80", "[::1]", "[]:80", "[host]:80", "a b:80", "a/b:80",
                           "[::1:80", "::1]:80", "host:18446744073709551617"}) {
    EXPECT_FALSE(ParseHostPort(text).has_value()) << text;
  }
}

TEST(IsLoopback, IsWhatOnlyThisMachineReaches) {
  for (const char* host : {"localhost", "127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
}

TEST(IsLoopback, IsNoNameThatOnlyLooksLikeIt) {
  for (const char* host :
       {"127.evil.example", "127.0.0.1.evil.example", "127.1", "127.0.0.1 ", "localhost.example",
        "128.0.0.1", "0.0.0.0", "::", "::2", "1.127.0.0", ""}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

}  // namespace
}  // namespace kluis::base::host_port_test
