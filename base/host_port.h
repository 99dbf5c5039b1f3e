// SPDX-License-Identifier: Apache-2.0
// An address to listen on, as a person writes it. Pure functions, thread-safe.
#ifndef KLUIS_BASE_HOST_PORT_H_
#define KLUIS_BASE_HOST_PORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kluis::base {

struct HostPort {
  std::string host;   // a name, an IPv4 address, or an IPv6 address without its brackets
  uint16_t port = 0;  // 0: any free one
};

// "HOST:PORT", with an IPv6 address in brackets and the port in decimal without a leading zero.
// nullopt: any other form, such as no host, a port above 65535, or a second colon.
std::optional<HostPort> ParseHostPort(std::string_view text);

// True when nobody but this machine can reach `host` (of a HostPort): an address in 127.0.0.0/8,
// ::1, or the name localhost. Any other name is not, whatever it looks like: "127.evil.example"
// resolves to what its owner likes.
bool IsLoopback(const std::string& host);

}  // namespace kluis::base

#endif  // KLUIS_BASE_HOST_PORT_H_
