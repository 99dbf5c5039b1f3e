// SPDX-License-Identifier: Apache-2.0
// The machine's two clocks, as an interface so that a test sets them. What decides reads neither:
// it takes the time of its act, which service/ledger/decision_clock.h makes of both. Thread-safe.
#ifndef KLUIS_SERVICE_PROCESS_CLOCK_H_
#define KLUIS_SERVICE_PROCESS_CLOCK_H_

#include <time.h>

#include <chrono>
#include <cstdint>

namespace kluis::service {

class Clock {
 public:
  virtual ~Clock() = default;

  // Seconds since 1970-01-01T00:00:00Z. Whoever sets the machine's clock makes it step.
  virtual int64_t NowUnix() const = 0;

  // Seconds since the machine started, also while it slept. Never steps.
  virtual int64_t BootSeconds() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  int64_t NowUnix() const override {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  int64_t BootSeconds() const override {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
  }
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_CLOCK_H_
