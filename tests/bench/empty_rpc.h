// SPDX-License-Identifier: Apache-2.0
// An RPC with nothing in it and nothing to do: what a call costs before it does anything. It is
// served as the calls of the vault are, by threads that wait for their answer. The health check is
// not: gRPC answers it on threads of its own.
#ifndef KLUIS_TESTS_BENCH_EMPTY_RPC_H_
#define KLUIS_TESTS_BENCH_EMPTY_RPC_H_

#include <memory>

#include "absl/status/status.h"
#include "grpcpp/channel.h"

namespace kluis::bench {

// Every server that this process starts from now on has it. Not thread-safe.
void ServeEmptyRpc();

// Calls it, over a channel to such a server. Errors: those of the call.
absl::Status CallEmptyRpc(const std::shared_ptr<grpc::Channel>& channel);

// Calls the server's own grpc.health.v1.Health/Check, and does not read what comes out.
absl::Status CallHealthCheck(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_EMPTY_RPC_H_
