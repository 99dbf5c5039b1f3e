// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/empty_rpc.h"

#include <google/protobuf/empty.pb.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/impl/server_initializer.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/method_handler.h>

#include <string>

#include "client/failure.h"

namespace kluis::bench {
namespace {

using google::protobuf::Empty;
using google::protobuf::MessageLite;
using grpc::internal::RpcMethod;

constexpr char kEmptyRpc[] = "/kluis.bench.EmptyService/Call";
constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";

class EmptyService final : public grpc::Service {
 public:
  EmptyService() {
    using Handler =
        grpc::internal::RpcMethodHandler<EmptyService, Empty, Empty, MessageLite, MessageLite>;
    const auto nothing = [](EmptyService*, grpc::ServerContext*, const Empty*, Empty*) {
      return grpc::Status::OK;
    };
    AddMethod(new grpc::internal::RpcServiceMethod(kEmptyRpc, RpcMethod::NORMAL_RPC,
                                                   new Handler(nothing, this)));
  }
};

class EmptyPlugin final : public grpc::ServerBuilderPlugin {
 public:
  std::string name() override { return "empty-rpc"; }
  void InitServer(grpc::ServerInitializer* server) override {
    server->RegisterService(std::make_shared<EmptyService>());
  }
  void Finish(grpc::ServerInitializer*) override {}
  void ChangeArguments(const std::string&, void*) override {}
  bool has_sync_methods() const override { return true; }
};

absl::Status CallEmpty(const char* method, const std::shared_ptr<grpc::Channel>& channel) {
  const RpcMethod called(method, RpcMethod::NORMAL_RPC, channel);
  grpc::ClientContext context;
  const Empty request;
  Empty response;
  return client::FromServer(
      grpc::internal::BlockingUnaryCall<Empty, Empty, MessageLite, MessageLite>(
          channel.get(), called, &context, request, &response));
}

}  // namespace

void ServeEmptyRpc() {
  grpc::ServerBuilder::InternalAddPluginFactory([]() -> std::unique_ptr<grpc::ServerBuilderPlugin> {
    return std::make_unique<EmptyPlugin>();
  });
}

absl::Status CallEmptyRpc(const std::shared_ptr<grpc::Channel>& channel) {
  return CallEmpty(kEmptyRpc, channel);
}

absl::Status CallHealthCheck(const std::shared_ptr<grpc::Channel>& channel) {
  return CallEmpty(kHealthCheck, channel);
}

}  // namespace kluis::bench
