// SPDX-License-Identifier: Apache-2.0
#include "client/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "base/file_descriptor.h"
#include "client/file_error.h"
#include "client/npy.h"
#include "client/replaced_file.h"
#include "crypto/key_file.h"

namespace kluis::client {
absl::StatusOr<std::string> ReadText(const std::string& path) {
  base::FileDescriptor file(path == "-" ? dup(STDIN_FILENO)
                                        : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Refused(path, "open", errno);
  std::string text;
  char block[4096];
  while (true) {
    const ssize_t count = read(file.get(), block, sizeof(block));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Refused(path, "read", errno);
    if (count == 0) return text;
    text.append(block, static_cast<size_t>(count));
    if (text.size() > kMaxTextBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": over ", kMaxTextBytes, " bytes"));
    }
  }
}

absl::Status WriteText(const std::string& path, std::string_view text) {
  if (path == "-") return WriteAll(STDOUT_FILENO, text, "stdout");
  absl::StatusOr<ReplacedFile> file = ReplacedFile::Open(path);
  if (!file.ok()) return file.status();
  const absl::Status written = file->Write(text);
  return written.ok() ? file->Commit() : written;
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return Refused(path, "make the directory", error.value());
}

absl::StatusOr<v1::Envelope> ReadStatement(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadText(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<v1::Envelope> envelope = audit::EnvelopeFromJson(*text);
  if (envelope.ok()) return envelope;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", std::string(envelope.status().message())));
}

absl::Status WriteStatement(const std::string& path, const v1::Envelope& envelope) {
  return WriteText(path, audit::EnvelopeToJson(envelope) + "\n");
}

absl::StatusOr<crypto::PublicKey> ReadPublicKey(const std::string& text) {
  constexpr std::string_view kPrefix = "ed25519:";
  if (text.starts_with(kPrefix)) return crypto::ParsePublicKey(text);
  const absl::StatusOr<std::string> content = ReadText(text);
  if (content.ok() && content->starts_with(kPrefix)) {
    absl::StatusOr<crypto::PublicKey> key =
        crypto::ParsePublicKey(std::string(absl::StripTrailingAsciiWhitespace(*content)));
    if (key.ok()) return key;
    return absl::InvalidArgumentError(
        absl::StrCat(text, ": ", std::string(key.status().message())));
  }
  const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(text);
  if (!key.ok()) return key.status();
  return key->public_key();
}

absl::StatusOr<std::string> TextOrFile(const std::string& argument) {
  if (!argument.starts_with('@')) return argument;
  absl::StatusOr<std::string> text = ReadText(argument.substr(1));
  if (text.ok() && text->ends_with('\n')) text->pop_back();
  return text;
}

}  // namespace kluis::client
