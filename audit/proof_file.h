// SPDX-License-Identifier: Apache-2.0
// Proof files: that an entry is in the log, for whoever keeps the receipt. They need no network and
// no vault, only public keys. Pure functions, thread-safe.
// Source: c2sp.org/tlog-proof. File extension: .tlog-proof.
//
//   c2sp.org/tlog-proof@v1\n
//   extra <base64>\n                  optional; signed by nobody
//   index <decimal>\n
//   <base64 of a hash>\n              0 to 64, the leaf's sibling first
//   \n
//   <checkpoint: a signed note>
#ifndef KLUIS_AUDIT_PROOF_FILE_H_
#define KLUIS_AUDIT_PROOF_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/verifier_key.h"

namespace kluis::audit {

inline constexpr size_t kMaxProofHashes = 64;
inline constexpr size_t kMaxExtraBytes = 64 * 1024;
inline constexpr size_t kMaxProofFileBytes = kMaxNoteBytes + 128 * 1024;

struct ProofFile {
  std::string extra;         // 0 to kMaxExtraBytes; empty: no extra line
  uint64_t index = 0;        // of the entry
  std::vector<Hash> hashes;  // the inclusion proof (audit/proofs.h)
  std::string checkpoint;    // the signed note, verbatim

  bool operator==(const ProofFile&) const = default;
};

// The whole file. kInvalidArgument: ParseProofFile would refuse the result.
absl::StatusOr<std::string> FormatProofFile(const ProofFile& proof);

// Inverse of FormatProofFile, byte for byte; no signature and no hash is verified yet.
// kInvalidArgument: over kMaxProofFileBytes, another first line, an empty or too long extra, an
// index with a leading zero or not below the checkpoint's size, non-canonical base64, more than
// kMaxProofHashes, or a checkpoint that is not a note of three lines.
absl::StatusOr<ProofFile> ParseProofFile(std::string_view bytes);

// What a proof file shows when it verifies.
struct ProvenEntry {
  Checkpoint checkpoint;
  size_t witnesses = 0;  // that cosigned, each counted once
};

// OK when the entry with `leaf_hash` is at the file's index in a log whose checkpoint `log_key`
// signed and at least `quorum` of `witnesses` (type 04) cosigned. The extra line says nothing.
// kInvalidArgument: the checkpoint has another origin than the key's name, the proof is too short
// or too long, or a quorum above the number of witnesses. kDataLoss: a known key's signature
// fails or the log's is missing, the proof leads to another root, or too few witnesses signed.
absl::StatusOr<ProvenEntry> VerifyProofFile(const ProofFile& proof, const Hash& leaf_hash,
                                            const VerifierKey& log_key,
                                            std::span<const VerifierKey> witnesses, size_t quorum);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_PROOF_FILE_H_
