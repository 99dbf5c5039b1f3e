// SPDX-License-Identifier: Apache-2.0
// What every RPC goes through, in this order: peer identity -> limits -> role -> whether the vault
// knows the caller -> sealed or not -> request id -> strict validation -> its own act. Limits of an
// act of a subject come after the gate, when it is known whose key signed. A call beyond its limit
// makes no entry: CountLimited tells of it. No stream is read before its caller is known; a single
// request has been read by gRPC, up to server.max_message_kib. Thread-safe.
#ifndef KLUIS_SERVICE_RPC_FRONT_DOOR_H_
#define KLUIS_SERVICE_RPC_FRONT_DOOR_H_

#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "kluis/v1/annotations.pb.h"
#include "kluis/v1/types.pb.h"
#include "service/acts/call.h"
#include "service/callers/callers.h"
#include "service/callers/identity.h"
#include "service/callers/limits.h"
#include "service/ledger/errors.h"
#include "service/ledger/ledger.h"
#include "service/process/logging.h"
#include "service/rpc/methods.h"
#include "service/rpc/request_cache.h"
#include "service/vault.h"

namespace kluis::service {

class Calls {
 public:
  // All of them must outlive this object.
  Calls(Vault& vault, const Config& config, const Callers& callers, Logger& logger);

  Vault& vault() { return vault_; }

  // Runs one unary RPC. `validate` is pure; `act` fills the response or says why not. Both may name
  // a reason with WithReason; kInvalidArgument without one is MALFORMED_REQUEST.
  template <class Request, class Response>
  grpc::Status Unary(grpc::ServerContext* context, const Request& request, Response& response,
                     absl::Status (*validate)(const Request&),
                     const std::function<absl::Status(const Call&, Response&)>& act) {
    return Run(
        context, MethodOf(*Request::descriptor()), request, response,
        [&] { return validate(request); }, [&](const Call& call) { return act(call, response); });
  }

  // Runs one RPC that answers with a stream, whose messages `act` writes itself. As Unary, but no
  // answer is kept for a repeated request id. An `act` that finds the caller gone returns
  // kCancelled.
  template <class Request>
  grpc::Status Stream(grpc::ServerContext* context, const Request& request,
                      absl::Status (*validate)(const Request&),
                      const std::function<absl::Status(const Call&)>& act) {
    return RunStream(
        context, MethodOf(*Request::descriptor()), [&] { return validate(request); }, act);
  }

  // Identity, role, membership and deadline of an RPC that reads a stream of `Request`.
  template <class Request>
  absl::StatusOr<Call> Enter(grpc::ServerContext* context) {
    return Enter(context, MethodOf(*Request::descriptor()));
  }

  // While it lives, CancelStreams ends the call: for one that waits for its caller with a pass.
  class StreamGuard {
   public:
    StreamGuard(Calls& calls, grpc::ServerContext* context) : calls_(calls), context_(context) {
      const std::lock_guard lock(calls_.streams_mutex_);
      calls_.streams_.insert(context_);
    }
    ~StreamGuard() {
      const std::lock_guard lock(calls_.streams_mutex_);
      calls_.streams_.erase(context_);
    }
    StreamGuard(const StreamGuard&) = delete;
    StreamGuard& operator=(const StreamGuard&) = delete;

   private:
    Calls& calls_;
    grpc::ServerContext* const context_;
  };
  void CancelStreams() {
    const std::lock_guard lock(streams_mutex_);
    for (grpc::ServerContext* context : streams_) context->TryCancel();
  }

  // No answer is kept for a repeated request: for a vault that is sealed.
  void ForgetAnswers() { cache_.Forget(); }

 private:
  // Room for the call, held until its answer has left. RATE_LIMITED: there is none.
  absl::Status TakeRoom(grpc::ServerContext* context, const Peer& peer, Limits::Lane lane);
  // The same of an act that a subject signs: by whose key it is.
  absl::Status TakeSubjectRoom(const Call& call, const google::protobuf::Message& request);
  absl::Status Limited(grpc::ServerContext* context, absl::Status status);

  // Whether the vault knows the caller (policy/rules_admission.cc). A refusal is an entry, but for
  // a call that is public.
  absl::Status Admit(const Call& call);

  absl::StatusOr<Call> Enter(grpc::ServerContext* context, const Method& method);
  grpc::Status Run(grpc::ServerContext* context, const Method& method,
                   const google::protobuf::Message& request, google::protobuf::Message& response,
                   const std::function<absl::Status()>& validate,
                   const std::function<absl::Status(const Call&)>& act);
  grpc::Status RunStream(grpc::ServerContext* context, const Method& method,
                         const std::function<absl::Status()>& validate,
                         const std::function<absl::Status(const Call&)>& act);
  grpc::Status Answer(grpc::ServerContext* context, const Method& method,
                      const absl::Status& status);

  Vault& vault_;
  const Callers& callers_;
  const int64_t deadline_seconds_;
  Logger& logger_;
  RequestCache cache_;
  Vocabulary words_;
  std::mutex streams_mutex_;
  std::set<grpc::ServerContext*> streams_;
};

// Makes an entry for each identity of which calls were not decided since the last time. Call it
// every minute. A sealed vault makes none, and keeps the counts.
absl::Status CountLimited(Vault& vault);

// When a call must have ended: the caller's deadline, at most `cap` from now.
std::chrono::system_clock::time_point CallDeadline(const grpc::ServerContext& context,
                                                   absl::Duration cap);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_FRONT_DOOR_H_
