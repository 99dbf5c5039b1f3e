// SPDX-License-Identifier: Apache-2.0
// What the verbs of kluis-audit share: exit codes, failures on stderr, keys on the command line, a
// progress bar. For one thread.
#ifndef KLUIS_AUDIT_TOOL_VERB_OUTPUT_H_
#define KLUIS_AUDIT_TOOL_VERB_OUTPUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/log/log_directory.h"
#include "audit/verifier_key.h"
#include "base/command_line.h"

namespace kluis::audit {

enum ExitCode {
  kVerified = 0,  // also: done
  kDiffers = 1,   // it does not verify, or the log is forked
  kUsage = 2,     // the command line itself
  kStopped = 3,   // watch: no newer checkpoint in time, or no answer
};

// "kluis-audit: <message>\n" on stderr. Returns `code`.
ExitCode Tell(const absl::Status& failure, ExitCode code);

// A key given as `text`, the key itself or @FILE with the key in its first line. `option` is named
// in the message. kInvalidArgument: not a key, or not readable.
absl::StatusOr<VerifierKey> ReadKey(std::string_view option, std::string text);

// The log's own key, of type 01. kInvalidArgument: as ReadKey, or a witness's key.
absl::StatusOr<VerifierKey> ReadLogKey(std::string_view option, const std::string& text);

// --witness and --quorum as they were given. Without --quorum all of them must have signed.
struct WitnessLine {
  std::vector<std::string> keys;
  std::optional<size_t> quorum;
};

// What they ask of a log. kInvalidArgument: as ReadKey and CheckOptions.
absl::StatusOr<VerifyOptions> ReadWitnesses(const WitnessLine& line);

// The whole file. kNotFound: no such file. kInvalidArgument: over `max_bytes`, or not readable.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes);

// Replaces `path` with `bytes`: write beside it, sync, rename, so that a reader sees the old or the
// new. kUnavailable: the system refused.
absl::Status WriteWholeFile(const std::string& path, std::string_view bytes);

// DIR; --key VKEY|@FILE; --witness and --quorum; --output human|json. The values are bound and
// outlive `verb`.
void AddDirectory(base::Verb verb, std::string& directory);
base::Option AddLogKey(base::Verb verb, std::string& key);
void AddWitnesses(base::Verb verb, WitnessLine& line);
void AddOutput(base::Verb verb, std::string& output);

// A bar on stderr, drawn only when that is a terminal and at most ten times a second.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();  // wipes the bar
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Show(uint64_t done, uint64_t total);

 private:
  void Draw(const std::string& text);

  std::string label_;
  bool terminal_;
  bool drawn_ = false;
  int64_t shown_at_ms_ = 0;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_VERB_OUTPUT_H_
