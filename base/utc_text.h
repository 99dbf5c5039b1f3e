// SPDX-License-Identifier: Apache-2.0
// Times as people and machines read them. Pure functions, thread-safe.
#ifndef KLUIS_BASE_UTC_TEXT_H_
#define KLUIS_BASE_UTC_TEXT_H_

#include <cstdint>
#include <string>

namespace kluis::base {

// "2026-11-22T19:00:00Z" (RFC 3339).
std::string UtcText(int64_t unix_seconds);

}  // namespace kluis::base

#endif  // KLUIS_BASE_UTC_TEXT_H_
