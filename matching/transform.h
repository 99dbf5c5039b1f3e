// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_TRANSFORM_H_
#define KLUIS_MATCHING_TRANSFORM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "matching/algorithm.h"

namespace kluis::matching {

inline constexpr std::size_t kTransformKeyBytes = 32;

// Turns a template into the protected template of one purpose: a secret orthogonal map, so that
// templates of one purpose compare with exactly the scores of the originals, and templates of two
// purposes compare like strangers. Thread-safe after Create.
//
// Construction: y = (H S3 P3)(H S2 P2)(H S1 P1) x, with H the orthonormal Walsh-Hadamard matrix, S
// keyed signs and P a keyed permutation; H D products are the usual fast stand-in for a random
// rotation (Ailon and Chazelle, 2009; Andoni et al., NIPS 2015, where three rounds suffice).
//   seed   = BLAKE2b-256(key = purpose key, "kluis transform/1 " + algorithm id)
//   stream = ChaCha20 of the seed (randombytes_buf_deterministic)
//   round  = dimension u64, little-endian, for a Fisher-Yates shuffle from the top (index modulo i
//   + 1;
//            the bias is below 2^-54), then dimension / 8 bytes of signs, lowest bit first, 1 =
//            negate
//
// What it protects (ISO/IEC 24745): renewability - a new key gives a new, unrelated template - and
// unlinkability - two databases with different keys do not reveal that they hold the same person.
// What it does not: it is linear, so about `dimension` known pairs (template, protected template)
// solve for it, and who holds the key inverts it. The length is kept for Euclidean algorithms, and
// is therefore visible. It is the second line, behind encryption, never the only one.
class Transform {
 public:
  // Copies what it needs of `purpose_key` into guarded memory, which is wiped with this object.
  // kInvalidArgument: the dimension is not a power of two from 8 to 4096.
  static absl::StatusOr<Transform> Create(
      const Algorithm& algorithm, std::span<const std::uint8_t, kTransformKeyBytes> purpose_key);

  // Writes the protected template of `in` to `out`; both have `dimension` floats and may be the
  // same. For a cosine algorithm `in` is first divided by its length, so `out` has length 1. Sums
  // are double. kInvalidArgument: CheckTemplate refuses `in`, or `out` has another size; `out` is
  // then untouched.
  absl::Status Apply(std::span<const float> in, std::span<float> out) const;

  // Writes to `out` what Apply would write for the template that `former` protected as `in`, but
  // for the rounding of one more float32 (about 1e-7 of its length): the map is orthogonal, so its
  // transpose undoes it. `former` is of the same algorithm; `in` and `out` may be the same. The
  // template is nowhere in between but in doubles that are wiped. kInvalidArgument: CheckProtected
  // refuses `in`, `former` is of another algorithm, or `out` has another size; `out` is then
  // untouched.
  absl::Status Renew(const Transform& former, std::span<const float> in,
                     std::span<float> out) const;

 private:
  Transform(const Algorithm& algorithm, crypto::SecretBytes rounds);

  // Both want a factor of dimension^(-kRounds / 2) at the end. `spare` has the size of `values`.
  void Forward(std::vector<double>& values, std::vector<double>& spare) const;
  void Backward(std::vector<double>& values, std::vector<double>& spare) const;

  const Algorithm* algorithm_;
  // Per round: `dimension` u16 source indices and `dimension` u16 that are 0 or 1 for the sign.
  crypto::SecretBytes rounds_;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_TRANSFORM_H_
