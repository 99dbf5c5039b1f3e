// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kluis/v1/vault_service.grpc.pb.h"
#include "service/callers/call_watch.h"
#include "service/callers/identity.h"
#include "service/host/port_watch.h"
#include "service/host/server.h"
#include "service/host/tls.h"
#include "service/ledger/errors.h"
#include "service/rpc/front_door.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::server_test {
namespace {

constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kServing[] = "\x08\x01";  // HealthCheckResponse{status: SERVING}
constexpr char kNotServing[] = "\x08\x02";

// Answers with the caller's identity; waits first when told to.
class EchoService final : public v1::VaultService::Service {
 public:
  grpc::Status GetVaultStatus(grpc::ServerContext* context, const v1::GetVaultStatusRequest*,
                              v1::GetVaultStatusResponse* response) override {
    if (wait_) {
      context_ = context;
      entered_.set_value();
      released_.get_future().wait();
    }
    cancelled_ = context->IsCancelled();
    const absl::StatusOr<Peer> peer = PeerOf(*context->auth_context(), "kluis.test");
    if (!peer.ok()) return ToGrpc(peer.status());
    response->set_origin(v1::Role_Name(peer->role) + " " + peer->name);
    return grpc::Status::OK;
  }

  bool wait_ = false;
  grpc::ServerContext* context_ = nullptr;  // of the call that waits
  std::atomic<bool> cancelled_ = false;
  std::promise<void> entered_;
  std::promise<void> released_;
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(MakePki(Dir()), 0);
    const auto credentials =
        LoadServerCredentials(Dir() + "/ca.crt", Dir() + "/server.crt", Dir() + "/server.key");
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    options_.listen = "127.0.0.1:0";
    options_.credentials = *credentials;
    Start();
  }

  static int MakePki(const std::string& directory) {
    const std::string command =
        KLUIS_TESTS_DIR "/../deploy/dev-pki " + directory + " officer/jansen auditor/press";
    return std::system(command.c_str());
  }

  void Start() {
    const HostedService services[] = {{v1::VaultService::service_full_name(), &service_}};
    auto server = Server::Start(options_, services);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string Dir() const { return scratch_.path() + "/pki"; }

  // With the certificate of `who` from `directory`; none for "".
  std::shared_ptr<grpc::Channel> Channel(const std::string& who, const std::string& directory) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = FileBytes(Dir() + "/ca.crt");
    if (!who.empty()) {
      options.pem_cert_chain = FileBytes(directory + "/" + who + ".crt");
      options.pem_private_key = FileBytes(directory + "/" + who + ".key");
    }
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                               grpc::SslCredentials(options));
  }

  grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, std::string* origin = nullptr) {
    grpc::ClientContext context;
    v1::GetVaultStatusResponse response;
    const grpc::Status status =
        v1::VaultService::NewStub(channel)->GetVaultStatus(&context, {}, &response);
    if (origin != nullptr) *origin = response.origin();
    return status;
  }

  // Whether a client with a good certificate that speaks this version only gets through.
  bool Handshakes(int version) const {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_security_level(context.get(), 0);  // ours would refuse by itself
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    const std::string file = Dir() + "/officer/jansen";
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), (file + ".crt").c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), (file + ".key").c_str(), SSL_FILETYPE_PEM),
              1);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
    const unsigned char http2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(tls.get(), http2, sizeof(http2));
    SSL_set_fd(tls.get(), socket);
    const bool done = SSL_connect(tls.get()) == 1;
    ::close(socket);
    return done;
  }

  // A unary call of `method` with the given bytes.
  grpc::Status Raw(const std::string& method, const std::string& request, std::string* reply) {
    grpc::GenericStub stub(Channel("officer/jansen", Dir()));
    grpc::ClientContext context;
    const grpc::Slice slice(request);
    const grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer received;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, {}, &sent, &received,
                   [&done](grpc::Status status) { done.set_value(std::move(status)); });
    grpc::Status status = done.get_future().get();
    grpc::Slice whole;
    if (status.ok() && received.DumpToSingleSlice(&whole).ok()) {
      reply->assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
    }
    return status;
  }

  std::string Health(const std::string& service) {
    std::string reply;
    std::string request;
    if (!service.empty()) request = "\x0a" + std::string(1, static_cast<char>(service.size()));
    const grpc::Status status = Raw(kHealthCheck, request + service, &reply);
    return status.ok() ? reply : "error " + std::to_string(status.error_code());
  }

  ScratchDirectory scratch_;
  EchoService service_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, KnowsItsCallerByTheCertificate) {
  std::string origin;
  EXPECT_TRUE(Call(Channel("officer/jansen", Dir()), &origin).ok());
  EXPECT_EQ(origin, "ROLE_OFFICER jansen");
  EXPECT_TRUE(Call(Channel("auditor/press", Dir()), &origin).ok());
  EXPECT_EQ(origin, "ROLE_AUDITOR press");
}

