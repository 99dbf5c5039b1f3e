// SPDX-License-Identifier: Apache-2.0
#include "service/publish/publisher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/merkle.h"
#include "audit/proofs.h"
#include "audit/verifier_key.h"
#include "base/codec.h"
#include "crypto/file_system.h"

namespace kluis::service {
namespace {

absl::StatusOr<audit::Checkpoint> Read(const std::string& note, const std::string& origin,
                                       const crypto::PublicKey& key) {
  const auto verifier = audit::VerifierKey::Create(origin, audit::KeyType::kEd25519, key);
  if (!verifier.ok()) return verifier.status();
  const std::array keys = {*verifier};
  absl::StatusOr<audit::OpenedCheckpoint> opened = audit::OpenCheckpoint(note, origin, keys);
  if (!opened.ok()) return opened.status();
  return std::move(opened->checkpoint);
}

absl::StatusOr<std::vector<WitnessConfig>> WitnessesIn(const std::vector<std::string>& texts) {
  std::vector<WitnessConfig> witnesses;
  for (const std::string& text : texts) {
    const size_t space = text.find(' ');
    if (space == std::string::npos) {
      return absl::InvalidArgumentError("audit.witnesses: each must be \"<url> <verifier key>\"");
    }
    witnesses.push_back({text.substr(0, space), text.substr(space + 1)});
  }
  return witnesses;
}

// Writes `text` where it is not there yet.
absl::Status Keep(crypto::FileSystem& files, const std::string& path, const std::string& text) {
  const absl::StatusOr<std::string> found = files.Read(path, 4096);
  if (found.ok() && *found == text) return absl::OkStatus();
  return crypto::ReplaceReadable(files, path, text);
}

}  // namespace

Publisher::Publisher(const AuditConfig& config, Ledger& ledger, crypto::SigningKey signer,
                     std::string origin, Fault& fault, Anchor anchor)
    : config_(config),
      ledger_(ledger),
      signer_(std::move(signer)),
      origin_(std::move(origin)),
      fault_(fault),
      anchor_(std::move(anchor)) {}

absl::StatusOr<std::unique_ptr<Publisher>> Publisher::Open(const AuditConfig& config,
                                                           Ledger& ledger,
                                                           crypto::SigningKey signer,
                                                           const std::string& origin,
                                                           Fault& fault) {
  const absl::Status made =
      crypto::MakeDirectories(crypto::RealFileSystem(), crypto::DirectoryOf(config.anchor));
  if (!made.ok()) return made;
  absl::StatusOr<Anchor> anchor = Anchor::Open(crypto::RealFileSystem(), config.anchor);
  if (!anchor.ok()) return anchor.status();
  std::unique_ptr<Publisher> publisher(
      new Publisher(config, ledger, std::move(signer), origin, fault, *std::move(anchor)));
  const auto key =
      audit::VerifierKey::Create(origin, audit::KeyType::kEd25519, publisher->signer_.public_key());
  if (!key.ok()) return key.status();
  publisher->verifier_key_ = key->ToString();
  const absl::StatusOr<std::vector<WitnessConfig>> list = WitnessesIn(config.witnesses);
  if (!list.ok()) return list.status();
  auto witnesses =
      Witnesses::Create(*list, config.witness_quorum, static_cast<double>(config.witness_seconds));
  if (!witnesses.ok()) return witnesses.status();
  publisher->witnesses_ = *std::move(witnesses);
  if (!publisher->anchor_.note().empty()) {
    const absl::Status same =
        publisher->CompareWith(publisher->anchor_.note(), "audit.anchor: " + config.anchor);
    if (!same.ok()) return same;
  }
  const absl::Status opened = publisher->OpenTiles();
  if (!opened.ok()) return opened;
  return publisher;
}

absl::Status Publisher::OpenTiles() {
  crypto::FileSystem& files = crypto::RealFileSystem();
  const std::string path = config_.directory + "/checkpoint";
  const absl::StatusOr<std::string> published = files.Read(path, audit::kMaxNoteBytes);
  if (published.ok()) {
    const absl::Status same = CompareWith(*published, path);
    if (!same.ok()) return same;
    if (anchor_.note().empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("audit.anchor: ", config_.anchor, " is missing, but the log was published: ",
                       "put it back, or the newest checkpoint that a witness holds"));
    }
  } else if (!absl::IsNotFound(published.status())) {
    return published.status();
  }
  auto tiles = audit::TileWriter::Open(files, config_.directory, origin_);
  if (!tiles.ok()) return tiles.status();
  tiles_ = *std::move(tiles);
  return Keep(files, config_.directory + ".vkey", verifier_key_ + "\n");
}

