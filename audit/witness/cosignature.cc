// SPDX-License-Identifier: Apache-2.0
#include "audit/witness/cosignature.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "audit/note_text.h"
#include "base/big_endian.h"

namespace kluis::audit {
namespace {

constexpr size_t kCosignatureBytes = kTimeBytes + 64;

}  // namespace

absl::StatusOr<NoteSignature> CosignText(std::string_view text, std::string_view name,
                                         const crypto::SigningKey& key, uint64_t unix_seconds) {
  if (!IsNoteText(text)) return absl::InvalidArgumentError("cosignature: text has a bad character");
  if (unix_seconds > kMaxCosignatureTime) {
    return absl::InvalidArgumentError("cosignature: time is over 2^63 - 1");
  }
  const absl::StatusOr<VerifierKey> verifier =
      VerifierKey::Create(name, KeyType::kEd25519Cosignature, key.public_key());
  if (!verifier.ok()) return verifier.status();
  const crypto::Signature signature = key.Sign(CosignatureMessage(unix_seconds, text));
  return NoteSignature{
      std::string(name), verifier->id(),
      base::BigEndian(unix_seconds, kTimeBytes) + std::string(crypto::Bytes(signature))};
}

absl::StatusOr<uint64_t> CosignatureTime(const NoteSignature& signature) {
  if (signature.signature.size() != kCosignatureBytes) {
    return absl::InvalidArgumentError("cosignature: must be a time and 64 bytes");
  }
  const uint64_t time =
      base::ReadBigEndian(std::string_view(signature.signature).substr(0, kTimeBytes));
  if (time > kMaxCosignatureTime) {
    return absl::InvalidArgumentError("cosignature: time is over 2^63 - 1");
  }
  return time;
}

absl::StatusOr<std::vector<NoteSignature>> ParseSignatureLines(std::string_view lines) {
  if (lines.empty()) return absl::InvalidArgumentError("signature lines: none");
  std::vector<NoteSignature> signatures;
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError("signature lines: the last line must end");
    }
    if (signatures.size() == kMaxNoteSignatures) {
      return absl::InvalidArgumentError("signature lines: too many");
    }
    absl::StatusOr<NoteSignature> signature = ParseSignatureLine(lines.substr(0, end));
    if (!signature.ok()) return signature.status();
    signatures.push_back(*std::move(signature));
    lines.remove_prefix(end + 1);
  }
  return signatures;
}

absl::StatusOr<NoteSignature> FindCosignature(const std::vector<NoteSignature>& signatures,
                                              std::string_view text, const VerifierKey& witness) {
  for (const NoteSignature& signature : signatures) {
    if (signature.name != witness.name() || signature.key_id != witness.id()) continue;
    const absl::StatusOr<uint64_t> time = CosignatureTime(signature);
    if (!time.ok()) return time.status();
    if (!witness.Verifies(text, signature.signature)) {
      return absl::DataLossError(absl::StrCat("cosignature of ", witness.name(), " fails"));
    }
    return signature;
  }
  return absl::NotFoundError(absl::StrCat("no cosignature of ", witness.name()));
}

}  // namespace kluis::audit
