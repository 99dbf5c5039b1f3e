// SPDX-License-Identifier: Apache-2.0
// Two clocks that stand still until a test moves them. Thread-safe.
#ifndef KLUIS_TESTS_FAKES_FAKE_CLOCK_H_
#define KLUIS_TESTS_FAKES_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "service/process/clock.h"

namespace kluis::service {

class FakeClock final : public Clock {
 public:
  // Unix seconds.
  explicit FakeClock(int64_t now) : now_(now) {}

  int64_t NowUnix() const override { return now_.load(); }
  int64_t BootSeconds() const override { return boot_.load(); }

  // Time passes.
  void Advance(int64_t seconds) {
    now_.fetch_add(seconds);
    boot_.fetch_add(seconds);
  }
  // Time passes until `now`.
  void Set(int64_t now) { Advance(now - now_.load()); }

  // Somebody sets the machine's clock: no time passes.
  void Step(int64_t seconds) { now_.fetch_add(seconds); }

 private:
  std::atomic<int64_t> now_;
  std::atomic<int64_t> boot_{1000};
};

}  // namespace kluis::service

#endif  // KLUIS_TESTS_FAKES_FAKE_CLOCK_H_
