// SPDX-License-Identifier: Apache-2.0
#include "audit/checkpoint.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "audit/note_text.h"
#include "base/codec.h"
#include "base/decimal.h"

namespace kluis::audit {

absl::StatusOr<std::string> FormatCheckpoint(const Checkpoint& checkpoint) {
  if (!IsOrigin(checkpoint.origin)) return absl::InvalidArgumentError("checkpoint: bad origin");
  return absl::StrCat(checkpoint.origin, "\n", checkpoint.size, "\n",
                      base::ToBase64(crypto::Bytes(checkpoint.root)), "\n");
}

absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text) {
  std::array<std::string_view, 3> lines;
  for (std::string_view& line : lines) {
    const std::optional<std::string_view> next = TakeLine(text);
    if (!next) return absl::InvalidArgumentError("checkpoint: must have three lines");
    line = *next;
  }
  if (!text.empty()) return absl::InvalidArgumentError("checkpoint: extension lines are refused");
  if (!IsOrigin(lines[0])) return absl::InvalidArgumentError("checkpoint: bad origin");
  const std::optional<uint64_t> size = base::ParseDecimal(lines[1]);
  if (!size.has_value()) return absl::InvalidArgumentError("checkpoint: size is not a decimal");
  const absl::StatusOr<std::string> root = base::FromBase64(lines[2]);
  Checkpoint checkpoint{std::string(lines[0]), *size, {}};
  if (!root.ok() || base::ToBase64(*root) != lines[2] || root->size() != checkpoint.root.size()) {
    return absl::InvalidArgumentError("checkpoint: root must be base64 of 32 bytes");
  }
  std::copy(root->begin(), root->end(), checkpoint.root.begin());
  return checkpoint;
}

absl::StatusOr<std::string> SignCheckpoint(const Checkpoint& checkpoint,
                                           const crypto::SigningKey& key) {
  const absl::StatusOr<std::string> text = FormatCheckpoint(checkpoint);
  if (!text.ok()) return text.status();
  return SignNote(*text, checkpoint.origin, key);
}

absl::StatusOr<OpenedCheckpoint> OpenCheckpoint(std::string_view note, std::string_view origin,
                                                std::span<const VerifierKey> keys) {
  const absl::StatusOr<Note> parsed = ParseNote(note);
  if (!parsed.ok()) return parsed.status();
  absl::StatusOr<std::vector<NoteSignature>> signatures = VerifyNote(*parsed, keys);
  if (!signatures.ok()) return signatures.status();
  absl::StatusOr<Checkpoint> checkpoint = ParseCheckpoint(parsed->text);
  if (!checkpoint.ok()) return checkpoint.status();
  if (checkpoint->origin != origin) return absl::InvalidArgumentError("checkpoint: other origin");
  const bool signed_by_log = std::any_of(keys.begin(), keys.end(), [&](const VerifierKey& key) {
    return key.type() == KeyType::kEd25519 && key.name() == origin &&
           std::any_of(signatures->begin(), signatures->end(), [&](const NoteSignature& line) {
             return line.key_id == key.id() && line.name == key.name();
           });
  });
  if (!signed_by_log) return absl::DataLossError("checkpoint: no signature of the log");
  return OpenedCheckpoint{*std::move(checkpoint), *std::move(signatures)};
}

absl::StatusOr<CosignedCheckpoint> OpenCosigned(std::string_view note, const VerifierKey& key,
                                                std::span<const VerifierKey> witnesses,
                                                size_t quorum) {
  std::vector<VerifierKey> keys = {key};
  keys.insert(keys.end(), witnesses.begin(), witnesses.end());
  absl::StatusOr<OpenedCheckpoint> opened = OpenCheckpoint(note, key.name(), keys);
  if (!opened.ok()) return opened.status();
  CosignedCheckpoint cosigned{std::move(opened->checkpoint), {}};
  std::set<crypto::PublicKey> counted;
  for (const VerifierKey& witness : witnesses) {
    if (witness.type() != KeyType::kEd25519Cosignature) continue;
    const bool signs = std::any_of(
        opened->signatures.begin(), opened->signatures.end(), [&](const NoteSignature& line) {
          return line.key_id == witness.id() && line.name == witness.name();
        });
    if (signs && counted.insert(witness.key()).second) {
      cosigned.cosigned_by.push_back(witness.name());
    }
  }
  if (counted.size() >= quorum) return cosigned;
  return absl::DataLossError(absl::StrCat("cosigned by ", counted.size(), " of ", witnesses.size(),
                                          " witnesses, ", quorum, " are needed"));
}

}  // namespace kluis::audit
