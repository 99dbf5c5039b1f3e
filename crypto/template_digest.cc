// SPDX-License-Identifier: Apache-2.0
#include "crypto/template_digest.h"

#include <bit>
#include <limits>

namespace kluis::crypto {

static_assert(std::endian::native == std::endian::little,
              "the values are hashed as they lie in memory");
static_assert(std::numeric_limits<float>::is_iec559 && sizeof(float) == 4);

Hash TemplateDigest(std::string_view algorithm, std::span<const float> values) {
  const std::string_view bits(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return Sha256({"kluis-template-v1\n", algorithm, "\n", bits});
}

}  // namespace kluis::crypto
