// SPDX-License-Identifier: Apache-2.0
// Cosignatures: a witness's statement that, at a time, a checkpoint was the largest consistent one
// that it had seen of a log. Pure functions, thread-safe.
// Source: c2sp.org/tlog-cosignature, the Ed25519 type (key type 04).
//
//   signature line  = — <witness name> base64(key id[4] | time[8], big-endian | Ed25519[64])
//   signed message  = "cosignature/v1\ntime <decimal>\n" | note text, extension lines included
#ifndef KLUIS_AUDIT_WITNESS_COSIGNATURE_H_
#define KLUIS_AUDIT_WITNESS_COSIGNATURE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/note.h"
#include "audit/verifier_key.h"
#include "crypto/ed25519.h"

namespace kluis::audit {

// The largest time of a cosignature: 2^63 - 1 seconds since 1970.
inline constexpr uint64_t kMaxCosignatureTime = (uint64_t{1} << 63) - 1;

// Cosigns the note text `text` under `name`, as of `unix_seconds`. That the checkpoint is
// consistent with all cosigned before it is for the caller to know. The message does not hold the
// name, so one key must never serve two names. kInvalidArgument: `text` is not IsNoteText, `name`
// not IsKeyName, a time over the maximum.
absl::StatusOr<NoteSignature> CosignText(std::string_view text, std::string_view name,
                                         const crypto::SigningKey& key, uint64_t unix_seconds);

// When `signature` was made, in seconds since 1970; whether it verifies is not looked at.
// kInvalidArgument: not 72 bytes, or a time over the maximum.
absl::StatusOr<uint64_t> CosignatureTime(const NoteSignature& signature);

// Signature lines, each ended by \n, as a witness answers with them; none is verified.
// kInvalidArgument: no line, more than kMaxNoteSignatures, or one that is not a signature line.
absl::StatusOr<std::vector<NoteSignature>> ParseSignatureLines(std::string_view lines);

// The first of `signatures` that is by `witness`; those by others are ignored, as the specification
// asks. kNotFound: none of its name and key id. kDataLoss: it does not verify for the note text
// `text`. kInvalidArgument: as CosignatureTime, which no signature of type 01 is.
absl::StatusOr<NoteSignature> FindCosignature(const std::vector<NoteSignature>& signatures,
                                              std::string_view text, const VerifierKey& witness);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_WITNESS_COSIGNATURE_H_
