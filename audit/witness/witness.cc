// SPDX-License-Identifier: Apache-2.0
#include "audit/witness/witness.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/proofs.h"
#include "audit/witness/cosignature.h"
#include "base/codec.h"
#include "crypto/sha256.h"

namespace kluis::audit {
namespace {

constexpr std::string_view kStateHeader = "kluis-witness-state-v1\n";
constexpr size_t kMaxStateBytes = kMaxAddCheckpointBytes + kStateHeader.size();
constexpr std::string_view kPlain = "text/plain; charset=utf-8";

WitnessReply Refuse(int status, std::string_view reason) {
  return {status, std::string(kPlain), absl::StrCat(std::string(reason), "\n"),
          std::string(reason)};
}

WitnessReply Refuse(int status, const absl::Status& why) {
  return Refuse(status, std::string(why.message()));
}

// The checkpoint in a note's text. Extension lines are part of what is cosigned and mean nothing
// here. kInvalidArgument: as ParseCheckpoint, or an empty extension line.
absl::StatusOr<Checkpoint> ReadCheckpoint(std::string_view text) {
  size_t end = 0;
  for (int line = 0; line < 3 && end != std::string_view::npos; ++line) {
    end = text.find('\n', end);
    if (end != std::string_view::npos) ++end;
  }
  if (end == std::string_view::npos) end = text.size();
  const std::string_view extensions = text.substr(end);
  if (extensions.starts_with('\n') || extensions.find("\n\n") != std::string_view::npos) {
    return absl::InvalidArgumentError("checkpoint: an extension line is empty");
  }
  return ParseCheckpoint(text.substr(0, end));
}

absl::Status Damaged(const std::string& path, std::string_view why) {
  return absl::DataLossError(absl::StrCat(path, ": ", std::string(why),
                                          "; the witness does not know what it has signed and "
                                          "refuses to go on"));
}

}  // namespace

Witness::Witness(Options options, crypto::SigningKey key, VerifierKey verifier,
                 crypto::FileSystem& files)
    : options_(std::move(options)),
      key_(std::move(key)),
      verifier_(std::move(verifier)),
      files_(files) {}

absl::StatusOr<std::unique_ptr<Witness>> Witness::Open(Options options, crypto::SigningKey key,
                                                       crypto::FileSystem& files) {
  absl::StatusOr<VerifierKey> verifier =
      VerifierKey::Create(options.name, KeyType::kEd25519Cosignature, key.public_key());
  if (!verifier.ok()) return verifier.status();
  if (options.logs.empty()) return absl::InvalidArgumentError("witness: no log to witness");
  std::unique_ptr<Witness> witness(
      new Witness(std::move(options), std::move(key), *std::move(verifier), files));
  for (const VerifierKey& log_key : witness->options_.logs) {
    if (log_key.type() != KeyType::kEd25519) {
      return absl::InvalidArgumentError(
          absl::StrCat("witness: the key of ", log_key.name(), " must be of type 01"));
    }
    if (log_key.key() == witness->verifier_.key()) {
      return absl::InvalidArgumentError("witness: its own key must not be that of a log");
    }
    std::unique_ptr<Log>& log = witness->logs_[log_key.name()];
    if (log == nullptr) log = std::make_unique<Log>();
    if (std::find(log->keys.begin(), log->keys.end(), log_key) != log->keys.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("witness: a key of ", log_key.name(), " is given twice"));
    }
    log->keys.push_back(log_key);
  }
  for (const auto& [origin, log] : witness->logs_) {
    const absl::Status loaded = witness->Load(*log, origin);
    if (!loaded.ok()) return loaded;
  }
  return witness;
}

absl::Status Witness::Load(Log& log, const std::string& origin) {
  const crypto::Hash id = crypto::Sha256({origin});
  log.path = absl::StrCat(options_.directory, "/", base::ToHex(crypto::Bytes(id)), ".witness");
  const absl::StatusOr<crypto::SecretBytes> bytes = files_.ReadPrivate(log.path, kMaxStateBytes);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();  // never cosigned
  if (!bytes.ok()) return bytes.status();
  const std::string_view state(reinterpret_cast<const char*>(bytes->Expose().data()),
                               bytes->size());
  if (!state.starts_with(kStateHeader)) return Damaged(log.path, "not a witness's state file");
  const absl::StatusOr<Note> note = ParseNote(state.substr(kStateHeader.size()));
  if (!note.ok()) return Damaged(log.path, "holds no signed note");
  const absl::StatusOr<std::vector<NoteSignature>> verified = VerifyNote(*note, log.keys);
  // Only lines of the log's keys are ever written, so that every byte is guarded by a signature.
  if (!verified.ok() || *verified != note->signatures) {
    return Damaged(log.path, absl::StrCat("not signed by the known keys of ", origin));
  }
  const absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(note->text);
  if (!checkpoint.ok() || checkpoint->origin != origin) {
    return Damaged(log.path, absl::StrCat("not a checkpoint of ", origin));
  }
  log.size = checkpoint->size;
  log.root = checkpoint->root;
  return absl::OkStatus();
}

