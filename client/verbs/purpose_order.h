// SPDX-License-Identifier: Apache-2.0
// What the verbs share that carry a supervisor's order about one purpose: stop, lift, rotate,
// calibrate, evaluate.
#ifndef KLUIS_CLIENT_VERBS_PURPOSE_ORDER_H_
#define KLUIS_CLIENT_VERBS_PURPOSE_ORDER_H_

#include <string>
#include <utility>
#include <vector>

#include "audit/statement.h"
#include "base/command_line.h"
#include "client/files.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client {

struct OrderOptions {
  std::string purpose;
  std::vector<std::string> keys;
  std::string reasons;
  std::string statement;
};

// The options of such a verb, which all end in `options`.
void AddOrderOptions(base::Verb verb, OrderOptions& options);

// The statement of --statement, which must be an `Order` about the purpose, or one made of the
// options and signed.
template <typename Order>
absl::StatusOr<v1::Envelope> SignedOrder(const Session& session, const OrderOptions& options,
                                         Order order) {
  if (!options.statement.empty()) {
    absl::StatusOr<v1::Envelope> statement = ReadStatement(options.statement);
    if (!statement.ok()) return statement.status();
    const absl::Status read = audit::ReadPayload(*statement, order);
    if (!read.ok()) return read;
    if (order.purpose() != options.purpose) {
      return UsageError("--statement: is about another purpose");
    }
    return statement;
  }
  if (options.reasons.empty()) return UsageError("--reasons is required");
  order.set_purpose(options.purpose);
  order.set_reasons(options.reasons);
  return session.Sign(options.keys, order);
}

// Sends that statement, made of `order`, and prints the answer.
template <typename Order, typename Request, typename Response>
Outcome SendOrder(Session& session, const OrderOptions& options,
                  grpc::Status (v1::SupervisionService::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                  Order order) {
  const absl::StatusOr<v1::Envelope> signed_order = SignedOrder(session, options, std::move(order));
  if (!signed_order.ok()) return signed_order.status();
  return session.Print(session.Send(method, &Request::mutable_order, *signed_order));
}

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_VERBS_PURPOSE_ORDER_H_
