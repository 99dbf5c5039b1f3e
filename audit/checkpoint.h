// SPDX-License-Identifier: Apache-2.0
// Checkpoints: what the log signs at a size. Pure functions, thread-safe.
// Source: c2sp.org/tlog-checkpoint; the note around it: audit/note.h.
//
//   <origin>\n<size, decimal>\n<base64 of the 32-byte root>\n      no extension lines
#ifndef KLUIS_AUDIT_CHECKPOINT_H_
#define KLUIS_AUDIT_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/verifier_key.h"
#include "crypto/ed25519.h"

namespace kluis::audit {

struct Checkpoint {
  std::string origin;  // also the name of the log's key
  uint64_t size = 0;   // leaves
  Hash root{};

  bool operator==(const Checkpoint&) const = default;
};

// A checkpoint whose log signature verified.
struct OpenedCheckpoint {
  Checkpoint checkpoint;
  std::vector<NoteSignature> signatures;  // of known keys, one per key: the log's and witnesses'
};

// One that enough witnesses have cosigned.
struct CosignedCheckpoint {
  Checkpoint checkpoint;
  std::vector<std::string> cosigned_by;  // the witnesses' names; one witness under two names is one
};

// The three lines. kInvalidArgument: the origin is not IsOrigin.
absl::StatusOr<std::string> FormatCheckpoint(const Checkpoint& checkpoint);

// Inverse of FormatCheckpoint. kInvalidArgument: not exactly the three lines, an origin that is not
// IsOrigin, a size with a leading zero or over 2^64 - 1, or a root that is not 32 bytes of padded
// base64.
absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text);

// The checkpoint as a note with the log's signature, under the origin as key name. It remembers
// nothing: never to sign a smaller size, or two roots for one size, is the caller's duty.
// kInvalidArgument: as FormatCheckpoint.
absl::StatusOr<std::string> SignCheckpoint(const Checkpoint& checkpoint,
                                           const crypto::SigningKey& key);

// Verifies `note` against `keys`, which hold the log's key and may hold witnesses' keys, and reads
// it. How many witnesses must have signed is for the caller to judge. kInvalidArgument: not a note,
// not a checkpoint, another origin, or as VerifyNote. kDataLoss: a known key's signature fails, or
// there is none of the log: an Ed25519 (type 01) key in `keys` whose name is `origin`.
absl::StatusOr<OpenedCheckpoint> OpenCheckpoint(std::string_view note, std::string_view origin,
                                                std::span<const VerifierKey> keys);

// OpenCheckpoint with the log's own `key`, whose name is the origin, and `witnesses` (type 04), of
// whom at least `quorum` must have cosigned. kDataLoss also: fewer did.
absl::StatusOr<CosignedCheckpoint> OpenCosigned(std::string_view note, const VerifierKey& key,
                                                std::span<const VerifierKey> witnesses,
                                                size_t quorum);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_CHECKPOINT_H_
