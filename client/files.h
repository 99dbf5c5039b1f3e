// SPDX-License-Identifier: Apache-2.0
// The files that verbs read and write: texts, signed statements and keys. Messages name the path
// and what to do. Not for templates (client/template_file.h). Thread-safe.
#ifndef KLUIS_CLIENT_FILES_H_
#define KLUIS_CLIENT_FILES_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "kluis/v1/statements.pb.h"

namespace kluis::client {

inline constexpr size_t kMaxTextBytes = 1024 * 1024;

// The whole file; "-" is stdin. kInvalidArgument: it cannot be read, or is over kMaxTextBytes.
absl::StatusOr<std::string> ReadText(const std::string& path);

// Replaces the file in one step, readable by its owner only; "-" is stdout.
// kInvalidArgument: it cannot be written.
absl::Status WriteText(const std::string& path, std::string_view text);

// Makes the directory and its parents. kInvalidArgument: the system refused.
absl::Status MakeDirectories(const std::string& path);

// One DSSE envelope as JSON. kInvalidArgument: unreadable or not an envelope.
absl::StatusOr<v1::Envelope> ReadStatement(const std::string& path);
absl::Status WriteStatement(const std::string& path, const v1::Envelope& envelope);

// `text` is "ed25519:<base64>", or the path of a file that holds that or a signing key.
absl::StatusOr<crypto::PublicKey> ReadPublicKey(const std::string& text);

// The text itself, or for "@FILE" the file without its last line feed.
absl::StatusOr<std::string> TextOrFile(const std::string& argument);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_FILES_H_
