#include "service/anchor.h"

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
  const std::string temporary = path_ + ".new";
  const absl::Status removed = files_->Remove(temporary);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  absl::Status status = files_->CreateReadable(temporary, note);
  if (status.ok()) status = files_->Rename(temporary, path_);
  if (status.ok()) status = files_->SyncDirectory(crypto::DirectoryOf(path_));
  if (!status.ok()) return status;
  note_ = note;
  pending_.clear();
  return absl::OkStatus();
}

}  // namespace kluis::service
