// SPDX-License-Identifier: Apache-2.0
// Decision time, for operators and supervisors: what it is, saying what time it really is, and
// letting a sweep go on that would end many people at once.
#include "absl/strings/str_cat.h"
#include "client/command_line.h"
#include "client/draft.h"
#include "client/files.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/vault_service.grpc.pb.h"

namespace kluis::client::clock_verbs {
namespace {

using Stub = v1::VaultService::Stub;

struct NoOptions {};

struct ClockOptions {
  std::vector<std::string> keys;
  std::string reasons;
  std::string time = "now";
  std::string statement;
  std::string out;
};

struct ApproveOptions {
  std::vector<std::string> keys;
  uint32_t people = 0;
  std::string reasons;
  std::string statement;
};

absl::StatusOr<v1::ClockStatus> ClockOf(Session& session) {
  absl::StatusOr<v1::GetVaultStatusResponse> status =
      session.Call(&Stub::GetVaultStatus, v1::GetVaultStatusRequest());
  if (!status.ok()) return status.status();
  return std::move(*status->mutable_clock());
}

Outcome Show(Session& session, const NoOptions&) {
  const absl::StatusOr<v1::ClockStatus> clock = ClockOf(session);
  if (!clock.ok()) return clock.status();
  session.PrintMessage(*clock);
  if (!clock->fault().empty()) {
    session.err() << "kluis: " << Printable(clock->fault())
                  << ". Set the machine's clock right; if the vault still stands still then, two "
                     "operators run `kluis clock confirm`.\n";
  }
  if (clock->sweep_waits_for() > 0) {
    session.err() << "kluis: a sweep would end " << clock->sweep_waits_for()
                  << " people; if their time is really over: `kluis sweep approve --people "
                  << clock->sweep_waits_for() << "`\n";
  }
  return ExitCode::kDone;
}

// The order of --statement, or one about the log's head as the vault shows it.
template <class Order>
absl::StatusOr<v1::Envelope> OrderOf(Session& session, const ClockOptions& options) {
  if (!options.statement.empty()) return ReadStatement(options.statement);
  if (options.reasons.empty()) return UsageError("--reasons is required");
  const absl::StatusOr<int64_t> time = ParseTime(options.time, Now());
  if (!time.ok()) return UsageError(absl::StrCat("--time: ", time.status().message()));
  const absl::StatusOr<v1::ClockStatus> clock = ClockOf(session);
  if (!clock.ok()) return clock.status();
  Order order;
  *order.mutable_time() = ToTimestamp(*time);
  order.set_size(static_cast<uint32_t>(clock->head_size()));
  order.set_root(clock->head_root());
  order.set_reasons(options.reasons);
  return session.Sign(options.keys, order);
}

// Sends the order, or writes it for somebody else to sign as well.
template <class Order, class Request, class Response>
Outcome Give(Session& session, const ClockOptions& options,
             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  const absl::StatusOr<v1::Envelope> order = OrderOf<Order>(session, options);
  if (!order.ok()) return order.status();
  if (!options.out.empty()) {
    const absl::Status written = WriteStatement(options.out, *order);
    if (!written.ok()) return written;
    session.err() << "kluis: wrote " << Printable(options.out)
                  << "; `kluis statement cosign` adds a signature, within the hour\n";
    return ExitCode::kDone;
  }
  return session.Print(session.Send(method, &Request::mutable_order, *order));
}

Outcome Confirm(Session& session, const ClockOptions& options) {
  return Give<v1::ClockOrder>(session, options, &Stub::ConfirmClock);
}

Outcome SetBack(Session& session, const ClockOptions& options) {
  return Give<v1::ClockSetBackOrder>(session, options, &Stub::SetClockBack);
}

Outcome Approve(Session& session, const ApproveOptions& options) {
  absl::StatusOr<v1::Envelope> approval;
  if (!options.statement.empty()) {
    approval = ReadStatement(options.statement);
  } else {
    if (options.reasons.empty()) return UsageError("--reasons is required");
    if (options.people == 0) return UsageError("--people is required, see `kluis clock show`");
    v1::SweepApproval payload;
    payload.set_people(options.people);
    payload.set_reasons(options.reasons);
    approval = session.Sign(options.keys, payload);
  }
  if (!approval.ok()) return approval.status();
  return session.Print(
      session.Send(&Stub::ApproveSweep, &v1::ApproveSweepRequest::mutable_approval, *approval));
}

void AddClockOptions(base::Verb verb, ClockOptions& options, const std::string& whose) {
  const base::Option keys =
      verb.Repeated("--key", options.keys, whose + " key; repeatable").Called("FILE");
  const base::Option reasons = verb.Text("--reasons", options.reasons, "Why; public in the log");
  const base::Option time =
      verb.Text("--time", options.time, "What time it is; else this machine's own clock")
          .Called("TIME");
  const base::Option out =
      verb.Text("-o,--out", options.out, "Send nothing, and write the order for a cosigner")
          .Called("FILE");
  verb.Text("--statement", options.statement, "A signed order instead")
      .Called("FILE")
      .Excludes(keys)
      .Excludes(reasons)
      .Excludes(time)
      .Excludes(out);
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb clock = line.Group("clock", "What time the vault decides by, and mending it");
  line.Verb<NoOptions>(clock, "show",
                       "Print decision time, the machine's clock, and which is ahead by how much",
                       "kluis clock show", Show);
  auto [confirm, to_confirm] = line.Verb<ClockOptions>(
      clock, "confirm",
      "Say that the machine's clock is right, when the vault does not know (two operators); set "
      "that clock first. The order is for the log's head, and for an hour",
      "kluis clock confirm --key op-1.key --reasons \"down for ten days\" -o clock.dsse.json\n"
      "  kluis statement cosign clock.dsse.json --key op-2.key\n"
      "  kluis clock confirm --statement clock.dsse.json",
      Confirm);
  AddClockOptions(confirm, *to_confirm, "An operator's");
  auto [back, to_set] = line.Verb<ClockOptions>(
      clock, "set-back",
      "Bring a log back that is in the future; needs as many supervisors as a lift",
      "kluis clock set-back --key dpa-1.key --key dpa-2.key --reasons \"the clock was 900 days "
      "ahead\"",
      SetBack);
  AddClockOptions(back, *to_set, "A supervisor's");

  base::Verb sweep = line.Group("sweep", "What ends by itself when its time is over");
  auto [approve, to_approve] = line.Verb<ApproveOptions>(
      sweep, "approve",
      "Let a sweep go on that waits because it would end many people at once (operator)",
      "kluis sweep approve --people 37 --key op-1.key --reasons \"the project ended in May\"",
      Approve);
  const base::Option keys =
      approve.Repeated("--key", to_approve->keys, "An operator's key").Called("FILE");
  const base::Option people =
      approve.Count("--people", to_approve->people, "How many at most, see `kluis clock show`")
          .Called("N");
  const base::Option reasons =
      approve.Text("--reasons", to_approve->reasons, "Why; public in the log");
  approve.Text("--statement", to_approve->statement, "A signed approval instead")
      .Called("FILE")
      .Excludes(keys)
      .Excludes(people)
      .Excludes(reasons);
}

}  // namespace kluis::client::clock_verbs
