// SPDX-License-Identifier: Apache-2.0
#include "service/publish/anchor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/note.h"

namespace kluis::service {

absl::StatusOr<Anchor> Anchor::Open(crypto::FileSystem& files, std::string path) {
  Anchor anchor(files, std::move(path));
  absl::StatusOr<std::string> note = anchor.Read();
  if (!note.ok()) return note.status();
  anchor.note_ = *std::move(note);
  return anchor;
}

absl::StatusOr<std::string> Anchor::Read() const {
  absl::StatusOr<std::string> note = files_->Read(path_, audit::kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return std::string();
  return note;
}

absl::Status Anchor::Replace(const std::string& note) {
  const absl::StatusOr<std::string> found = Read();
  if (!found.ok()) return found.status();
  if (*found != note_ && (pending_.empty() || *found != pending_)) {
    return absl::DataLossError(
        absl::StrCat("audit.anchor: ", path_, " is not as this vault left it; nothing is signed"));
  }
  pending_ = note;
  const absl::Status replaced = crypto::ReplaceReadable(*files_, path_, note);
  if (!replaced.ok()) return replaced;
  note_ = note;
  pending_.clear();
  return absl::OkStatus();
}

}  // namespace kluis::service
