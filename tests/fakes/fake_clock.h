// A clock that stands still until a test moves it. Thread-safe.
#ifndef KLUIS_TESTS_FAKES_FAKE_CLOCK_H_
#define KLUIS_TESTS_FAKES_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "service/clock.h"

namespace kluis::service {

class FakeClock final : public Clock {
 public:
  // Unix seconds.
  explicit FakeClock(int64_t now) : now_(now) {}

  int64_t NowUnix() const override { return now_.load(); }

  void Set(int64_t now) { now_.store(now); }
  void Advance(int64_t seconds) { now_.fetch_add(seconds); }

 private:
  std::atomic<int64_t> now_;
};

}  // namespace kluis::service

#endif  // KLUIS_TESTS_FAKES_FAKE_CLOCK_H_
