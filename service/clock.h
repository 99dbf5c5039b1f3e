// The time that decisions are made at, as an interface so that a test sets it. Thread-safe.
#ifndef KLUIS_SERVICE_CLOCK_H_
#define KLUIS_SERVICE_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace kluis::service {

class Clock {
 public:
  virtual ~Clock() = default;

  // Seconds since 1970-01-01T00:00:00Z. It may step back when the machine's clock is set.
  virtual int64_t NowUnix() const = 0;
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  int64_t NowUnix() const override {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CLOCK_H_
