// SPDX-License-Identifier: Apache-2.0
#include "client/inspection.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "audit/statement.h"
#include "base/codec.h"
#include "client/failure.h"
#include "client/replaced_file.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client {
namespace {

std::string LineOf(const v1::CommitmentOpening& opening) {
  return nlohmann::ordered_json{{"log_index", opening.log_index()},
                                {"what", opening.what()},
                                {"nonce", base::ToBase64(opening.nonce())},
                                {"payload", base::ToBase64(opening.payload())}}
             .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

absl::Status Take(const v1::InspectEntriesResponse& message, const v1::InspectionOrder& order,
                  ReplacedFile& file, Inspected& inspected) {
  if (message.has_receipt()) {
    inspected.receipt = message.receipt();
    return absl::OkStatus();
  }
  const uint64_t index = message.opening().log_index();
  if (!message.has_opening() || index < order.start_index() || index >= order.end_index()) {
    return absl::DataLossError(
        "inspection: the vault answers with something else than was ordered");
  }
  ++inspected.openings;
  return file.Write(LineOf(message.opening()));
}

}  // namespace

absl::StatusOr<Inspected> Inspect(Session& session, const v1::Envelope& order,
                                  const std::string& path) {
  v1::InspectionOrder ordered;
  const absl::Status read = audit::ReadPayload(order, ordered);
  if (!read.ok()) return read;
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = session.Channel();
  if (!channel.ok()) return channel.status();
  // First, so that no order is used up for a file that cannot be written.
  absl::StatusOr<ReplacedFile> file = ReplacedFile::Open(path);
  if (!file.ok()) return file.status();

  v1::SupervisionService::Stub stub(*channel);
  grpc::ClientContext context;
  session.SetDeadline(context);
  v1::InspectEntriesRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_order() = order;
  const auto stream = stub.InspectEntries(&context, request);
  Inspected inspected;
  v1::InspectEntriesResponse message;
  absl::Status failure;
  while (failure.ok() && stream->Read(&message)) {
    failure = Take(message, ordered, *file, inspected);
  }
  if (!failure.ok()) context.TryCancel();
  const grpc::Status ended = stream->Finish();
  if (!failure.ok()) return failure;
  if (!ended.ok()) return FromServer(ended);
  if (!inspected.receipt.has_decided_at()) {
    return absl::DataLossError("inspection: the vault gave no receipt");
  }
  failure = file->Commit();
  if (!failure.ok()) return failure;
  return inspected;
}

}  // namespace kluis::client
