// SPDX-License-Identifier: Apache-2.0
// The least of an HTTP client: one request over loopback, sent as it is written, and the answer.
#ifndef KLUIS_TESTS_FAKES_LOOPBACK_CLIENT_H_
#define KLUIS_TESTS_FAKES_LOOPBACK_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace kluis {

struct HttpAnswer {
  int status = 0;  // 0: no answer
  std::string body;
};

// `request` must ask for the connection to be closed.
inline HttpAnswer HttpSend(int port, const std::string& request) {
  HttpAnswer answer;
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      write(connection, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = read(connection, buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(size));
    }
    const size_t body = text.find("\r\n\r\n");
    if (text.size() > 12 && body != std::string::npos) {
      answer.status = std::atoi(text.c_str() + 9);
      answer.body = text.substr(body + 4);
    }
  }
  close(connection);
  return answer;
}

inline HttpAnswer HttpGet(int port, const std::string& path) {
  return HttpSend(port,
                  "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_LOOPBACK_CLIENT_H_
