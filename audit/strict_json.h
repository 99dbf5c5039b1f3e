// SPDX-License-Identifier: Apache-2.0
// JSON with one reading: what a signature covers must not mean two things. Pure, thread-safe.
#ifndef KLUIS_AUDIT_STRICT_JSON_H_
#define KLUIS_AUDIT_STRICT_JSON_H_

#include <string_view>

#include "nlohmann/json.hpp"

namespace kluis::audit {

// One JSON object without duplicate names at any depth and without a byte order mark; null, which
// no object is, for anything else. A number with a fraction or an exponent is kept as it is
// written, as binary: 1e1 is not 10, and 3.0 is not 3.
nlohmann::json ParseStrictJson(std::string_view text);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_STRICT_JSON_H_
