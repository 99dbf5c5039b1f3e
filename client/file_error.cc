// SPDX-License-Identifier: Apache-2.0
#include "client/file_error.h"

#include <cstring>

namespace kluis::client {

absl::Status Refused(const std::string& path, std::string_view what, int error) {
  return Invalid(path, ": cannot ", std::string(what), ": ", std::strerror(error));
}

}  // namespace kluis::client
