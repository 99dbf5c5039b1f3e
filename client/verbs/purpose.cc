// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/purposes.h"
#include "client/verbs/purpose_order.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client::purpose_verbs {
namespace {

using Stub = v1::SupervisionService::Stub;

struct RegisterOptions {
  std::vector<std::string> keys;
  std::string from;
};

struct ShowOptions {
  std::string purpose;
};

struct NoOptions {};

Outcome Register(Session& session, const RegisterOptions& options) {
  const absl::StatusOr<std::string> text = ReadText(options.from);
  if (!text.ok()) return text.status();
  v1::PurposeRegistration payload;
  const absl::Status read = FromJson(*text, payload);
  if (!read.ok()) return read;
  return session.Act(&Stub::RegisterPurpose, &v1::RegisterPurposeRequest::mutable_registration,
                     options.keys, payload);
}

Outcome Rotate(Session& session, const OrderOptions& options) {
  v1::RotationOrder order;
  if (options.statement.empty()) {
    const absl::StatusOr<v1::Purpose> purpose = FindPurpose(session, options.purpose);
    if (!purpose.ok()) return purpose.status();
    order.set_follows(purpose->last_rotation());
  }
  return SendOrder(session, options, &Stub::RotateTransform, std::move(order));
}

Outcome Show(Session& session, const ShowOptions& options) {
  return session.Print(FindPurpose(session, options.purpose));
}

Outcome List(Session& session, const NoOptions&) {
  return session.PrintList(session.CallAllPages<Stub, v1::ListPurposesRequest>(&Stub::ListPurposes),
                           "purposes",
                           {{"PURPOSE", "registration.purpose"},
                            {"STOPPED", "stopped"},
                            {"ROTATING", "rotating"},
                            {"CUTS", "cuts.rule"},
                            {"OPERATIONS", "registration.operations"},
                            {"ALGORITHM", "registration.algorithm"},
                            {"CONTROLLER", "registration.controller.name"},
                            {"LEGAL BASIS", "registration.legal_basis.reference"},
                            {"TITLE", "registration.title"}});
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("purpose", "What templates may be used for");
  auto [add, options] = line.Verb<RegisterOptions>(
      group, "register", "Register a purpose (supervisor)",
      "kluis purpose register --key dpa.key --from missing-persons.json", Register);
  AddKeys(add, options->keys, "A supervisor's key");
  add.Text("--from", options->from,
           "A purpose-registration in JSON (kluis statement kinds); vault, statement_id and "
           "issued_at are filled in")
      .Called("FILE")
      .Required();
  auto [rotate, to_rotate] = line.Verb<OrderOptions>(
      group, "rotate",
      "Protect all its templates anew under a new secret; what was kept before becomes useless "
      "(supervisor)",
      "kluis purpose rotate missing-persons --key dpa.key --reasons \"a copy of the disk was "
      "found\"",
      Rotate);
  AddOrderOptions(rotate, *to_rotate);
  auto [show, to_show] = line.Verb<ShowOptions>(
      group, "show", "Show one purpose whole: its terms, and what its cuts are taken from",
      "kluis purpose show missing-persons", Show);
  show.Text("purpose", to_show->purpose, "The purpose's name").Called("PURPOSE").Required();
  line.Verb<NoOptions>(group, "list", "List the purposes, who controls them, on which basis",
                       "kluis purpose list --output json", List);
}

}  // namespace kluis::client::purpose_verbs
