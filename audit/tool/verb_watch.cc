// SPDX-License-Identifier: Apache-2.0
// kluis-audit watch: follows a published log.
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "audit/log/follow.h"
#include "audit/note.h"
#include "audit/tool/http_client.h"
#include "audit/tool/verbs.h"
#include "audit/visible_text.h"
#include "base/utc_text.h"

namespace kluis::audit {
namespace {

constexpr int kTimeoutSeconds = 10;

struct WatchOptions {
  std::string where;
  std::string key;
  WitnessLine witnesses;
  std::string state;
  int64_t interval = 10;
  uint64_t count = 0;
  int64_t max_age = 300;
};

absl::StatusOr<std::unique_ptr<LogSource>> Open(const std::string& where) {
  if (where.find("://") != std::string::npos) return OpenHttpLog(where, kTimeoutSeconds);
  std::error_code ignored;
  if (!std::filesystem::is_directory(where, ignored)) {
    return absl::InvalidArgumentError("WHERE: must be a URL or a directory");
  }
  return std::make_unique<DirectorySource>(where);
}

// The state file is the newest proven checkpoint; its time is when it was first seen.
absl::Status Resume(const std::string& path, Follower& follower) {
  const absl::StatusOr<std::string> note = ReadWholeFile(path, kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  if (!note.ok()) return note.status();
  struct stat state {};
  if (stat(path.c_str(), &state) != 0) return absl::UnavailableError("cannot read " + path);
  const absl::Status resumed = follower.Resume(*note, state.st_mtime);
  if (resumed.ok()) return resumed;
  return absl::DataLossError(absl::StrCat(path, ": ", resumed.message()));
}

std::string LineOf(const Look& look, int64_t now) {
  std::string line = base::UtcText(now) + " ";
  switch (look.sight) {
    case Sight::kFirst:
      absl::StrAppend(&line, "first, ", look.checkpoint->size, " entries");
      break;
    case Sight::kUnchanged:
      absl::StrAppend(&line, "unchanged, ", look.checkpoint->size, " entries");
      break;
    case Sight::kGrew:
      absl::StrAppend(&line, "grew by ", look.added, ", ", look.checkpoint->size, " entries");
      break;
    case Sight::kUnreachable:
      absl::StrAppend(&line, "no answer: ", look.detail);
      break;
    case Sight::kBad:
      absl::StrAppend(&line, "does not verify: ", look.detail);
      break;
    case Sight::kFork:
    case Sight::kShrank:
    case Sight::kStopped:
      absl::StrAppend(&line, look.detail);
  }
  if (look.checkpoint && look.closed_at > 0) {
    absl::StrAppend(&line, ", closed ", base::UtcText(look.closed_at));
  }
  return VisibleText(line) + "\n";
}

// Whether the log may be silent a little longer: it was there, and not longer ago than the age.
bool MayComeBack(const WatchOptions& options, int64_t answered_at, int64_t now) {
  return answered_at > 0 && (options.max_age == 0 || now - answered_at <= options.max_age);
}

ExitCode Watch(const WatchOptions& options) {
  const absl::StatusOr<VerifierKey> key = ReadLogKey("--key", options.key);
  if (!key.ok()) return Tell(key.status(), kUsage);
  const absl::StatusOr<VerifyOptions> cosigned = ReadWitnesses(options.witnesses);
  if (!cosigned.ok()) return Tell(cosigned.status(), kUsage);
  const absl::StatusOr<std::unique_ptr<LogSource>> log = Open(options.where);
  if (!log.ok()) return Tell(log.status(), kUsage);
  Follower follower(**log, *key, options.max_age, cosigned->witnesses, cosigned->quorum);
  if (!options.state.empty()) {
    const absl::Status resumed = Resume(options.state, follower);
    if (!resumed.ok()) return Tell(resumed, kDiffers);
  }
  int64_t answered_at = 0;
  for (uint64_t step = 1;; ++step) {
    const std::string before = follower.note();
    const int64_t now = std::time(nullptr);
    const Look look = follower.LookAgain(now);
    if (!options.state.empty() && follower.note() != before) {
      const absl::Status kept = WriteWholeFile(options.state, follower.note());
      if (!kept.ok()) return Tell(kept, kUsage);
    }
    std::cout << LineOf(look, now) << std::flush;
    // SIGPIPE is ignored (OpenHttpLog): nobody would hear of a fork.
    if (!std::cout) {
      return Tell(absl::UnavailableError("watch: cannot write to standard output"), kUsage);
    }
    const bool last = step == options.count;
    switch (look.sight) {
      case Sight::kFork:
      case Sight::kShrank:
      case Sight::kBad:
        return kDiffers;
      case Sight::kStopped:
        return kStopped;
      case Sight::kUnreachable:
        if (last || !MayComeBack(options, answered_at, now)) return kStopped;
        break;
      default:
        answered_at = now;
    }
    if (last) return kVerified;
    std::this_thread::sleep_for(std::chrono::seconds(options.interval));
  }
}

}  // namespace

void AddWatchVerb(base::Verb root, VerbResult& result) {
  auto [verb, options] = AddVerb<WatchOptions>(
      root, result, "watch", "Follow a published log; end at a fork, a shrink or a stop",
      "One line for each look. Exit codes: 1 at a fork, a shrink, a signature or tile that does "
      "not\nverify, or too few cosignatures; 3 when no newer checkpoint came within --max-age, by "
      "the log's time or by "
      "ours, or when\nthe log does not answer: at the first or last look at once, else for longer "
      "than --max-age.\nExamples:\n"
      "  kluis-audit watch https://log.example/audit --key @vkey --state seen.checkpoint\n"
      "  kluis-audit watch /var/lib/kluis/log --key @vkey --count 1\n",
      Watch);
  verb.Text("WHERE", options->where, "The log's URL prefix, or its directory")
      .Called("URL|DIR")
      .Required();
  AddLogKey(verb, options->key);
  AddWitnesses(verb, options->witnesses);
  verb.Count("--interval", options->interval, "Between two looks")
      .Called("SECONDS")
      .Between(1, 86400)
      .ShowingDefault();
  verb.Count("--count", options->count, "How many looks; 0: without end")
      .Called("N")
      .ShowingDefault();
  verb.Text("--state", options->state, "Keeps the newest checkpoint from run to run")
      .Called("FILE");
  verb.Count("--max-age", options->max_age, "How old the newest checkpoint may become; 0: any age")
      .Called("SECONDS")
      .Between(int64_t{0}, int64_t{366} * 86400)
      .ShowingDefault();
}

}  // namespace kluis::audit
