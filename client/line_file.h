// SPDX-License-Identifier: Apache-2.0
// Files with one JSON value a line, read and written a line at a time. Messages name the path and
// the line, counted from 1, never its content. Not thread-safe. Movable.
#ifndef KLUIS_CLIENT_LINE_FILE_H_
#define KLUIS_CLIENT_LINE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::client {

inline constexpr size_t kMaxLineBytes = 256 * 1024;

class LineFile {
 public:
  // kInvalidArgument: cannot be opened.
  static absl::StatusOr<LineFile> Open(const std::string& path);

  // The next line without its \n. kInvalidArgument: there is none, it cannot be read, or it is over
  // kMaxLineBytes.
  absl::StatusOr<std::string> Next();

  // `failure` with the path and the line that was read last.
  absl::Status Refuse(const absl::Status& failure) const;

 private:
  LineFile(std::string path, std::ifstream file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  std::ifstream file_;
  uint64_t line_ = 0;
};

class LineWriter {
 public:
  // Makes a new file that only its owner can read; with an empty path nothing is written.
  // kInvalidArgument: the file exists, or cannot be made.
  static absl::StatusOr<LineWriter> Open(const std::string& path);

  // `line` ends in \n. kInvalidArgument: the system refused.
  absl::Status Write(std::string_view line);

  // kInvalidArgument: not all could be written.
  absl::Status Close();

 private:
  LineWriter(std::string path, std::ofstream file)
      : path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Check() const;

  std::string path_;
  std::ofstream file_;
};

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_LINE_FILE_H_
