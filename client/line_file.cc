// SPDX-License-Identifier: Apache-2.0
#include "client/line_file.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/file_descriptor.h"
#include "client/file_error.h"

namespace kluis::client {

absl::StatusOr<LineFile> LineFile::Open(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) {
    return Refused(path, "open", errno);
  }
  return LineFile(path, std::move(file));
}

absl::StatusOr<std::string> LineFile::Next() {
  ++line_;
  std::string line;
  for (int c = file_.get(); c != std::ifstream::traits_type::eof(); c = file_.get()) {
    if (c == '\n') return line;
    if (line.size() == kMaxLineBytes) {
      return Refuse(absl::InvalidArgumentError(absl::StrCat("over ", kMaxLineBytes, " bytes")));
    }
    line.push_back(static_cast<char>(c));
  }
  if (!line.empty() && !file_.bad()) return line;  // the last line may lack its \n
  return Refuse(absl::InvalidArgumentError("missing: the file has fewer lines than templates"));
}

absl::Status LineFile::Refuse(const absl::Status& failure) const {
  return absl::InvalidArgumentError(
      absl::StrCat(path_, " line ", line_, ": ", std::string(failure.message())));
}

absl::StatusOr<LineWriter> LineWriter::Open(const std::string& path) {
  if (path.empty()) return LineWriter(path, std::ofstream());
  base::FileDescriptor made(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made.get() < 0) {
    return Refused(path, "create", errno);
  }
  LineWriter writer(path, std::ofstream(path, std::ios::binary | std::ios::app));
  const absl::Status good = writer.Check();
  if (!good.ok()) return good;
  return writer;
}

absl::Status LineWriter::Write(std::string_view line) {
  if (path_.empty()) return absl::OkStatus();
  file_ << line;
  return Check();
}

absl::Status LineWriter::Close() {
  if (path_.empty()) return absl::OkStatus();
  file_.close();
  return Check();
}

absl::Status LineWriter::Check() const {
  if (file_) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path_, ": cannot write"));
}

}  // namespace kluis::client
