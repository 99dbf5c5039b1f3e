// SPDX-License-Identifier: Apache-2.0
#include "service/callers/access_challenge.h"

#include <algorithm>

#include "base/big_endian.h"
#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/random.h"

namespace kluis::service {
namespace {

constexpr size_t kSecondsDigits = 16;

}  // namespace

AccessChallenges::AccessChallenges(const Clock& clock) : clock_(clock) {
  const std::string random = crypto::RandomBytes(key_.size());
  std::copy(random.begin(), random.end(), key_.begin());
}

std::string AccessChallenges::At(int64_t boot) const {
  const std::string seconds = base::BigEndian(static_cast<uint64_t>(boot), base::kNumberBytes);
  return base::ToHex(seconds) + base::ToHex(crypto::Bytes(crypto::Commit(key_, seconds)));
}

std::string AccessChallenges::Give() const { return At(clock_.BootSeconds()); }

bool AccessChallenges::IsFresh(std::string_view challenge) const {
  const absl::StatusOr<std::string> bytes = base::FromHex(challenge.substr(0, kSecondsDigits));
  if (!bytes.ok() || bytes->size() != base::kNumberBytes) return false;
  const uint64_t given = base::ReadBigEndian(*bytes);
  if (given > INT64_MAX) return false;
  const auto boot = static_cast<int64_t>(given);
  const int64_t now = clock_.BootSeconds();
  return boot <= now && boot > now - kLastsSeconds && At(boot) == challenge;
}

}  // namespace kluis::service