absl::Status Publisher::CompareWith(const std::string& note, const std::string& where) {
  const absl::StatusOr<audit::Checkpoint> signed_before = Read(note, origin_, signer_.public_key());
  if (!signed_before.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        where, " is not a checkpoint of this log: ", signed_before.status().message()));
  }
  if (signed_before->size > ledger_.size()) {
    return absl::DataLossError(absl::StrCat("the database has ", ledger_.size(), " entries, but ",
                                            signed_before->size, " were signed (", where,
                                            "): it is an older copy, and nothing is served"));
  }
  const absl::StatusOr<crypto::Hash> root =
      audit::RangeRoot(0, signed_before->size, ledger_.Nodes());
  if (!root.ok()) return root.status();
  if (*root != signed_before->root) {
    return absl::DataLossError(absl::StrCat(
        "the database has another root at ", signed_before->size, " of its ", ledger_.size(),
        " entries than was signed (", where, "): it is not this log, and nothing is served"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Publisher::SignClosed(const Closed& closed) {
  const absl::StatusOr<crypto::Hash> second =
      tiles_->WriteTiles(closed.size, ledger_.Entries(closed.size));
  if (!second.ok()) return second.status();
  if (*second != closed.root) {
    return absl::DataLossError(absl::StrCat("log: two ways to the root of ", closed.size,
                                            " entries give two roots; nothing is signed"));
  }
  const absl::StatusOr<std::string> note =
      audit::SignCheckpoint({origin_, closed.size, closed.root}, signer_);
  if (!note.ok()) return note.status();
  const absl::Status anchored = anchor_.Replace(*note);
  if (!anchored.ok()) return anchored;
  return note;
}

absl::StatusOr<SignedCheckpoint> Publisher::SignLocked() {
  absl::Status status = fault_.Check(Fault::Leaves::kNothing);
  if (!status.ok()) return status;
  const absl::StatusOr<Closed> closed = ledger_.Close();
  if (!closed.ok()) return closed.status();
  const absl::StatusOr<std::string> note = SignClosed(*closed);
  if (!note.ok()) {
    if (absl::IsDataLoss(note.status())) fault_.Set(note.status());
    return note.status();
  }
  const Witnesses::Outcome cosigned = witnesses_->Cosign(
      *note, {origin_, closed->size, closed->root}, [this](uint64_t old_size, uint64_t size) {
        return audit::ProveConsistency(old_size, size, ledger_.Nodes());
      });
  if (!cosigned.fatal.ok()) {
    fault_.Set(cosigned.fatal, Fault::Leaves::kRevocations);
    return cosigned.fatal;
  }
  status = tiles_->Publish(cosigned.note);
  if (!status.ok()) {
    if (absl::IsDataLoss(status)) fault_.Set(status);
    return status;
  }
  const std::lock_guard lock(mutex_);
  last_ = {cosigned.note,     closed->size,    closed->closed_at,
           cosigned.cosigned, cosigned.quorum, cosigned.cosigned_at};
  return last_;
}

absl::StatusOr<SignedCheckpoint> Publisher::Sign() {
  const std::lock_guard signing(signing_);
  return SignLocked();
}

absl::StatusOr<SignedCheckpoint> Publisher::LastOrNew(
    const std::function<bool(const SignedCheckpoint&)>& serves) {
  SignedCheckpoint last = Last();
  if (serves(last)) return last;
  const std::lock_guard signing(signing_);
  last = Last();  // somebody else may have made one meanwhile
  if (serves(last)) return last;
  return SignLocked();
}

absl::StatusOr<SignedCheckpoint> Publisher::Covering(uint64_t index) {
  return LastOrNew([index](const SignedCheckpoint& last) { return last.size > index; });
}

absl::StatusOr<SignedCheckpoint> Publisher::Latest() {
  return LastOrNew([this](const SignedCheckpoint& last) {
    return last.size > 0 && last.size == ledger_.size();
  });
}

SignedCheckpoint Publisher::Last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

absl::Status Publisher::Check() {
  const std::unique_lock signing(signing_, std::try_to_lock);
  return signing.owns_lock() ? tiles_->Check() : absl::OkStatus();
}

}  // namespace kluis::service
