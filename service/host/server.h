// SPDX-License-Identifier: Apache-2.0
// The gRPC server around the vault's services: port, limits, health, reflection and a stop that
// lets running calls end. What the services do is theirs. Thread-safe once started.
#ifndef KLUIS_SERVICE_HOST_SERVER_H_
#define KLUIS_SERVICE_HOST_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kluis::service {

struct ServerOptions {
  std::string listen;  // host:port; port 0: the system chooses
  std::shared_ptr<grpc::ServerCredentials> credentials;
  int max_message_bytes = 256 * 1024;  // of a request or a reply
  int max_concurrent_streams = 256;    // per connection
  int max_threads = 512;               // of each server; calls beyond: RESOURCE_EXHAUSTED
  int connection_seconds = 600;        // of a connection; its client connects again
  bool front = false;                  // whether AddConnection is called
  bool reflection = false;
};

// A service under the name that health is asked by: {v1::VaultService::service_full_name(), &it}.
struct HostedService {
  std::string name;
  grpc::Service* service;  // must outlive the server
};

class Server {
 public:
  // Opens the port. Health is NOT_SERVING for every service, and for "", until SetServing(true);
  // calls are taken at once, so the services must be ready to refuse.
  // kInvalidArgument: no credentials. kUnavailable: the port cannot be opened (it is taken, or
  // certificate and key do not belong together).
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       std::span<const HostedService> services);

  // Shutdown without a drain, when it was not called.
  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The open port.
  int port() const { return port_; }

  // Serves callers over `connection`, a connected stream socket that is this object's from now on.
  // There is no TLS on it: who calls there is said by a header (service/callers/callers.h). The
  // front closes it, and this object only when nothing came for long: HAProxy 2.6 loses the answer
  // to a call when its own write meets a connection that is being closed. Closed after Shutdown.
  void AddConnection(int connection);
  // Closes the port and opens it again, for one that does not accept any more. Running calls that
  // came through it have `drain` to end; those of the front go on. Health is what SetServing said
  // last. kUnavailable: it does not open; call again. Of no effect after Shutdown.
  absl::Status Reopen(absl::Duration drain);

  // Sets the health of every service and of "". Of no effect after Shutdown.
  void SetServing(bool serving);

  // Health becomes NOT_SERVING for good, new calls are refused, running ones have `drain` to end
  // and are cancelled then; returns when all have. A second call returns at once.
  void Shutdown(absl::Duration drain);

 private:
  Server(ServerOptions options, std::vector<HostedService> services)
      : options_(std::move(options)), services_(std::move(services)) {}

  // A server with all services; on the port when `port` is given, which becomes the open one's.
  std::unique_ptr<grpc::Server> Build(int* port);
  absl::Status Open();
  void ShowServing();

  ServerOptions options_;
  const std::vector<HostedService> services_;
  int port_ = 0;
  std::mutex mutex_;  // guards what follows
  std::shared_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Server> front_;  // of the same services; null: there is no front
  bool serving_ = false;
  bool shut_ = false;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_HOST_SERVER_H_
