// SPDX-License-Identifier: Apache-2.0
// Scripts that complete a command line in a shell, made from the verbs and options of the program
// itself. Functions of their arguments, thread-safe.
#ifndef KLUIS_BASE_COMPLETION_H_
#define KLUIS_BASE_COMPLETION_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/command_line.h"

namespace kluis::base {

// The script for the program words.name; `shell`: bash, zsh or fish. kInvalidArgument: any other.
absl::StatusOr<std::string> CompletionScript(const Words& words, std::string_view shell);

}  // namespace kluis::base

#endif  // KLUIS_BASE_COMPLETION_H_
