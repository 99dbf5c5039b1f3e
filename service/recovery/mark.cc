// SPDX-License-Identifier: Apache-2.0
#include "service/recovery/mark.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "crypto/file_system.h"

namespace kluis::service {
namespace {

constexpr char kTitle[] = "kluis-recovery";
constexpr size_t kMaxBytes = 256;

std::string MarkPath(const std::string& data) { return absl::StrCat(data, "/", kRecoveryMarkName); }

// "<name> <number>" to the number.
std::optional<uint64_t> NumberIn(const std::string& line, const std::string& name) {
  uint64_t number = 0;
  if (!line.starts_with(name + " ") || !absl::SimpleAtoi(line.substr(name.size() + 1), &number)) {
    return std::nullopt;
  }
  return number;
}

std::optional<RecoveryMark> MarkIn(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (lines.size() < 3 || lines.size() > 5 || lines[0] != kTitle) return std::nullopt;
  const std::vector<std::string> words = absl::StrSplit(lines[1], ' ');
  RecoveryMark mark;
  if (words.size() != 4 || !absl::SimpleAtoi(words[1], &mark.backup.id) ||
      !absl::SimpleAtoi(words[2], &mark.backup.made_at) ||
      !absl::SimpleAtoi(words[3], &mark.backup.bytes)) {
    return std::nullopt;
  }
  if (lines.size() > 3) mark.from = NumberIn(lines[2], "from");
  if (lines.size() > 4) mark.to = NumberIn(lines[3], "to");
  if (TextOf(mark) != text) return std::nullopt;
  return mark;
}

}  // namespace

std::string TextOf(const RecoveryMark& mark) {
  std::string text = absl::StrCat(kTitle, "\nbackup ", mark.backup.id, " ", mark.backup.made_at,
                                  " ", mark.backup.bytes, "\n");
  if (mark.from.has_value()) absl::StrAppend(&text, "from ", *mark.from, "\n");
  if (mark.to.has_value()) absl::StrAppend(&text, "to ", *mark.to, "\n");
  return text;
}

absl::StatusOr<std::optional<RecoveryMark>> ReadRecoveryMark(const std::string& data) {
  const absl::StatusOr<std::string> text = crypto::RealFileSystem().Read(MarkPath(data), kMaxBytes);
  if (absl::IsNotFound(text.status())) return std::optional<RecoveryMark>();
  if (!text.ok()) return text.status();
  const std::optional<RecoveryMark> mark = MarkIn(*text);
  if (!mark.has_value()) {
    return absl::DataLossError(
        absl::StrCat(MarkPath(data), " is damaged: move vault.data away ", "and restore again"));
  }
  return mark;
}

absl::Status WriteRecoveryMark(const std::string& data, const RecoveryMark& mark) {
  return crypto::ReplaceReadable(crypto::RealFileSystem(), MarkPath(data), TextOf(mark));
}

absl::Status RemoveRecoveryMark(const std::string& data) {
  const absl::Status removed = crypto::RealFileSystem().Remove(MarkPath(data));
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  return crypto::RealFileSystem().SyncDirectory(data);
}

absl::Status CheckNotRecovering(const std::string& data) {
  const absl::StatusOr<std::string> mark = crypto::RealFileSystem().Read(MarkPath(data), kMaxBytes);
  if (absl::IsNotFound(mark.status())) return absl::OkStatus();
  if (absl::IsUnavailable(mark.status())) return mark.status();
  return absl::FailedPreconditionError(
      absl::StrCat("vault.data: its recovery is not finished (", MarkPath(data),
                   "); finish it: `kluisd --recover`, then `kluis vault restore`"));
}

}  // namespace kluis::service
