// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/audit_service.h"

#include <string>
#include <utility>
#include <vector>

#include "audit/proofs.h"
#include "service/acts/requests.h"
#include "service/publish/publisher.h"

namespace kluis::service {
namespace {

constexpr size_t kBytesPerMessage = 192 * 1024;

template <class Response>
void AddHashes(const std::vector<crypto::Hash>& hashes, Response& response) {
  for (const crypto::Hash& hash : hashes) {
    response.add_hashes(std::string(crypto::Bytes(hash)));
  }
}

absl::Status NoSuchIndex(std::string_view field) {
  return WithReason(
      absl::InvalidArgumentError(std::string(field) + ": the log does not reach that far"),
      "MALFORMED_REQUEST");
}

// Writes the entries that `request` names, as far as the log reaches, in messages of some
// kBytesPerMessage. What is signed is durable: no entry leaves that a crash could take back.
absl::Status SendEntries(Vault& vault, const Call& call, const v1::ReadEntriesRequest& request,
                         grpc::ServerWriter<v1::ReadEntriesResponse>& writer) {
  const bool to_the_end = request.end() == 0 || request.end() > vault.ledger().size();
  const absl::StatusOr<SignedCheckpoint> checkpoint =
      to_the_end ? vault.publisher().Latest() : vault.publisher().Covering(request.end() - 1);
  if (!checkpoint.ok()) return checkpoint.status();
  const uint64_t end = to_the_end ? checkpoint->size : request.end();
  const auto read = vault.ledger().Entries(end);
  const absl::Status gone = absl::CancelledError("entries: the caller has gone");

  v1::ReadEntriesResponse message;
  message.set_first_index(request.start());
  size_t bytes = 0;
  for (uint64_t index = request.start(); index < end; ++index) {
    absl::StatusOr<std::string> entry = read(index);
    if (!entry.ok()) return entry.status();
    if (bytes + entry->size() > kBytesPerMessage && message.entries_size() > 0) {
      if (!WriteTo(call, writer, message)) return gone;
      message.Clear();
      message.set_first_index(index);
      bytes = 0;
    }
    bytes += entry->size();
    message.add_entries(*std::move(entry));
  }
  return message.entries_size() == 0 || WriteTo(call, writer, message) ? absl::OkStatus() : gone;
}

}  // namespace

grpc::Status AuditService::GetCheckpoint(grpc::ServerContext* context,
                                         const v1::GetCheckpointRequest* request,
                                         v1::GetCheckpointResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::GetCheckpointRequest, v1::GetCheckpointResponse>(
      context, *request, *response, Validate, [&](const Call&, v1::GetCheckpointResponse& out) {
        const absl::StatusOr<SignedCheckpoint> checkpoint = vault.publisher().Latest();
        if (!checkpoint.ok()) return checkpoint.status();
        out.set_checkpoint(checkpoint->note);
        out.set_verifier_key(vault.publisher().verifier_key());
        return absl::OkStatus();
      });
}

grpc::Status AuditService::ReadEntries(grpc::ServerContext* context,
                                       const v1::ReadEntriesRequest* request,
                                       grpc::ServerWriter<v1::ReadEntriesResponse>* writer) {
  return calls_.Stream<v1::ReadEntriesRequest>(context, *request, Validate, [&](const Call& call) {
    return SendEntries(calls_.vault(), call, *request, *writer);
  });
}

grpc::Status AuditService::GetInclusionProof(grpc::ServerContext* context,
                                             const v1::GetInclusionProofRequest* request,
                                             v1::GetInclusionProofResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::GetInclusionProofRequest, v1::GetInclusionProofResponse>(
      context, *request, *response, Validate, [&](const Call&, v1::GetInclusionProofResponse& out) {
        if (request->log_index() >= vault.ledger().size()) return NoSuchIndex("log_index");
        const absl::StatusOr<SignedCheckpoint> checkpoint =
            vault.publisher().Covering(request->log_index());
        if (!checkpoint.ok()) return checkpoint.status();
        const auto proof =
            audit::ProveInclusion(request->log_index(), checkpoint->size, vault.ledger().Nodes());
        if (!proof.ok()) return proof.status();
        out.set_checkpoint(checkpoint->note);
        AddHashes(*proof, out);
        return absl::OkStatus();
      });
}

grpc::Status AuditService::GetConsistencyProof(grpc::ServerContext* context,
                                               const v1::GetConsistencyProofRequest* request,
                                               v1::GetConsistencyProofResponse* response) {
  Vault& vault = calls_.vault();
  return calls_.Unary<v1::GetConsistencyProofRequest, v1::GetConsistencyProofResponse>(
      context, *request, *response, Validate,
      [&](const Call&, v1::GetConsistencyProofResponse& out) {
        // Of what was signed only: nothing else must be taken for the root of this log.
        if (request->new_size() > vault.publisher().Last().size) return NoSuchIndex("new_size");
        const auto proof = audit::ProveConsistency(request->old_size(), request->new_size(),
                                                   vault.ledger().Nodes());
        if (!proof.ok()) return proof.status();
        AddHashes(*proof, out);
        return absl::OkStatus();
      });
}

}  // namespace kluis::service
