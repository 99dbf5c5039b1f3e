// SPDX-License-Identifier: Apache-2.0
// Decimal numbers with one spelling each, as the log's formats write them. Pure functions,
// thread-safe.
#ifndef KLUIS_BASE_DECIMAL_H_
#define KLUIS_BASE_DECIMAL_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace kluis::base {

// The value of `text`: ASCII digits only, no sign, no space, no leading zero ("0" itself is
// allowed), at most 2^64 - 1. nullopt: anything else, so that one number has one spelling.
std::optional<uint64_t> ParseDecimal(std::string_view text);

}  // namespace kluis::base

#endif  // KLUIS_BASE_DECIMAL_H_
