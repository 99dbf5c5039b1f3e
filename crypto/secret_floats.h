// SPDX-License-Identifier: Apache-2.0
// The bytes of a template as its values. Functions of their arguments.
#ifndef KLUIS_CRYPTO_SECRET_FLOATS_H_
#define KLUIS_CRYPTO_SECRET_FLOATS_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

// Valid while `bytes` lives. kDataLoss: not a whole number of aligned floats.
inline absl::StatusOr<std::span<const float>> AsFloats(const SecretBytes& bytes) {
  const uint8_t* const data = bytes.Expose().data();
  if (bytes.size() % sizeof(float) != 0 ||
      reinterpret_cast<uintptr_t>(data) % alignof(float) != 0) {
    return absl::DataLossError("template: not a row of floats");
  }
  return std::span(reinterpret_cast<const float*>(data), bytes.size() / sizeof(float));
}
inline absl::StatusOr<std::span<float>> AsMutableFloats(SecretBytes& bytes) {
  const absl::StatusOr<std::span<const float>> floats = AsFloats(bytes);
  if (!floats.ok()) return floats.status();
  return std::span(reinterpret_cast<float*>(bytes.ExposeMutable().data()), floats->size());
}

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SECRET_FLOATS_H_
