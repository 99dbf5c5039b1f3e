// SPDX-License-Identifier: Apache-2.0
// Connects to a Unix socket, sends, and reads until the other side closes.
#ifndef KLUIS_TESTS_FAKES_UNIX_CLIENT_H_
#define KLUIS_TESTS_FAKES_UNIX_CLIENT_H_

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

namespace kluis {

// A connected socket; -1: there is nobody.
inline int UnixConnect(const std::string& path) {
  const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return connection;
  }
  close(connection);
  return -1;
}

// What came until the other side closed in good order; nullopt: nobody listens, or it was cut off.
inline std::optional<std::string> UnixExchange(const std::string& path,
                                               const std::string& request) {
  const int connection = UnixConnect(path);
  if (connection < 0) return std::nullopt;
  send(connection, request.data(), request.size(), MSG_NOSIGNAL);
  std::string text;
  char buffer[4096];
  ssize_t size = 0;
  while ((size = read(connection, buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<size_t>(size));
  }
  close(connection);
  if (size < 0) return std::nullopt;
  return text;
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_UNIX_CLIENT_H_
