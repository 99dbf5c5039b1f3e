// SPDX-License-Identifier: Apache-2.0
// Signs checkpoints and publishes the log. A checkpoint takes these steps, each after the one
// before it is on disk: the closing entry; tiles, and from them a second root that must equal the
// ledger's; the signed note in the anchor; cosignatures; the published checkpoint. So the signature
// of a root that a crash or an older database could take back never leaves. Thread-safe. Source:
// C2SP tlog-checkpoint, tlog-tiles, tlog-witness.
#ifndef KLUIS_SERVICE_PUBLISH_PUBLISHER_H_
#define KLUIS_SERVICE_PUBLISH_PUBLISHER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/log/tile_writer.h"
#include "crypto/ed25519.h"
#include "service/ledger/ledger.h"
#include "service/process/config.h"
#include "service/process/fault.h"
#include "service/publish/anchor.h"
#include "service/publish/witnesses.h"

namespace kluis::service {

struct SignedCheckpoint {
  std::string note;  // with cosignatures
  uint64_t size = 0;
  policy::Time closed_at = 0;
  size_t cosigned = 0;               // witnesses whose cosignature the note has
  bool quorum = false;               // they are as many as audit.witness_quorum asks for
  std::vector<int64_t> cosigned_at;  // when, by each witness's clock; ascending
};

class Publisher {
 public:
  // Compares the ledger with the anchor and with the published directory, and catches up with it.
  // `origin` is the vault's name. kDataLoss: the ledger is behind one of them or has another root;
  // the message names both sizes. kFailedPrecondition: the log was published but the anchor is
  // gone. kInvalidArgument: a witness is configured wrongly.
  static absl::StatusOr<std::unique_ptr<Publisher>> Open(const AuditConfig& config, Ledger& ledger,
                                                         crypto::SigningKey signer,
                                                         const std::string& origin, Fault& fault);

  // A new checkpoint over everything that was acknowledged before the call. It is published also
  // when fewer witnesses cosigned than the quorum asks for: `quorum` says so.
  // kDataLoss: it must not be signed, and the fault is set. Others: nothing was signed; try again.
  absl::StatusOr<SignedCheckpoint> Sign();

  // The last checkpoint when it covers entry `index`, else a new one. Waits for nobody when there
  // is one already. An index that the log does not reach gives a new checkpoint with each call.
  absl::StatusOr<SignedCheckpoint> Covering(uint64_t index);
  // The last checkpoint when the log has not grown since, else a new one. Waits as Covering.
  absl::StatusOr<SignedCheckpoint> Latest();
  // The last checkpoint; size 0 before the first.
  SignedCheckpoint Last() const;

  // kDataLoss: the published log is not as it was left. Never waits: OK while a checkpoint is made,
  // which looks itself.
  absl::Status Check();

  const std::string& verifier_key() const { return verifier_key_; }
  // audit.witness_quorum.
  size_t witness_quorum() const { return static_cast<size_t>(config_.witness_quorum); }
  std::vector<Witnesses::State> witnesses() const { return witnesses_->States(); }

 private:
  Publisher(const AuditConfig& config, Ledger& ledger, crypto::SigningKey signer,
            std::string origin, Fault& fault, Anchor anchor);

  absl::Status OpenTiles();
  absl::Status CompareWith(const std::string& note, const std::string& where);
  // The last checkpoint, if `serves` holds of it, else a new one.
  absl::StatusOr<SignedCheckpoint> LastOrNew(
      const std::function<bool(const SignedCheckpoint&)>& serves);
  absl::StatusOr<SignedCheckpoint> SignLocked();
  absl::StatusOr<std::string> SignClosed(const Closed& closed);

  const AuditConfig config_;
  Ledger& ledger_;
  const crypto::SigningKey signer_;
  const std::string origin_;
  Fault& fault_;
  std::string verifier_key_;

  std::mutex signing_;  // one checkpoint at a time; held while witnesses are asked
  Anchor anchor_;
  std::unique_ptr<audit::TileWriter> tiles_;
  std::unique_ptr<Witnesses> witnesses_;

  mutable std::mutex mutex_;  // guards last_
  SignedCheckpoint last_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PUBLISH_PUBLISHER_H_
