// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/inspection.h"
#include "client/purposes.h"
#include "client/verbs/purpose_order.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client::order_verbs {
namespace {

using Stub = v1::SupervisionService::Stub;

struct InspectOptions {
  uint32_t start = 0;
  uint32_t end = 0;
  std::vector<std::string> keys;
  std::string reasons;
  std::string statement;
  std::string out;
};

Outcome Stop(Session& session, const OrderOptions& options) {
  return SendOrder(session, options, &Stub::OrderStop, v1::StopOrder());
}

// Names the stop that is in force now.
Outcome Lift(Session& session, const OrderOptions& options) {
  v1::LiftOrder order;
  if (options.statement.empty()) {
    const absl::StatusOr<v1::Purpose> purpose = FindPurpose(session, options.purpose);
    if (!purpose.ok()) return purpose.status();
    order.set_stop(purpose->last_stop());
  }
  return SendOrder(session, options, &Stub::LiftStop, std::move(order));
}

absl::StatusOr<v1::Envelope> InspectionOrder(Session& session, const InspectOptions& options) {
  if (!options.statement.empty()) return ReadStatement(options.statement);
  if (options.reasons.empty()) return UsageError("--reasons is required");
  if (options.start >= options.end) return UsageError("--end: must be after --start");
  v1::InspectionOrder order;
  order.set_start_index(options.start);
  order.set_end_index(options.end);
  order.set_reasons(options.reasons);
  return session.Sign(options.keys, order);
}

Outcome InspectLog(Session& session, const InspectOptions& options) {
  const absl::StatusOr<v1::Envelope> order = InspectionOrder(session, options);
  if (!order.ok()) return order.status();
  const absl::StatusOr<Inspected> inspected = Inspect(session, *order, options.out);
  if (!inspected.ok()) return inspected.status();
  if (session.json()) {
    session.out() << nlohmann::ordered_json{{"receipt",
                                             nlohmann::json::parse(ToJson(inspected->receipt))},
                                            {"openings", inspected->openings},
                                            {"file", options.out}}
                         .dump()
                  << "\n";
  } else {
    session.out() << "opened " << inspected->openings << " commitments; they are in "
                  << Printable(options.out) << ", log entry " << inspected->receipt.log_index()
                  << " says so\n";
  }
  return ExitCode::kDone;
}

void AddInspectOptions(base::Verb verb, InspectOptions& options) {
  const base::Option keys =
      verb.Repeated("--key", options.keys, "A supervisor's key; repeatable").Called("FILE");
  const base::Option start =
      verb.Count("--start", options.start, "First log index; 0 unless given").Called("N");
  const base::Option end =
      verb.Count("--end", options.end, "First log index not to open").Called("N");
  const base::Option reasons = verb.Text("--reasons", options.reasons, "Why; public in the log");
  verb.Text("--statement", options.statement,
            "A signed order instead (kluis statement sign inspection-order, and cosign)")
      .Called("FILE")
      .Excludes(keys)
      .Excludes(start)
      .Excludes(end)
      .Excludes(reasons);
  verb.Text("-o,--out", options.out, "Where to write the openings, for your eyes only")
      .Called("FILE")
      .Required();
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group =
      line.Group("order", "Stop the searches of a purpose, inspect what was done (supervisor)");
  auto [stop, to_stop] = line.Verb<OrderOptions>(
      group, "stop", "Stop it; in force before this returns",
      "kluis order stop missing-persons --key dpa.key --reasons \"complaint 2026-17\"", Stop);
  AddOrderOptions(stop, *to_stop);
  auto [lift, to_lift] = line.Verb<OrderOptions>(
      group, "lift", "Let it run again; needs as many supervisors as the founding says",
      "kluis order lift missing-persons --key dpa-1.key --key dpa-2.key --reasons \"remedied\"",
      Lift);
  AddOrderOptions(lift, *to_lift);
  auto [inspect, to_inspect] = line.Verb<InspectOptions>(
      group, "inspect",
      "Open the commitments of log entries, for kluis-audit replay --with-details; needs as many "
      "supervisors as a lift",
      "kluis order inspect --start 100 --end 200 --key dpa-1.key --key dpa-2.key \\\n"
      "    --reasons \"complaint 2026-17\" -o details.jsonl",
      InspectLog);
  AddInspectOptions(inspect, *to_inspect);
}

}  // namespace kluis::client::order_verbs
