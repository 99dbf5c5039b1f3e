// Scripts that complete a command line in a shell, made from the verbs and options of the program
// itself. Functions of their arguments, thread-safe.
#ifndef KLUIS_AUDIT_TOOL_COMPLETION_H_
#define KLUIS_AUDIT_TOOL_COMPLETION_H_

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kluis::audit {

// The script for the program app.get_name(); `shell`: bash, zsh or fish. kInvalidArgument: any
// other.
absl::StatusOr<std::string> CompletionScript(const CLI::App& app, std::string_view shell);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_COMPLETION_H_
