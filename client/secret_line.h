// SPDX-License-Identifier: Apache-2.0
// One secret line, typed or piped: never an argument, which every process could read. Not
// thread-safe.
#ifndef KLUIS_CLIENT_SECRET_LINE_H_
#define KLUIS_CLIENT_SECRET_LINE_H_

#include <ostream>
#include <string>

#include "absl/status/statusor.h"

namespace kluis::client {

// The first line of the file; "-" is stdin, without echo and after `prompt` on `err` when a person
// types. kInvalidArgument: there is none, or the file cannot be read or is open to group or others.
absl::StatusOr<std::string> ReadSecretLine(const std::string& path, const std::string& prompt,
                                           std::ostream& err);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_SECRET_LINE_H_
