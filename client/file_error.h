// SPDX-License-Identifier: Apache-2.0
// What the client says of files that it cannot read or write. Functions of their arguments.
#ifndef KLUIS_CLIENT_FILE_ERROR_H_
#define KLUIS_CLIENT_FILE_ERROR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kluis::client {

// kInvalidArgument, with the message of all parts.
template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// The same failure, of the file at `path`.
inline absl::Status WithPath(const std::string& path, const absl::Status& status) {
  return {status.code(), absl::StrCat(path, ": ", status.message())};
}

// The system refused to `what` ("open") the file: `error` is errno.
absl::Status Refused(const std::string& path, std::string_view what, int error);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_FILE_ERROR_H_
