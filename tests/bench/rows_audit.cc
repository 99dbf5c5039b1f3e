// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/log/log_directory.h"
#include "tests/bench/rows.h"
#include "tests/fakes/long_log.h"

namespace kluis::bench {
namespace {

constexpr Figure kVerify = {"audit_verify_per_s", "1/s", 500'000, true};
constexpr Figure kReplay = {"audit_replay_per_s", "1/s", 100'000, true};
constexpr Figure kMemory = {"audit_replay_rss_mb", "MB", 200, false};
constexpr uint64_t kEntries = 1'000'000;
constexpr uint64_t kSeed = 20'261'122;

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The most memory that the program of process `id` had resident until now. Not rusage: that counts
// what this process had when it made the other.
double PeakMegabytes(pid_t id) {
  std::ifstream status(absl::StrCat("/proc/", id, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

// The auditor's own program, as a process of its own, so that its memory can be measured.
absl::Status RunReplay(const std::string& directory, const std::string& key, double& seconds,
                       double& megabytes) {
  std::error_code unknown;
  const std::string program =
      (std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path() / "kluis-audit")
          .string();
  const Clock::time_point start = Clock::now();
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nothing, STDOUT_FILENO);
    execl(program.c_str(), program.c_str(), "replay", directory.c_str(), "--key", key.c_str(),
          static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  pid_t ended = 0;
  while (child > 0 && (ended = waitpid(child, &status, WNOHANG)) == 0) {
    // The last reading: the first may be of this program, before the other was loaded.
    if (const double peak = PeakMegabytes(child); peak > 0) megabytes = peak;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (child < 0 || ended != child || status != 0) {
    return absl::InternalError("audit: kluis-audit replay did not end well");
  }
  seconds = SecondsSince(start);
  return absl::OkStatus();
}

absl::Status MeasureVerify(const std::string& directory, const audit::VerifierKey& key,
                           Report& report) {
  std::vector<double> rates;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("audit: verify ", i + 1, " of ", report.plan().samples));
    const Clock::time_point start = Clock::now();
    const auto verified = audit::LogDirectory(directory).Verify(key);
    if (!verified.ok()) return verified.status();
    rates.push_back(static_cast<double>(verified->log.entries) / SecondsSince(start));
  }
  report.Add(kVerify, rates);
  return absl::OkStatus();
}

absl::Status MeasureReplay(const std::string& directory, const audit::VerifierKey& key,
                           Report& report) {
  std::vector<double> rates;
  std::vector<double> sizes;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("audit: replay ", i + 1, " of ", report.plan().samples));
    double seconds = 0;
    double megabytes = 0;
    const absl::Status ran = RunReplay(directory, key.ToString(), seconds, megabytes);
    if (!ran.ok()) return ran;
    rates.push_back(static_cast<double>(kEntries) / seconds);
    sizes.push_back(megabytes);
  }
  if (report.Wants(kReplay)) report.Add(kReplay, rates);
  if (report.Wants(kMemory)) report.Add(kMemory, sizes);
  return absl::OkStatus();
}

}  // namespace

absl::Status AuditRows(const std::string& directory, Report& report) {
  const bool replay = report.Wants(kReplay) || report.Wants(kMemory);
  if (!report.Wants(kVerify) && !replay) return absl::OkStatus();
  report.Progress("audit: writing a log of 1,000,000 entries");
  const std::string log = directory + "/long-log";
  std::filesystem::create_directory(log);
  const audit::VerifierKey key = audit::WriteLongLog(log, kEntries, kSeed);
  absl::Status status;
  if (report.Wants(kVerify)) status = MeasureVerify(log, key, report);
  if (status.ok() && replay) status = MeasureReplay(log, key, report);
  std::filesystem::remove_all(log);
  return status;
}

}  // namespace kluis::bench
