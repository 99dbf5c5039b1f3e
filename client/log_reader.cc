#include "client/log_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "audit/merkle.h"
#include "audit/proofs.h"
#include "audit/tiles.h"
#include "client/files.h"
#include "crypto/codec.h"
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

// Collects entries into bundles and hashes them on the way.
class Exporter {
 public:
  explicit Exporter(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Add(const std::string& entry) {
    leaves_.push_back(audit::LeafHash(entry));
    frontier_.Append(leaves_.back());
    bundle_.push_back(entry);
    return bundle_.size() == audit::kTileWidth ? WriteTiles() : absl::OkStatus();
  }

  absl::StatusOr<audit::Hash> Finish() {
    if (!bundle_.empty()) {
      const absl::Status written = WriteTiles();
      if (!written.ok()) return written;
    }
    return frontier_.Root();
  }

 private:
  // The bundle, and its leaf hashes beside it: with them a changed entry is found by its index.
  absl::Status WriteTiles() {
    const absl::StatusOr<std::string> entries = audit::EncodeEntryBundle(bundle_);
    if (!entries.ok()) return entries.status();
    const absl::StatusOr<std::string> hashes = audit::EncodeTile(leaves_);
    if (!hashes.ok()) return hashes.status();
    const absl::Status written = WriteTile(/*entries=*/true, *entries);
    if (!written.ok()) return written;
    const absl::Status hashed = WriteTile(/*entries=*/false, *hashes);
    ++written_;
    bundle_.clear();
    leaves_.clear();
    return hashed;
  }

  absl::Status WriteTile(bool entries, const std::string& bytes) const {
    const absl::StatusOr<std::string> path =
        audit::TilePath({.entries = entries,
                         .level = 0,
                         .index = written_,
                         .width = static_cast<uint32_t>(bundle_.size())});
    if (!path.ok()) return path.status();
    const std::string full = absl::StrCat(directory_, "/", *path);
    const absl::Status made = MakeDirectories(full.substr(0, full.rfind('/')));
    return made.ok() ? WriteText(full, bytes) : made;
  }

  std::string directory_;
  audit::MerkleFrontier frontier_;
  std::vector<std::string> bundle_;
  std::vector<audit::Hash> leaves_;  // of the bundle
  uint64_t written_ = 0;
};

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

absl::Status ExportLog(Session& session, const LogHead& head, const std::string& directory) {
  absl::Status status = MakeDirectories(directory);
  if (!status.ok()) return status;
  Exporter exporter(directory);
  status = ReadEntries(session, 0, head.checkpoint.size,
                       [&](uint64_t, const std::string& entry) { return exporter.Add(entry); });
  if (!status.ok()) return status;
  const absl::StatusOr<audit::Hash> root = exporter.Finish();
  if (!root.ok()) return root.status();
  if (*root != head.checkpoint.root) {
    return absl::DataLossError("log: the entries do not lead to the checkpoint's root");
  }
  status = WriteText(directory + "/vkey", head.key.ToString() + "\n");
  if (!status.ok()) return status;
  return WriteText(directory + "/checkpoint", head.note);
}

absl::StatusOr<ProvenEntry> ProveEntry(Session& session, uint64_t index,
                                       const std::optional<std::string>& leaf_hash,
                                       const std::string& pinned) {
  absl::StatusOr<audit::VerifierKey> key = absl::InternalError("no key");
  if (pinned.empty()) {
    const absl::StatusOr<LogHead> head = ReadHead(session, pinned);
    if (!head.ok()) return head.status();
    key = head->key;
  } else {
    key = ParseKey(pinned);
    if (!key.ok()) return key.status();
  }
  v1::GetInclusionProofRequest request;
  request.set_log_index(index);
  const absl::StatusOr<v1::GetInclusionProofResponse> response =
      session.Call(&Stub::GetInclusionProof, request);
  if (!response.ok()) return response.status();
  const absl::StatusOr<LogHead> head = OpenHead(response->checkpoint(), *key);
  if (!head.ok()) return head.status();

  absl::StatusOr<audit::Hash> leaf = absl::InternalError("no leaf");
  if (leaf_hash.has_value()) {
    leaf = ToHash(*leaf_hash);
  } else {
    const absl::Status read =
        ReadEntries(session, index, index + 1, [&](uint64_t, const std::string& entry) {
          leaf = audit::LeafHash(entry);
          return absl::OkStatus();
        });
    if (!read.ok()) return read;
  }
  if (!leaf.ok()) return leaf.status();

  std::vector<audit::Hash> hashes;
  std::string proof = absl::StrCat("c2sp.org/tlog-proof@v1\nindex ", index, "\n");
  for (const std::string& bytes : response->hashes()) {
    const absl::StatusOr<audit::Hash> hash = ToHash(bytes);
    if (!hash.ok()) return hash.status();
    hashes.push_back(*hash);
    absl::StrAppend(&proof, crypto::ToBase64(bytes), "\n");
  }
  const absl::Status verified =
      audit::VerifyInclusion(*leaf, index, head->checkpoint.size, hashes, head->checkpoint.root);
  if (!verified.ok()) return absl::DataLossError(std::string(verified.message()));
  absl::StrAppend(&proof, "\n", head->note);
  return ProvenEntry{std::move(proof), head->checkpoint.size};
}

}  // namespace kluis::client
