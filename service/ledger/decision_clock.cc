// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/decision_clock.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr int64_t kRoundingSeconds = 1;  // both clocks are read in whole seconds
constexpr int64_t kFollowedSeconds = 60;
constexpr int64_t kUnwatchedSeconds = 3600;

}  // namespace

std::string Lasting(int64_t seconds) {
  const int64_t days = seconds / policy::kDay;
  const int64_t hours = seconds % policy::kDay / 3600;
  const int64_t minutes = seconds % 3600 / 60;
  if (days > 0) return absl::StrCat(days, " d ", hours, " h");
  if (hours > 0) return absl::StrCat(hours, " h ", minutes, " min");
  if (minutes > 0) return absl::StrCat(minutes, " min ", seconds % 60, " s");
  return absl::StrCat(seconds, " s");
}

DecisionClock::DecisionClock(const Clock& clock, policy::Time last, int64_t max_gap_seconds)
    : clock_(clock), max_gap_seconds_(max_gap_seconds), time_(last), boot_(clock.BootSeconds()) {
  const int64_t wall = clock_.NowUnix();
  if (last == 0 || IsPlausibleStart(wall)) {
    Begin(wall, boot_);
  } else {
    state_ = ClockState::kUnconfirmed;
  }
}

// A step back below a minute is one that a run would have followed.
bool DecisionClock::IsPlausibleStart(int64_t wall) const {
  return wall > time_ - kFollowedSeconds && wall <= time_ + max_gap_seconds_;
}

void DecisionClock::Begin(policy::Time time, int64_t boot) {
  state_ = ClockState::kRunning;
  time_ = time;
  boot_ = boot;
  followed_.clear();
}

int64_t DecisionClock::FollowedToday(int64_t boot) {
  while (!followed_.empty() && followed_.front().first <= boot - policy::kDay) {
    followed_.pop_front();
  }
  int64_t sum = 0;
  for (const auto& [when, seconds] : followed_) sum += seconds;
  return sum;
}

void DecisionClock::Compare(int64_t wall, int64_t boot) {
  const int64_t step = std::abs(wall - time_);
  const ClockState before = state_;
  state_ = ClockState::kRunning;
  if (step <= kRoundingSeconds) return;
  if (step < kFollowedSeconds && FollowedToday(boot) + step <= kFollowedSeconds) {
    followed_.emplace_back(boot, step);
    time_ = wall;
    return;
  }
  state_ = ClockState::kDisagrees;
  if (before != ClockState::kDisagrees) ++disturbances_;
}

DecisionClock::Reading DecisionClock::Read() {
  const std::lock_guard lock(mutex_);
  const int64_t boot = clock_.BootSeconds();
  const int64_t wall = clock_.NowUnix();
  if (state_ == ClockState::kUnconfirmed) {
    if (IsPlausibleStart(wall)) Begin(wall, boot);
  } else {
    if (boot - boot_ > kUnwatchedSeconds) ++disturbances_;
    time_ += boot - boot_;
    boot_ = boot;
    Compare(wall, boot);
  }
  // Statements carry the machine's second: a window that begins now must have begun here.
  const bool rounded = state_ == ClockState::kRunning && std::abs(wall - time_) <= kRoundingSeconds;
  const policy::Time time = rounded ? wall : time_;
  return {time, state_, wall - time, disturbances_};
}

void DecisionClock::CheckGap(policy::Time last) {
  Read();
  const std::lock_guard lock(mutex_);
  if (time_ <= last + max_gap_seconds_) return;
  state_ = ClockState::kUnconfirmed;
  time_ = last;
  ++disturbances_;
}

void DecisionClock::Confirm(policy::Time time) {
  const std::lock_guard lock(mutex_);
  ++disturbances_;
  Begin(time, clock_.BootSeconds());
}

std::string InWords(const DecisionClock::Reading& reading) {
  if (reading.trusted()) return "";
  const std::string by = Lasting(std::abs(reading.ahead));
  const char* const side = reading.ahead > 0 ? " ahead of " : " behind ";
  if (reading.state == ClockState::kUnconfirmed) {
    return absl::StrCat("CLOCK: the machine's clock is ", by, side,
                        "the log's last entry, and nobody confirmed the time since the start");
  }
  return absl::StrCat("CLOCK: the machine's clock is ", by, side,
                      "the time that passed since it was last right");
}

}  // namespace kluis::service
