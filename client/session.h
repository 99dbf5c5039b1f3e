// SPDX-License-Identifier: Apache-2.0
// One run of the command line: who calls, which vault, over which connection. Files and the
// connection are opened when a verb first needs them, so that signing works offline.
// Calls block; a Session belongs to one thread, its channel may be shared.
#ifndef KLUIS_CLIENT_SESSION_H_
#define KLUIS_CLIENT_SESSION_H_

#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/details.h"
#include "client/draft.h"
#include "client/failure.h"
#include "client/output.h"
#include "crypto/ed25519.h"
#include "kluis/v1/statements.pb.h"

namespace kluis::client {

// The options that all verbs share.
struct Settings {
  std::string server = "127.0.0.1:7443";
  std::string home;      // holds pki/ and vault.txt
  std::string identity;  // ROLE/NAME: <home>/pki/ROLE/NAME.crt and .key
  std::string ca;        // these three win over home and identity
  std::string cert;
  std::string cert_key;
  std::string vault;
  double timeout_seconds = 30;
  std::string output = "human";  // or "json"
};

class Session {
 public:
  // `out` and `err` must outlive the session. `channel`: calls go over it, whoever the settings say
  // calls; null: Channel() makes one.
  Session(Settings settings, std::ostream& out, std::ostream& err,
          std::shared_ptr<grpc::Channel> channel = nullptr)
      : settings_(std::move(settings)), out_(out), err_(err), channel_(std::move(channel)) {}

  const Settings& settings() const { return settings_; }
  bool json() const { return settings_.output == "json"; }
  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }

  // The vault's name: --vault, else the one line of <home>/vault.txt.
  // kInvalidArgument: neither is there; the message says so.
  absl::StatusOr<std::string> Vault() const;

  // mTLS with the caller's certificate; made once. No packet is sent before the first call.
  // kInvalidArgument: no identity given, or its files cannot be read.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Channel();

  // Stamps `payload` with what it lacks of vault, statement_id and now, and signs it with each key
  // file. kInvalidArgument: no key, no vault name, or MakeStatement refuses; or as ReadSigningKey.
  absl::StatusOr<v1::Envelope> Sign(const std::vector<std::string>& key_files,
                                    google::protobuf::Message& payload) const;

  // One unary call within --timeout. `method` is &v1::XService::Stub::Method. Errors: Channel's,
  // and the server's as FromServer gives them.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Channel();
    if (!channel.ok()) return channel.status();
    Stub stub(*channel);
    grpc::ClientContext context;
    SetDeadline(context);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return FromServer(status);
    return response;
  }

  // All pages of a list as one response.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> CallAllPages(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                     const Request&, Response*)) {
    Request request;
    request.set_page_size(100);
    return CallPages(method, std::move(request));
  }

  // The same of a request whose pages have the vault's size; what is no list is the first page's.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> CallPages(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                  const Request&, Response*),
                                     Request request) {
    Response all;
    do {
      const absl::StatusOr<Response> page = Call(method, request);
      if (!page.ok()) return page.status();
      request.set_page_token(page->next_page_token());
      all.MergeFrom(*page);
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    return all;
  }

  // Sends a signed statement under a new request_id. `slot` is the request's field for it:
  // &v1::OpenCaseRequest::mutable_opening.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Send(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                v1::Envelope* (Request::*slot)(), const v1::Envelope& statement) {
    Request request;
    request.set_request_id(NewRequestId());
    *(request.*slot)() = statement;
    return Call(method, request);
  }

  // As Send, of a statement that commits to `details`: they go beside it.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Send(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                v1::Envelope* (Request::*slot)(), const v1::Envelope& statement,
                                const audit::Details& details) {
    Request request;
    request.set_request_id(NewRequestId());
    *(request.*slot)() = statement;
    request.set_details(details.payload);
    request.set_details_nonce(details.nonce);
    return Call(method, request);
  }

  // Signs the payload, sends it and prints the answer: the life of every human act.
  template <typename Stub, typename Request, typename Response>
  Outcome Act(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              v1::Envelope* (Request::*slot)(), const std::vector<std::string>& key_files,
              google::protobuf::Message& payload) {
    const absl::StatusOr<v1::Envelope> statement = Sign(key_files, payload);
    if (!statement.ok()) return statement.status();
    return Print(Send(method, slot, *statement));
  }

  // Prints the answer, or passes the failure on.
  template <typename Response>
  Outcome Print(const absl::StatusOr<Response>& response) {
    if (!response.ok()) return response.status();
    PrintMessage(*response);
    return ExitCode::kDone;
  }

  // The same for a list: a table with --output human.
  template <typename Response>
  Outcome PrintList(const absl::StatusOr<Response>& response, std::string_view field,
                    const std::vector<Column>& columns) {
    if (!response.ok()) return response.status();
    out_ << (json() ? ToJson(*response) + "\n" : ToTable(*response, field, columns));
    return ExitCode::kDone;
  }

  void PrintMessage(const google::protobuf::Message& message);

  // --timeout from now.
  void SetDeadline(grpc::ClientContext& context) const;

 private:
  Settings settings_;
  std::ostream& out_;
  std::ostream& err_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_SESSION_H_
