// SPDX-License-Identifier: Apache-2.0
#include "client/log_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "audit/merkle.h"
#include "audit/proof_file.h"
#include "client/files.h"
#include "kluis/v1/audit_service.grpc.pb.h"

namespace kluis::client {
namespace {

using Stub = v1::AuditService::Stub;

constexpr uint64_t kEntriesPerCall = 4096;

absl::StatusOr<audit::VerifierKey> ParseKey(const std::string& text_or_file) {
  absl::StatusOr<audit::VerifierKey> key = audit::VerifierKey::Parse(text_or_file);
  if (key.ok()) return key;
  const absl::StatusOr<std::string> text = ReadText(text_or_file);
  if (!text.ok()) return key;
  return audit::VerifierKey::Parse(std::string(absl::StripAsciiWhitespace(*text)));
}

absl::StatusOr<LogHead> OpenHead(std::string note, const audit::VerifierKey& key) {
  absl::StatusOr<audit::OpenedCheckpoint> opened =
      audit::OpenCheckpoint(note, key.name(), {&key, 1});
  if (!opened.ok()) return opened.status();
  return LogHead{std::move(note), key, std::move(opened->checkpoint)};
}

absl::StatusOr<audit::Hash> ToHash(std::string_view bytes) {
  audit::Hash hash;
  if (bytes.size() != hash.size()) return absl::DataLossError("log: a hash is not 32 bytes");
  std::memcpy(hash.data(), bytes.data(), hash.size());
  return hash;
}

// One call of the stream, [start, end).
absl::Status ReadSpan(Session& session, uint64_t start, uint64_t end,
                      const std::function<absl::Status(uint64_t, const std::string&)>& take) {
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = session.Channel();
  if (!channel.ok()) return channel.status();
  Stub stub(*channel);
  grpc::ClientContext context;
  session.SetDeadline(context);
  v1::ReadEntriesRequest request;
  request.set_start(start);
  request.set_end(end);
  const auto stream = stub.ReadEntries(&context, request);
  v1::ReadEntriesResponse response;
  uint64_t next = start;
  absl::Status failure;
  while (failure.ok() && stream->Read(&response)) {
    if (response.first_index() != next ||
        static_cast<uint64_t>(response.entries_size()) > end - next) {
      failure = absl::DataLossError("log: other entries than were asked for");
    }
    for (int i = 0; failure.ok() && i < response.entries_size(); ++i) {
      failure = take(next++, response.entries(i));
    }
  }
  if (!failure.ok()) context.TryCancel();
  const grpc::Status ended = stream->Finish();
  if (!failure.ok()) return failure;
  if (!ended.ok()) return FromServer(ended);
  if (next == end) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("log: ends before entry ", next));
}

}  // namespace

absl::StatusOr<LogHead> ReadHead(Session& session, const std::string& pinned) {
  const absl::StatusOr<v1::GetCheckpointResponse> response =
      session.Call(&Stub::GetCheckpoint, v1::GetCheckpointRequest());
  if (!response.ok()) return response.status();
  const absl::StatusOr<audit::VerifierKey> key =
      pinned.empty() ? audit::VerifierKey::Parse(response->verifier_key()) : ParseKey(pinned);
  if (!key.ok()) return key.status();
  return OpenHead(response->checkpoint(), *key);
}

absl::Status ReadEntries(Session& session, uint64_t start, uint64_t end,
                         const std::function<absl::Status(uint64_t, const std::string&)>& take) {
  while (start < end) {
    const uint64_t stop = start + std::min(end - start, kEntriesPerCall);
    const absl::Status read = ReadSpan(session, start, stop, take);
    if (!read.ok()) return read;
    start = stop;
  }
  return absl::OkStatus();
}

absl::StatusOr<ProvenEntry> ProveEntry(Session& session, const ProofOrder& order) {
  absl::StatusOr<audit::VerifierKey> key = absl::InternalError("no key");
  if (order.pinned.empty()) {
    const absl::StatusOr<LogHead> head = ReadHead(session, order.pinned);
    if (!head.ok()) return head.status();
    key = head->key;
  } else {
    key = ParseKey(order.pinned);
    if (!key.ok()) return key.status();
  }
  v1::GetInclusionProofRequest request;
  request.set_log_index(order.index);
  const absl::StatusOr<v1::GetInclusionProofResponse> response =
      session.Call(&Stub::GetInclusionProof, request);
  if (!response.ok()) return response.status();

  audit::ProofFile proof;
  proof.index = order.index;
  proof.checkpoint = response->checkpoint();
  for (const std::string& bytes : response->hashes()) {
    const absl::StatusOr<audit::Hash> hash = ToHash(bytes);
    if (!hash.ok()) return hash.status();
    proof.hashes.push_back(*hash);
  }
  ProvenEntry proven;
  if (order.with_entry || !order.leaf_hash.has_value()) {
    const absl::Status read =
        ReadEntries(session, order.index, order.index + 1, [&](uint64_t, const std::string& entry) {
          proven.entry = entry;
          return absl::OkStatus();
        });
    if (!read.ok()) return read;
  }
  const absl::StatusOr<audit::Hash> leaf =
      order.leaf_hash.has_value() ? ToHash(*order.leaf_hash) : audit::LeafHash(*proven.entry);
  if (!leaf.ok()) return leaf.status();
  if (proven.entry.has_value() && audit::LeafHash(*proven.entry) != *leaf) {
    return absl::DataLossError("log: the entry is not the one of this leaf hash");
  }
  const absl::StatusOr<audit::ProvenEntry> verified =
      audit::VerifyProofFile(proof, *leaf, *key, {}, /*quorum=*/0);
  if (!verified.ok()) return absl::DataLossError(std::string(verified.status().message()));
  absl::StatusOr<std::string> file = audit::FormatProofFile(proof);
  if (!file.ok()) return absl::DataLossError(std::string(file.status().message()));
  proven.proof = *std::move(file);
  proven.checkpoint = verified->checkpoint;
  return proven;
}

}  // namespace kluis::client