TEST_F(ServerTest, RefusesAServerCertificateAsACaller) {
  EXPECT_FALSE(Call(Channel("server", Dir())).ok());
}

TEST_F(ServerTest, RefusesNoCertificateAndOneOfAnotherAuthority) {
  EXPECT_EQ(Call(Channel("", "")).error_code(), grpc::StatusCode::UNAVAILABLE);
  const std::string other = scratch_.path() + "/other";
  ASSERT_EQ(MakePki(other), 0);
  EXPECT_EQ(Call(Channel("officer/jansen", other)).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, RefusesOlderTlsThan12) {
  EXPECT_TRUE(Handshakes(TLS1_3_VERSION));
  EXPECT_TRUE(Handshakes(TLS1_2_VERSION));
  EXPECT_FALSE(Handshakes(TLS1_1_VERSION));
  EXPECT_FALSE(Handshakes(TLS1_VERSION));
}

TEST_F(ServerTest, IsHealthyPerServiceOnlyOnceItServes) {
  const std::string name = v1::VaultService::service_full_name();
  EXPECT_EQ(Health(""), kNotServing);
  EXPECT_EQ(Health(name), kNotServing);
  EXPECT_EQ(Health("kluis.v1.NoSuchService"), "error 5");
  server_->SetServing(true);
  EXPECT_EQ(Health(""), kServing);
  EXPECT_EQ(Health(name), kServing);
  server_->SetServing(false);
  EXPECT_EQ(Health(name), kNotServing);
}

TEST_F(ServerTest, DescribesItselfOnlyWhenToldTo) {
  constexpr char kReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  std::string reply;
  for (const bool reflection : {false, true, false}) {
    server_.reset();
    options_.reflection = reflection;
    Start();
    const bool absent =
        Raw(kReflection, "", &reply).error_code() == grpc::StatusCode::UNIMPLEMENTED;
    EXPECT_EQ(absent, !reflection);
  }
}

TEST_F(ServerTest, RefusesAMessageOverTheLimit) {
  std::string reply;
  const std::string unknown_field = "\x7a\xff\xff\x1f" + std::string(0x7ffff, 'x');
  EXPECT_EQ(Raw("/kluis.v1.VaultService/GetVaultStatus", unknown_field, &reply).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, NeverSharesAPort) {
  options_.listen = "127.0.0.1:" + std::to_string(server_->port());
  EchoService second;
  const HostedService services[] = {{"kluis.v1.VaultService", &second}};
  EXPECT_EQ(Server::Start(options_, services).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ServerTest, NeedsCredentialsThatFit) {
  options_.credentials = nullptr;
  EXPECT_EQ(Server::Start(options_, {}).status().code(), absl::StatusCode::kInvalidArgument);
  const auto mixed = LoadServerCredentials(Dir() + "/ca.crt", Dir() + "/server.crt",
                                           Dir() + "/officer/jansen.key");
  ASSERT_TRUE(mixed.ok());
  options_.credentials = *mixed;
  EXPECT_EQ(Server::Start(options_, {}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(LoadServerCredentials(Dir() + "/no.crt", Dir() + "/server.crt", Dir() + "/server.key")
                .status()
                .code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadServerCredentials(Dir() + "/ca.crt", Dir() + "/server.key", Dir() + "/server.key")
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ServerTest, LetsARunningCallEndBeforeItStops) {
  service_.wait_ = true;
  const auto channel = Channel("officer/jansen", Dir());
  auto call = std::async(std::launch::async, [&] { return Call(channel); });
  service_.entered_.get_future().wait();
  auto stop = std::async(std::launch::async, [&] { server_->Shutdown(absl::Minutes(1)); });
  service_.released_.set_value();
  EXPECT_TRUE(call.get().ok());
  stop.get();
  EXPECT_FALSE(service_.cancelled_);
  EXPECT_EQ(Call(channel).error_code(), grpc::StatusCode::UNAVAILABLE);
  server_->Shutdown(absl::Minutes(1));
}

TEST_F(ServerTest, CancelsACallThatOutlivesTheDrain) {
  service_.wait_ = true;
  const auto channel = Channel("officer/jansen", Dir());
  auto call = std::async(std::launch::async, [&] { return Call(channel); });
  service_.entered_.get_future().wait();
  auto stop = std::async(std::launch::async, [&] { server_->Shutdown(absl::ZeroDuration()); });
  EXPECT_FALSE(call.get().ok());
  service_.released_.set_value();
  stop.get();
  EXPECT_TRUE(service_.cancelled_);
}

TEST(CallDeadline, IsNeverBeyondTheCap) {
  const grpc::ServerContext without_deadline;
  const auto before = std::chrono::system_clock::now();
  const auto deadline = CallDeadline(without_deadline, absl::Seconds(30));
  EXPECT_GE(deadline, before + std::chrono::seconds(29));
  EXPECT_LE(deadline, std::chrono::system_clock::now() + std::chrono::seconds(31));
}

// A handler that waits, or whose answer does not leave, cannot end its call itself.
TEST_F(ServerTest, ACallIsCancelledAtItsDeadlineAndHoldsNothingWhenItIsGone) {
  service_.wait_ = true;
  const auto channel = Channel("officer/jansen", Dir());
  auto call = std::async(std::launch::async, [&] { return Call(channel); });
  service_.entered_.get_future().wait();
  auto room = std::make_shared<int>(1);
  const std::weak_ptr<int> held = room;
  CallWatch::Get().Hold(service_.context_, std::move(room));
  EXPECT_FALSE(held.expired());
  const auto later = CallWatch::Clock::now() + std::chrono::hours(1);
  CallWatch::Get().SetDeadline(service_.context_, later);
  EXPECT_EQ(CallWatch::Get().CancelOverdue(later - std::chrono::seconds(1)), 0u);
  CallWatch::Get().SetDeadline(service_.context_, CallWatch::Clock::now());
  EXPECT_EQ(call.get().error_code(), grpc::StatusCode::CANCELLED);  // its handler waits on
  service_.released_.set_value();
  server_->Shutdown(absl::Seconds(10));
  EXPECT_TRUE(service_.cancelled_);
  EXPECT_TRUE(held.expired());
}

TEST(CallWatch, KnowsOnlyRunningCalls) {
  CallWatch watch;
  auto room = std::make_shared<int>(1);
  const std::weak_ptr<int> held = room;
  watch.Hold(nullptr, std::move(room));  // no call that gRPC runs
  EXPECT_TRUE(held.expired());
  EXPECT_EQ(watch.running(), 0u);
}

// As many connections without a certificate as there are descriptors, then closed: gRPC 1.51 does
// not accept any more (CVE-2023-4785).
TEST_F(ServerTest, OpensItsPortAnewAfterItRanOutOfDescriptors) {
  const std::string listen = "127.0.0.1:" + std::to_string(server_->port());
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(0);
  ::close(next);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(next) + 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(server_->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<int> sockets;
  for (int socket = 0; (socket = ::socket(AF_INET, SOCK_STREAM, 0)) >= 0;) {
    sockets.push_back(socket);
    EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  EXPECT_GT(sockets.size(), 20u);
  EXPECT_TRUE(absl::IsResourceExhausted(ProbePort(listen, absl::Milliseconds(100))));
  for (const int socket : sockets) ::close(socket);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  PortWatch watch([&] { return ProbePort(listen, absl::Seconds(1)); },
                  [&] { return server_->Reopen(absl::ZeroDuration()); });
  for (int i = 0; i < PortWatch::kSilentLooks && !watch.Look().ok(); ++i) {
  }
  RecordProperty("reopened", static_cast<int>(watch.reopened()));
  EXPECT_TRUE(watch.Look().ok());
  EXPECT_TRUE(Call(Channel("officer/jansen", Dir())).ok());
}

TEST_F(ServerTest, ReopenedKeepsItsPortAndItsHealth) {
  const int port = server_->port();
  server_->SetServing(true);
  ASSERT_TRUE(server_->Reopen(absl::ZeroDuration()).ok());
  EXPECT_EQ(server_->port(), port);
  EXPECT_TRUE(Call(Channel("officer/jansen", Dir())).ok());
  server_->Shutdown(absl::ZeroDuration());
  EXPECT_TRUE(server_->Reopen(absl::ZeroDuration()).ok()) << "of no effect";
  EXPECT_FALSE(Call(Channel("officer/jansen", Dir())).ok());
}

}  // namespace
}  // namespace kluis::service::server_test
