// SPDX-License-Identifier: Apache-2.0
// Signed notes: a text and the signature lines below it. Pure functions, thread-safe.
// Source: c2sp.org/signed-note.
//
//   <text, ends in \n>
//   <blank line>
//   — <key name> <base64(key id[4] | signature)>      one or more such lines
#ifndef KLUIS_AUDIT_NOTE_H_
#define KLUIS_AUDIT_NOTE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/verifier_key.h"
#include "crypto/ed25519.h"

namespace kluis::audit {

inline constexpr size_t kMaxNoteBytes = size_t{1} << 20;
inline constexpr size_t kMaxNoteSignatures = 64;

// One signature line. `signature` is what follows the key id: at least 1 byte, of any key type.
struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string signature;

  bool operator==(const NoteSignature&) const = default;
};

struct Note {
  std::string text;                       // includes its final \n, not the blank line
  std::vector<NoteSignature> signatures;  // 1 to kMaxNoteSignatures, in the order of the lines
};

// Splits `note` at its last blank line and reads it; no signature is verified yet.
// kInvalidArgument: over kMaxNoteBytes, a text that is not IsNoteText, a line that is not a
// signature line, non-canonical base64, no signature line or more than kMaxNoteSignatures.
absl::StatusOr<Note> ParseNote(std::string_view note);

// Inverse of ParseNote, byte for byte. kInvalidArgument: ParseNote would refuse the result.
absl::StatusOr<std::string> FormatNote(const Note& note);

// Returns the signatures of known keys, one per key, in the order of the lines. Lines whose
// (name, key id) is not in `keys` are ignored; every line of a known key must verify.
// kInvalidArgument: two of `keys` share a name and a key id.
// kDataLoss: a known key's signature fails, or there is none of a known key.
absl::StatusOr<std::vector<NoteSignature>> VerifyNote(const Note& note,
                                                      std::span<const VerifierKey> keys);

// Signs `text` with an Ed25519 key (type 01) under `name`.
// kInvalidArgument: `text` is not IsNoteText or `name` not IsKeyName.
absl::StatusOr<NoteSignature> SignText(std::string_view text, std::string_view name,
                                       const crypto::SigningKey& key);

// The note of `text` with the one signature of SignText; errors as there.
absl::StatusOr<std::string> SignNote(std::string_view text, std::string_view name,
                                     const crypto::SigningKey& key);

// Appends signature lines to `note`; a line that it already has is not repeated. The signatures are
// not verified. kInvalidArgument: ParseNote refuses `note` or the result.
absl::StatusOr<std::string> AddSignatures(std::string_view note,
                                          std::span<const NoteSignature> signatures);

// One line, "— <name> <base64>\n", and back. ParseSignatureLine takes the line with or without its
// \n. kInvalidArgument: not IsKeyName, non-canonical base64, or not more than 4 bytes in it.
std::string FormatSignatureLine(const NoteSignature& signature);
absl::StatusOr<NoteSignature> ParseSignatureLine(std::string_view line);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_NOTE_H_
