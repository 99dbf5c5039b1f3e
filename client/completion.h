// Scripts that complete the command line in a shell, made from the verbs themselves.
#ifndef KLUIS_CLIENT_COMPLETION_H_
#define KLUIS_CLIENT_COMPLETION_H_

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kluis::client {

// `shell`: bash, zsh or fish. kInvalidArgument: any other.
absl::StatusOr<std::string> CompletionScript(const CLI::App& app, std::string_view shell);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_COMPLETION_H_
