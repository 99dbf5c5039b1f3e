#include "service/server.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr int kIdleMilliseconds = 60'000;  // a client that goes on connects again
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

  int port = 0;
  grpc::ServerBuilder builder;
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  builder.AddListeningPort(options.listen, options.credentials, &port);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // never two vaults on one port
  // TLS keeps the last record of a connection, which may be a template, as long as it is open.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMilliseconds);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 2);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 16);
  grpc::ResourceQuota quota("kluisd");
  quota.SetMaxThreads(options.max_threads);
  builder.SetResourceQuota(quota);

  std::vector<std::string> names = {""};
  for (const HostedService& hosted : services) {
    builder.RegisterService(hosted.service);
    names.push_back(hosted.name);
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("server.listen: cannot open ", options.listen,
                     ": the port is taken, or server.cert and server.key do not belong together"));
  }
  std::unique_ptr<Server> started(new Server(std::move(server), port, std::move(names)));
  started->SetServing(false);
  return started;
}

Server::Server(std::unique_ptr<grpc::Server> server, int port, std::vector<std::string> names)
    : server_(std::move(server)), port_(port), names_(std::move(names)) {}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
  for (const std::string& name : names_) health->SetServingStatus(name, serving);
}

void Server::AddConnection(int connection) {
  grpc::AddInsecureChannelFromFd(server_.get(), connection);
}

void Server::Shutdown(absl::Duration drain) {
  server_->GetHealthCheckService()->Shutdown();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + drain));
  server_->Wait();
}

std::chrono::system_clock::time_point CallDeadline(const grpc::ServerContext& context,
                                                   absl::Duration cap) {
  return std::min(context.deadline(), absl::ToChronoTime(absl::Now() + cap));
}

}  // namespace kluis::service
