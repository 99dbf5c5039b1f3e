// SPDX-License-Identifier: Apache-2.0
#include "base/host_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <limits>

#include "base/decimal.h"

namespace kluis::base {
namespace {

constexpr uint32_t kLoopbackNet = 127;  // the first byte of 127.0.0.0/8

}  // namespace

std::optional<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  if (host.empty() || host.find_first_of("[]/ ") != std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> port = ParseDecimal(text.substr(colon + 1));
  if (!port.has_value() || *port > std::numeric_limits<uint16_t>::max()) return std::nullopt;
  return HostPort{std::string(host), static_cast<uint16_t>(*port)};
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == kLoopbackNet;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace kluis::base
