// SPDX-License-Identifier: Apache-2.0
#include "audit/note.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "audit/note_text.h"
#include "base/big_endian.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // U+2014 and a space
constexpr size_t kKeyIdBytes = 4;

const VerifierKey* FindKey(std::span<const VerifierKey> keys, std::string_view name, uint32_t id) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const VerifierKey& key) {
    return key.id() == id && key.name() == name;
  });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

absl::StatusOr<NoteSignature> ParseSignatureLine(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (!line.starts_with(kDash)) {
    return absl::InvalidArgumentError("note: a signature line must begin with a dash and a space");
  }
  const std::string_view fields = line.substr(kDash.size());
  const size_t space = fields.find(' ');
  if (space == std::string_view::npos || !IsKeyName(fields.substr(0, space))) {
    return absl::InvalidArgumentError("note: a signature line must hold a key name");
  }
  const std::string_view base64 = fields.substr(space + 1);
  const absl::StatusOr<std::string> bytes = base::FromBase64(base64);
  // Printed again, because a second spelling would make a second note of one signature.
  if (!bytes.ok() || base::ToBase64(*bytes) != base64) {
    return absl::InvalidArgumentError("note: a signature must be padded base64");
  }
  if (bytes->size() <= kKeyIdBytes) {
    return absl::InvalidArgumentError("note: a signature must be longer than its key id");
  }
  const auto id = static_cast<uint32_t>(base::ReadBigEndian(bytes->substr(0, kKeyIdBytes)));
  return NoteSignature{std::string(fields.substr(0, space)), id, bytes->substr(kKeyIdBytes)};
}

std::string FormatSignatureLine(const NoteSignature& signature) {
  const std::string bytes = base::BigEndian(signature.key_id, kKeyIdBytes) + signature.signature;
  return absl::StrCat(std::string(kDash), signature.name, " ", base::ToBase64(bytes), "\n");
}

absl::StatusOr<Note> ParseNote(std::string_view note) {
  if (note.size() > kMaxNoteBytes) return absl::InvalidArgumentError("note: too long");
  const size_t blank = note.rfind("\n\n");
  if (blank == std::string_view::npos) {
    return absl::InvalidArgumentError("note: no blank line before signatures");
  }
  Note parsed;
  parsed.text = std::string(note.substr(0, blank + 1));
  if (!IsNoteText(parsed.text)) return absl::InvalidArgumentError("note: text has a bad character");
  std::string_view lines = note.substr(blank + 2);
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError("note: the last line must end");
    }
    if (parsed.signatures.size() == kMaxNoteSignatures) {
      return absl::InvalidArgumentError("note: too many signatures");
    }
    absl::StatusOr<NoteSignature> signature = ParseSignatureLine(lines.substr(0, end));
    if (!signature.ok()) return signature.status();
    parsed.signatures.push_back(*std::move(signature));
    lines.remove_prefix(end + 1);
  }
  if (parsed.signatures.empty()) return absl::InvalidArgumentError("note: no signature");
  return parsed;
}

absl::StatusOr<std::string> FormatNote(const Note& note) {
  std::string formatted = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) {
    formatted += FormatSignatureLine(signature);
  }
  const absl::StatusOr<Note> parsed = ParseNote(formatted);
  if (!parsed.ok()) return parsed.status();
  if (parsed->text != note.text || parsed->signatures != note.signatures) {
    return absl::InvalidArgumentError("note: a text without its final newline");
  }
  return formatted;
}

absl::StatusOr<std::vector<NoteSignature>> VerifyNote(const Note& note,
                                                      std::span<const VerifierKey> keys) {
  for (size_t i = 1; i < keys.size(); ++i) {
    if (FindKey(keys.first(i), keys[i].name(), keys[i].id()) != nullptr) {
      return absl::InvalidArgumentError("verifier keys: two share a name and a key id");
    }
  }
  std::vector<const VerifierKey*> seen;
  std::vector<NoteSignature> verified;
  for (const NoteSignature& signature : note.signatures) {
    const VerifierKey* key = FindKey(keys, signature.name, signature.key_id);
    if (key == nullptr) continue;
    if (!key->Verifies(note.text, signature.signature)) {
      return absl::DataLossError(absl::StrCat("note: signature of ", key->name(), " fails"));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    verified.push_back(signature);
  }
  if (verified.empty()) return absl::DataLossError("note: no signature of a known key");
  return verified;
}

absl::StatusOr<NoteSignature> SignText(std::string_view text, std::string_view name,
                                       const crypto::SigningKey& key) {
  if (!IsNoteText(text)) return absl::InvalidArgumentError("note: text has a bad character");
  const absl::StatusOr<VerifierKey> verifier =
      VerifierKey::Create(name, KeyType::kEd25519, key.public_key());
  if (!verifier.ok()) return verifier.status();
  const crypto::Signature signature = key.Sign(text);
  return NoteSignature{std::string(name), verifier->id(), std::string(crypto::Bytes(signature))};
}

absl::StatusOr<std::string> SignNote(std::string_view text, std::string_view name,
                                     const crypto::SigningKey& key) {
  absl::StatusOr<NoteSignature> signature = SignText(text, name, key);
  if (!signature.ok()) return signature.status();
  return FormatNote(Note{std::string(text), {*std::move(signature)}});
}

absl::StatusOr<std::string> AddSignatures(std::string_view note,
                                          std::span<const NoteSignature> signatures) {
  absl::StatusOr<Note> parsed = ParseNote(note);
  if (!parsed.ok()) return parsed.status();
  std::vector<NoteSignature>& lines = parsed->signatures;
  for (const NoteSignature& signature : signatures) {
    if (std::find(lines.begin(), lines.end(), signature) == lines.end()) lines.push_back(signature);
  }
  return FormatNote(*parsed);
}

}  // namespace kluis::audit
