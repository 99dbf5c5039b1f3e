// SPDX-License-Identifier: Apache-2.0
// One call whose caller is known and allowed for its role. Used by one thread at a time.
#ifndef KLUIS_SERVICE_ACTS_CALL_H_
#define KLUIS_SERVICE_ACTS_CALL_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "kluis/v1/annotations.pb.h"
#include "kluis/v1/ledger.pb.h"
#include "service/callers/identity.h"
#include "service/custody/gate.h"
#include "service/ledger/act.h"
#include "service/vault.h"

namespace kluis::service {

inline constexpr std::chrono::seconds kToAnswer{5};  // after a deadline, before it is cancelled
inline constexpr char kRoleNotAllowed[] = "ROLE_NOT_ALLOWED";

struct Call {
  Peer peer;
  v1::Caller caller;  // as the log records it: a subject has no name
  v1::LogKind kind = v1::LOG_KIND_UNSPECIFIED;
  std::string method;
  std::chrono::system_clock::time_point deadline;
  grpc::ServerContext* context = nullptr;
  Gate::Pass pass;  // owns nothing for a call that a sealed vault answers too

  // An act of this call, to be completed with a command.
  Act NewAct() const;

  // The call goes on: it is cancelled when as long as a deadline goes by without this.
  void Touch() const;
  // It computes for its caller, and waits for nobody: not cancelled until Touch.
  void Compute() const;

  std::chrono::seconds step{30};  // from Touch to the end
};

// As of the streams, for a call that is cancelled when its caller keeps it waiting for too long.
template <class Stream, class Message>
bool ReadFrom(const Call& call, Stream& stream, Message* message) {
  call.Touch();
  const bool read = stream.Read(message);
  call.Compute();
  return read;
}
template <class Stream, class Message>
bool WriteTo(const Call& call, Stream& stream, const Message& message) {
  call.Touch();
  const bool written = stream.Write(message);
  call.Compute();
  return written;
}

// Makes the entry that a request deserves which was refused before its own rules, and names the
// entry in the status. Other errors pass unchanged.
absl::Status LogRejection(Vault& vault, const Call& call, absl::Status status);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_CALL_H_
