// SPDX-License-Identifier: Apache-2.0
// Public random bytes. Thread-safe.
#ifndef KLUIS_CRYPTO_RANDOM_H_
#define KLUIS_CRYPTO_RANDOM_H_

#include <cstddef>
#include <string>

namespace kluis::crypto {

// `size` bytes from the system's random generator, for nonces and identifiers. Keys come from
// SecretBytes::Random.
std::string RandomBytes(size_t size);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_RANDOM_H_
