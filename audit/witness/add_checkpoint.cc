// SPDX-License-Identifier: Apache-2.0
#include "audit/witness/add_checkpoint.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "audit/note_text.h"
#include "base/codec.h"
#include "base/decimal.h"

namespace kluis::audit {
namespace {

constexpr std::string_view kOld = "old ";

absl::StatusOr<Hash> ParseHash(std::string_view line) {
  const absl::StatusOr<std::string> bytes = base::FromBase64(line);
  Hash hash{};
  if (!bytes.ok() || bytes->size() != hash.size()) {
    return absl::InvalidArgumentError("add-checkpoint: a proof line must be base64 of 32 bytes");
  }
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

}  // namespace

absl::StatusOr<std::string> FormatAddCheckpoint(const AddCheckpointRequest& request) {
  if (request.proof.size() > kMaxConsistencyLines) {
    return absl::InvalidArgumentError("add-checkpoint: more than 63 proof lines");
  }
  std::string body = absl::StrCat(std::string(kOld), request.old_size, "\n");
  for (const Hash& hash : request.proof) {
    absl::StrAppend(&body, base::ToBase64(crypto::Bytes(hash)), "\n");
  }
  absl::StrAppend(&body, "\n", request.checkpoint);
  if (body.size() > kMaxAddCheckpointBytes) {
    return absl::InvalidArgumentError("add-checkpoint: too long");
  }
  return body;
}

absl::StatusOr<AddCheckpointRequest> ParseAddCheckpoint(std::string_view body) {
  if (body.size() > kMaxAddCheckpointBytes) {
    return absl::InvalidArgumentError("add-checkpoint: too long");
  }
  const std::optional<std::string_view> first = TakeLine(body);
  if (!first.has_value() || !first->starts_with(kOld)) {
    return absl::InvalidArgumentError("add-checkpoint: must begin with the old size");
  }
  const std::optional<uint64_t> old_size = base::ParseDecimal(first->substr(kOld.size()));
  if (!old_size.has_value()) {
    return absl::InvalidArgumentError("add-checkpoint: the old size is not a decimal");
  }
  AddCheckpointRequest request;
  request.old_size = *old_size;
  for (;;) {
    const std::optional<std::string_view> line = TakeLine(body);
    if (!line.has_value()) {
      return absl::InvalidArgumentError("add-checkpoint: no empty line before the checkpoint");
    }
    if (line->empty()) break;
    if (request.proof.size() == kMaxConsistencyLines) {
      return absl::InvalidArgumentError("add-checkpoint: more than 63 proof lines");
    }
    const absl::StatusOr<Hash> hash = ParseHash(*line);
    if (!hash.ok()) return hash.status();
    request.proof.push_back(*hash);
  }
  request.checkpoint = std::string(body);
  return request;
}

std::string FormatTreeSize(uint64_t size) { return absl::StrCat(size, "\n"); }

absl::StatusOr<uint64_t> ParseTreeSize(std::string_view body) {
  const std::optional<std::string_view> line = TakeLine(body);
  const std::optional<uint64_t> size =
      line.has_value() && body.empty() ? base::ParseDecimal(*line) : std::nullopt;
  if (!size.has_value()) return absl::InvalidArgumentError("tree size: must be a decimal line");
  return *size;
}

}  // namespace kluis::audit
