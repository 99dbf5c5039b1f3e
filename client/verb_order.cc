#include "audit/statement.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/verbs.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client {
namespace {

using Stub = v1::SupervisionService::Stub;

struct OrderOptions {
  std::string purpose;
  std::vector<std::string> keys;
  std::string reasons;
  std::string statement;
};

// Sends the statement of --statement, or makes one of the options.
template <typename Order, typename Request, typename Response>
Outcome Send(Session& session, const OrderOptions& options,
             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  if (!options.statement.empty()) {
    const absl::StatusOr<v1::Envelope> statement = ReadStatement(options.statement);
    if (!statement.ok()) return statement.status();
    Order order;
    const absl::Status read = audit::ReadPayload(*statement, order);
    if (!read.ok()) return read;
    if (order.purpose() != options.purpose) {
      return UsageError("--statement: is about another purpose");
    }
    return session.Print(session.Send(method, &Request::mutable_order, *statement));
  }
  if (options.reasons.empty()) return UsageError("--reasons is required");
  Order order;
  order.set_purpose(options.purpose);
  order.set_reasons(options.reasons);
  return session.Act(method, &Request::mutable_order, options.keys, order);
}

Outcome Stop(Session& session, const OrderOptions& options) {
  return Send<v1::StopOrder>(session, options, &Stub::OrderStop);
}

Outcome Lift(Session& session, const OrderOptions& options) {
  return Send<v1::LiftOrder>(session, options, &Stub::LiftStop);
}

void AddOrderOptions(CLI::App& verb, OrderOptions& options) {
  verb.add_option("purpose", options.purpose, "The purpose's name")
      ->type_name("PURPOSE")
      ->required();
  CLI::Option* keys =
      AddRepeated(verb, "--key", options.keys, "A supervisor's key; repeatable")->type_name("FILE");
  CLI::Option* reasons = verb.add_option("--reasons", options.reasons, "Why; public in the log");
  verb.add_option("--statement", options.statement,
                  "A signed order instead (kluis statement sign and cosign)")
      ->type_name("FILE")
      ->excludes(keys)
      ->excludes(reasons);
}

}  // namespace

void AddOrderVerbs(CommandLine& line) {
  CLI::App& group = line.Group("order", "Stop all searches of a purpose (supervisor)");
  auto [stop, to_stop] = line.Verb<OrderOptions>(
      group, "stop", "Stop it; in force before this returns",
      "kluis order stop missing-persons --key dpa.key --reasons \"complaint 2026-17\"", Stop);
  AddOrderOptions(*stop, *to_stop);
  auto [lift, to_lift] = line.Verb<OrderOptions>(
      group, "lift", "Let it run again; needs as many supervisors as the founding says",
      "kluis order lift missing-persons --key dpa-1.key --key dpa-2.key --reasons \"remedied\"",
      Lift);
  AddOrderOptions(*lift, *to_lift);
}

}  // namespace kluis::client
