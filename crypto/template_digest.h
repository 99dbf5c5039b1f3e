// SPDX-License-Identifier: Apache-2.0
// The digest by which a capture attestation names one template. Stateless and thread-safe.
#ifndef KLUIS_CRYPTO_TEMPLATE_DIGEST_H_
#define KLUIS_CRYPTO_TEMPLATE_DIGEST_H_

#include <span>
#include <string_view>

#include "crypto/sha256.h"

namespace kluis::crypto {

// SHA-256("kluis-template-v1\n" | algorithm | "\n" | each value as IEEE 754 binary32,
// little-endian). `algorithm` must not hold a line feed, which the caller's validation refuses.
// Values are hashed as their bits: 0 and -0 differ, so sender and vault hash the very floats of the
// wire.
Hash TemplateDigest(std::string_view algorithm, std::span<const float> values);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_TEMPLATE_DIGEST_H_