WitnessReply Witness::AddCheckpoint(std::string_view body) {
  const absl::StatusOr<AddCheckpointRequest> request = ParseAddCheckpoint(body);
  if (!request.ok()) return Refuse(400, request.status());
  absl::StatusOr<Note> note = ParseNote(request->checkpoint);
  if (!note.ok()) return Refuse(400, note.status());
  const auto found = logs_.find(note->text.substr(0, note->text.find('\n')));
  if (found == logs_.end()) return Refuse(404, "unknown origin");
  Log& log = *found->second;
  absl::StatusOr<std::vector<NoteSignature>> signatures = VerifyNote(*note, log.keys);
  if (!signatures.ok()) {
    return Refuse(403, absl::StrCat(found->first, ": no valid signature of a known key"));
  }
  note->signatures = *std::move(signatures);
  const absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(note->text);
  if (!checkpoint.ok()) return Refuse(400, checkpoint.status());
  if (request->old_size > checkpoint->size) {
    return Refuse(400, absl::StrCat(found->first, ": the old size is above the checkpoint's"));
  }
  const std::lock_guard lock(log.mutex);
  return Cosign(log, *request, *checkpoint, *note);
}

WitnessReply Witness::Cosign(Log& log, const AddCheckpointRequest& request,
                             const Checkpoint& checkpoint, const Note& note) {
  const std::string which = absl::StrCat(checkpoint.origin, " size ", checkpoint.size);
  if (request.old_size != log.size) {
    return {
        409, std::string(kSizeContentType), FormatTreeSize(log.size),
        absl::StrCat(which, ": proof begins at ", request.old_size, ", cosigned is ", log.size)};
  }
  if (log.size == checkpoint.size && log.root != checkpoint.root) {
    return Refuse(409, absl::StrCat(which, ": another root was cosigned for this size"));
  }
  const absl::Status consistent =
      VerifyConsistency(log.size, log.root, checkpoint.size, checkpoint.root, request.proof);
  if (!consistent.ok()) {
    return Refuse(422, absl::StrCat(which, ": ", std::string(consistent.message())));
  }
  const absl::Status persisted = Persist(log, note);
  if (!persisted.ok()) {
    WitnessReply reply = Refuse(500, "the witness could not store the checkpoint");
    reply.summary = absl::StrCat(which, ": ", std::string(persisted.message()));
    return reply;
  }
  const absl::StatusOr<NoteSignature> cosignature =
      CosignText(note.text, options_.name, key_, options_.now());
  if (!cosignature.ok()) return Refuse(500, cosignature.status());
  log.size = checkpoint.size;
  log.root = checkpoint.root;
  return {200, std::string(kPlain), FormatSignatureLine(*cosignature),
          absl::StrCat(which, ": cosigned")};
}

absl::Status Witness::Persist(const Log& log, const Note& note) {
  const absl::StatusOr<std::string> formatted = FormatNote(note);
  if (!formatted.ok()) return formatted.status();
  const std::string state = absl::StrCat(std::string(kStateHeader), *formatted);
  const std::string fresh = log.path + ".new";
  const absl::Status removed = files_.Remove(fresh);  // of a write that was cut off
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  const absl::Status created = files_.CreateSynced(
      fresh, std::span(reinterpret_cast<const uint8_t*>(state.data()), state.size()));
  if (!created.ok()) return created;
  const absl::Status renamed = files_.Rename(fresh, log.path);
  if (!renamed.ok()) return renamed;
  return files_.SyncDirectory(options_.directory);
}

uint64_t Witness::SizeOf(const std::string& origin) const {
  const auto found = logs_.find(origin);
  if (found == logs_.end()) return 0;
  const std::lock_guard lock(found->second->mutex);
  return found->second->size;
}

}  // namespace kluis::audit
