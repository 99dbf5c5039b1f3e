// SPDX-License-Identifier: Apache-2.0
// Challenges that make an access request fresh where the date does not: a person's phone, or the
// vault, may have a wrong date. Kept nowhere: a challenge proves itself. Thread-safe.
//
// As text: hex of boot seconds u64, big-endian | BLAKE2b-256 of them, keyed by a key of this start.
#ifndef KLUIS_SERVICE_CALLERS_ACCESS_CHALLENGE_H_
#define KLUIS_SERVICE_CALLERS_ACCESS_CHALLENGE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "service/process/clock.h"

namespace kluis::service {

class AccessChallenges {
 public:
  static constexpr int64_t kLastsSeconds = 600;  // of the clock that nobody sets

  // `clock` must outlive this object.
  explicit AccessChallenges(const Clock& clock);

  std::string Give() const;
  // Whether this object gave it within kLastsSeconds.
  bool IsFresh(std::string_view challenge) const;

 private:
  std::string At(int64_t boot) const;

  const Clock& clock_;
  std::array<uint8_t, 32> key_{};
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CALLERS_ACCESS_CHALLENGE_H_
