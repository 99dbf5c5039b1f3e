// SPDX-License-Identifier: Apache-2.0
// How a failure looks on the command line: its line on stderr, its hint and its exit code. A
// failure is an absl::Status; what came from the server carries the server's google.rpc.ErrorInfo,
// so that "the vault refused" and "this file is bad" stay apart. Pure functions, thread-safe.
// Source: google.aip.dev/193 (error model), gRPC's grpc-status-details-bin.
#ifndef KLUIS_CLIENT_FAILURE_H_
#define KLUIS_CLIENT_FAILURE_H_

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::client {

enum class ExitCode {
  kDone = 0,
  kNoMatch = 1,      // a search ran and found nobody
  kUsage = 2,        // the command line itself
  kRefused = 3,      // a rule of the vault refused
  kInvalid = 4,      // a bad file or value, here or at the vault
  kUnavailable = 5,  // no connection, or no answer in time
  kNotNow = 6,       // the state does not allow it now, or a limit is used up
  kOther = 7,        // anything else, also what does not verify
};

// What a verb answers when it ran.
using Outcome = absl::StatusOr<ExitCode>;

// The table of exit codes for --help.
std::string_view ExitCodeHelp();

// The same code and message; ErrorInfo of the details, when it parses, is kept. OK stays OK.
absl::Status FromServer(const grpc::Status& status);

// A failure of the command line itself, as when two options contradict each other.
absl::Status UsageError(std::string_view message);

// Of the server's failures by code; of local ones kInvalid, but kOther for kDataLoss, kInternal
// and kUnknown, and kUnavailable for kDeadlineExceeded. `failure` must not be OK.
ExitCode ExitCodeOf(const absl::Status& failure);

// The reason that the server gave, in UPPER_SNAKE; empty for a local failure.
std::string ServerReason(const absl::Status& failure);

// "kluis: refused: <message> [REASON] log index N\n" and, where it is known what to do next,
// "kluis: hint: ...\n". Control characters in it are escaped. `server` is the address for the hint
// on connections. `failure` must not be OK.
std::string FailureText(const absl::Status& failure, std::string_view server);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_FAILURE_H_
