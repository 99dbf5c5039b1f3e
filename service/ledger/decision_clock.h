// SPDX-License-Identifier: Apache-2.0
// Decision time: what a decision takes for now. It is evidence, not a reading. Within a run it
// follows the clock that nobody sets (CLOCK_BOOTTIME) from a start whose time is confirmed; the
// machine's own clock, which anybody may set, is compared with it. Thread-safe.
//
//   RUNNING      both clocks agree. Steps of the machine's clock below a minute are followed, a
//                minute a day at most; ones of a second are rounding.
//   DISAGREES    the machine's clock stepped further: a fault. Time runs on by the other clock.
//                Ends when both agree again, or by a confirmation.
//   UNCONFIRMED  the vault started a minute or more before its last entry, or longer than the gap
//                after it. Time stands still at the last entry. Ends when the machine's clock shows
//                a time that a start would be confirmed with, or by a confirmation.
//
// While it is not RUNNING only what policy::WorksOnAnyTime names is decided
// (service/ledger/ledger.h).
#ifndef KLUIS_SERVICE_LEDGER_DECISION_CLOCK_H_
#define KLUIS_SERVICE_LEDGER_DECISION_CLOCK_H_

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "policy/facts.h"
#include "service/process/clock.h"

namespace kluis::service {

inline constexpr int64_t kDefaultMaxGapSeconds = 7 * policy::kDay;

enum class ClockState { kRunning, kDisagrees, kUnconfirmed };

class DecisionClock {
 public:
  // What both clocks say at one moment.
  struct Reading {
    policy::Time time = 0;  // decision time; the log's is never before the entry before
    ClockState state = ClockState::kRunning;
    int64_t ahead = 0;  // of the machine's clock before decision time, in seconds; behind: negative
    // How often time was disturbed: the start is the first; then each fault, each confirmation, and
    // each time that nobody looked for over an hour.
    uint64_t disturbances = 0;

    bool trusted() const { return state == ClockState::kRunning; }
  };

  // Begins at `last`, the time of the log's last entry; 0: there is none, and the machine's clock
  // is believed. `clock` must outlive this object. `max_gap_seconds`: a start may be so much later.
  DecisionClock(const Clock& clock, policy::Time last,
                int64_t max_gap_seconds = kDefaultMaxGapSeconds);

  // Looks at both clocks. Call it at least once an hour.
  Reading Read();

  // The vault starts to serve, and the log's last entry is of `last`: after a gap as long as that
  // before an unconfirmed start, time stands still there.
  void CheckGap(policy::Time last);

  // From now on it is `time`, on somebody's word.
  void Confirm(policy::Time time);

 private:
  bool IsPlausibleStart(int64_t wall) const;
  void Begin(policy::Time time, int64_t boot);
  int64_t FollowedToday(int64_t boot);
  void Compare(int64_t wall, int64_t boot);

  const Clock& clock_;
  const int64_t max_gap_seconds_;

  std::mutex mutex_;  // guards what follows
  ClockState state_ = ClockState::kRunning;
  policy::Time time_ = 0;  // at `boot_`
  int64_t boot_ = 0;
  uint64_t disturbances_ = 1;
  std::deque<std::pair<int64_t, int64_t>> followed_;  // when by the boot clock, how many seconds
};

// "900 d 2 h", of a number of seconds that is not negative.
std::string Lasting(int64_t seconds);

// For operators: which clock is ahead and by how much. Empty: time is RUNNING.
std::string InWords(const DecisionClock::Reading& reading);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_DECISION_CLOCK_H_
