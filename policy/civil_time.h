// SPDX-License-Identifier: Apache-2.0
// Years and months of the Gregorian calendar, in UTC. Pure, safe from any thread.
#ifndef KLUIS_POLICY_CIVIL_TIME_H_
#define KLUIS_POLICY_CIVIL_TIME_H_

#include <chrono>
#include <cstdint>
#include <limits>

#include "policy/facts.h"

namespace kluis::policy {

// The year that `time`, 1970 to 9999, is in.
inline uint32_t YearOf(Time time) {
  const auto day =
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(time)));
  return static_cast<uint32_t>(static_cast<int>(std::chrono::year_month_day(day).year()));
}

// The first second that is `months` calendar months after the end of `year`: of 2027 and 6, the
// first of July 2028. Beyond the year 9999: the largest time, which never comes.
inline Time MonthsAfterYear(uint32_t year, uint32_t months) {
  const uint64_t month = (uint64_t{year} + 1) * 12 + months;  // since January of the year 0
  if (month >= 10'000 * 12) return std::numeric_limits<Time>::max();
  const std::chrono::sys_days day = std::chrono::year(static_cast<int>(month / 12)) /
                                    std::chrono::month(static_cast<unsigned>(month % 12 + 1)) /
                                    std::chrono::day(1);
  return std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch()).count();
}

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_CIVIL_TIME_H_
