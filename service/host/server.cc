// SPDX-License-Identifier: Apache-2.0
#include "service/host/server.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr int kIdleMilliseconds = 60'000;  // a client that goes on connects again
constexpr int kHandshakeMilliseconds = 10'000;
constexpr int kFrontIdleMilliseconds = 600'000;  // the front closes its own after a minute
constexpr int kGraceMilliseconds = 300'000;      // for the calls of a connection that is too old
constexpr int kMaxMetadataBytes = 16 * 1024;

// The reflection library adds itself to every server of a program that links it; this takes it out.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      std::span<const HostedService> services) {
  if (options.credentials == nullptr) {
    return absl::InvalidArgumentError("server: no credentials");
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::unique_ptr<Server> started(
      new Server(options, std::vector<HostedService>(services.begin(), services.end())));
  const absl::Status opened = started->Open();
  if (!opened.ok()) return opened;
  return started;
}

std::unique_ptr<grpc::Server> Server::Build(int* port) {
  grpc::ServerBuilder builder;
  if (!options_.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  builder.SetMaxReceiveMessageSize(options_.max_message_bytes);
  builder.SetMaxSendMessageSize(options_.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options_.max_concurrent_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  if (port != nullptr) {
    builder.AddListeningPort(options_.listen, options_.credentials, port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // never two vaults on one port
    // TLS keeps the last record of a connection, which may be a template, as long as it is open.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMilliseconds);
    // A certificate that is over or withdrawn ends with its connection.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, options_.connection_seconds * 1000);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kGraceMilliseconds);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMilliseconds);
  } else {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kFrontIdleMilliseconds);
  }
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 2);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 16);
  grpc::ResourceQuota quota("kluisd");  // its own: gRPC ends the process when none is left to begin
  quota.SetMaxThreads(options_.max_threads);
  builder.SetResourceQuota(quota);
  for (const HostedService& hosted : services_) builder.RegisterService(hosted.service);
  return builder.BuildAndStart();
}

absl::Status Server::Open() {
  int port = 0;
  std::unique_ptr<grpc::Server> server = Build(&port);
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("server.listen: cannot open ", options_.listen,
                     ": the port is taken, or server.cert and server.key do not belong together"));
  }
  server_ = std::move(server);
  port_ = port;
  options_.listen = absl::StrCat(options_.listen.substr(0, options_.listen.rfind(':') + 1), port);
  if (options_.front && front_ == nullptr) {
    front_ = Build(nullptr);
    if (front_ == nullptr) return absl::UnavailableError("server.front_socket: cannot be served");
  }
  ShowServing();
  return absl::OkStatus();
}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::ShowServing() {
  for (const auto& server : {server_, front_}) {
    if (server == nullptr) continue;
    grpc::HealthCheckServiceInterface* const health = server->GetHealthCheckService();
    health->SetServingStatus("", serving_);
    for (const HostedService& hosted : services_) health->SetServingStatus(hosted.name, serving_);
  }
}

void Server::SetServing(bool serving) {
  const std::lock_guard lock(mutex_);
  serving_ = serving;
  if (!shut_) ShowServing();
}

// Without the lock: a call that ends may set the health.
absl::Status Server::Reopen(absl::Duration drain) {
  std::shared_ptr<grpc::Server> former;
  {
    const std::lock_guard lock(mutex_);
    if (shut_) return absl::OkStatus();
    former = server_;
  }
  if (former != nullptr) {
    former->Shutdown(absl::ToChronoTime(absl::Now() + drain));
    former->Wait();
  }
  const std::lock_guard lock(mutex_);
  if (shut_) return absl::OkStatus();
  server_.reset();
  former.reset();
  return Open();
}

void Server::AddConnection(int connection) {
  std::shared_ptr<grpc::Server> serving;
  {
    const std::lock_guard lock(mutex_);
    if (!shut_) serving = front_;
  }
  if (serving == nullptr) {
    close(connection);
    return;
  }
  grpc::AddInsecureChannelFromFd(serving.get(), connection);
}

void Server::Shutdown(absl::Duration drain) {
  std::vector<std::shared_ptr<grpc::Server>> last;
  {
    const std::lock_guard lock(mutex_);
    if (shut_) return;
    shut_ = true;
    for (const auto& server : {server_, front_}) {
      if (server != nullptr) last.push_back(server);
    }
  }
  const auto end = absl::ToChronoTime(absl::Now() + drain);
  for (const auto& server : last) server->GetHealthCheckService()->Shutdown();
  std::vector<std::thread> ending;  // neither takes a call while the other ends
  for (const auto& server : last) {
    ending.emplace_back([&server, end] {
      server->Shutdown(end);
      server->Wait();
    });
  }
  for (std::thread& thread : ending) thread.join();
}

}  // namespace kluis::service
