// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include <sodium.h>

#include "crypto/memory.h"

namespace kluis::crypto {

std::string RandomBytes(size_t size) {
  EnsureSodium();
  std::string bytes(size, '\0');
  if (size != 0) randombytes_buf(bytes.data(), size);
  return bytes;
}

}  // namespace kluis::crypto
