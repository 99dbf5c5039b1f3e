// SPDX-License-Identifier: Apache-2.0
// How often something may happen: a bucket of tokens that fills at a rate, one token each time.
// For one thread; its user gives the time.
#ifndef KLUIS_SERVICE_CALLERS_TOKEN_BUCKET_H_
#define KLUIS_SERVICE_CALLERS_TOKEN_BUCKET_H_

#include <algorithm>
#include <cstdint>

namespace kluis::service {

class TokenBucket {
 public:
  // Full at first. `most`: tokens that it holds, at least 1.
  TokenBucket(double per_second, double most)
      : per_second_(per_second), most_(std::max(most, 1.0)), tokens_(most_) {}

  // Takes a token; false: there is none. `now`: milliseconds of a clock that never steps back.
  bool Take(int64_t now) {
    Fill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  // Nothing was taken for so long that a new bucket would be the same.
  bool IsFull(int64_t now) {
    Fill(now);
    return tokens_ >= most_;
  }

 private:
  void Fill(int64_t now) {
    if (now > filled_at_) {
      const double seconds = static_cast<double>(now - filled_at_) / 1000;
      tokens_ = std::min(most_, tokens_ + seconds * per_second_);
    }
    filled_at_ = std::max(filled_at_, now);
  }

  const double per_second_;
  const double most_;
  double tokens_;
  int64_t filled_at_ = 0;  // milliseconds
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CALLERS_TOKEN_BUCKET_H_
