// SPDX-License-Identifier: Apache-2.0
// The real kluisd behind the real front (deploy/front with Debian's HAProxy), each a process and a
// user of its own where this process is root, and everybody around them. One thread.
#ifndef KLUIS_TESTS_FAKES_FRONTED_VAULT_H_
#define KLUIS_TESTS_FAKES_FRONTED_VAULT_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "service/process/clock.h"
#include "tests/fakes/child_process.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/kluisd_process.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_world.h"

namespace kluis {

struct FrontedPlace {
  service::SystemClock clock;
  ScratchDirectory scratch;
};

class FrontedVault : private FrontedPlace, public TestWorld {
 public:
  static constexpr uid_t kFrontUser = 61015;  // nobody else's in Debian

  // `kluisd`: the program. `own_limits`: those of an installation, and not ones so wide that the
  // front's are what is tried.
  explicit FrontedVault(const std::string& kluisd, bool own_limits = false,
                        int connection_seconds = 600)
      : TestWorld(FrontedPlace::clock) {
    const std::string& place = scratch.path();
    WriteFounding(place);
    MakeFrontPlace(place);
    std::ofstream(place + "/kluisd.toml")
        << "[server]\nlisten = \"127.0.0.1:0\"\nconnection_seconds = " << connection_seconds
        << "\nca = \"" << Pki() << "/ca.crt\"\ncert = \"" << Pki() << "/server.crt\"\nkey = \""
        << Pki() << "/server.key\"\nfront_socket = \"front/socket\"\n"
        << "front_user = \"" << (geteuid() == 0 ? kFrontUser : geteuid()) << "\"\n"
        << (own_limits ? "[limits]\nportals = [\"portal 2000 64\"]\n"
                       : "[limits]\nmember_rate = 2000\nsubject_rate = 2000\n");
    kluisd_ =
        std::make_unique<KluisdProcess>(kluisd, place + "/kluisd.toml", place + "/kluisd.errors");
    front_port_ = FreePort();
    StartFront();
    Connect(front_port_);
    SetUp();
  }

  // The path of a certificate and key, without ".crt" and ".key"; made when it is not there.
  static std::string CertificateOf(const std::string& who) {
    const std::string command =
        std::string("bash ") + KLUIS_TESTS_DIR + "/../deploy/dev-pki " + Pki() + " " + who;
    EXPECT_EQ(std::system(command.c_str()), 0);
    return Pki() + "/" + who;
  }

  int front_port() const { return front_port_; }
  // kluisd's own, past the front.
  int direct_port() const { return kluisd_->port(); }
  pid_t pid() const { return kluisd_->pid(); }
  const std::string& directory() const { return scratch.path(); }

  // SIGKILL, as if the front had crashed, and its next start.
  void KillFront() { front_.reset(); }
  void StartFront() {
    const std::string& place = scratch.path();
    front_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{std::string(KLUIS_TESTS_DIR) + "/../deploy/front/start"},
        std::map<std::string, std::string>{
            {"KLUIS_FRONT_LISTEN", "127.0.0.1:" + std::to_string(front_port_)},
            {"KLUIS_FRONT_CERT", place + "/front/own.pem"},
            {"KLUIS_FRONT_CA", place + "/front/ca.crt"},
            {"KLUIS_FRONT_SOCKET", place + "/front/socket"},
            {"KLUIS_FRONT_PORTALS", place + "/front/portals"},
            {"KLUIS_FRONT_USER", std::to_string(kFrontUser)}},
        place + "/front.log");
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!Listens() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_TRUE(Listens()) << FileBytes(place + "/front.log");
  }

 private:
  // Its directory: the front reads there, and only kluisd's user writes.
  void MakeFrontPlace(const std::string& place) const {
    const std::string front = place + "/front";
    std::filesystem::create_directory(front);
    std::ofstream(front + "/ca.crt") << FileBytes(Pki() + "/ca.crt");
    std::ofstream(front + "/own.pem")
        << FileBytes(Pki() + "/server.crt") << FileBytes(Pki() + "/server.key");
    const std::string fingerprint = "openssl x509 -in " + Pki() +
                                    "/subject/portal.crt -noout -fingerprint -sha1 | "
                                    "sed 's/.*=//; s/://g' >" +
                                    front + "/portals";
    EXPECT_EQ(std::system(fingerprint.c_str()), 0);
    if (geteuid() == 0) {
      chmod(place.c_str(), 0711);
      EXPECT_EQ(chown(front.c_str(), 0, kFrontUser), 0);
      EXPECT_EQ(chown((front + "/own.pem").c_str(), kFrontUser, kFrontUser), 0);
    }
    for (const char* file : {"/ca.crt", "/portals"}) chmod((front + file).c_str(), 0644);
    chmod((front + "/own.pem").c_str(), 0400);
    chmod(front.c_str(), 02750);
  }

  static int Bound(int connection, uint16_t port, bool listens) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (listens) return connect(connection, any, sizeof(address));
    socklen_t size = sizeof(address);
    if (bind(connection, any, size) < 0 || getsockname(connection, any, &size) < 0) return 0;
    return ntohs(address.sin_port);
  }
  static int FreePort() {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int port = Bound(probe, 0, false);
    close(probe);
    return port;
  }
  bool Listens() const {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool listens = Bound(probe, static_cast<uint16_t>(front_port_), true) == 0;
    close(probe);
    return listens;
  }

  std::unique_ptr<KluisdProcess> kluisd_;
  std::unique_ptr<ChildProcess> front_;
  int front_port_ = 0;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_FRONTED_VAULT_H_
