// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_SKETCH_H_
#define KLUIS_MATCHING_SKETCH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"

namespace kluis::matching {

// One bit per dimension of a template, and the bound on what the other bits could still change: the
// first stage of a search. Source: RaBitQ, Gao and Long, SIGMOD 2024 (arXiv 2405.12497), section 3.
//
// Of a template b and a centre c, with n = |b - c| and the direction o = (b - c) / n, rotated at
// random in D dimensions, the sketch keeps sign(o) and two numbers: n, and the alignment x = <s, o>
// of s = sign(o) / sqrt(D), about 0.8. Of a probe a, with m = |a - c| and the direction q, every
// value is rounded at random to one of 16 steps, odd multiples of step / 2, which is q'. The scan
// takes <s, q'> and from it the estimate <s, q'> / x of <o, q>.
//
// The bound. Given o, the direction q is spread evenly around it, so with k = sqrt(1 - x^2) / x
//   <s, q'> / x = <o, q> + k sqrt(1 - <o, q>^2) t + e / x
// where t is a coordinate of a random point on the sphere in D - 1 dimensions and e the sum of D
// independent rounding errors within `step`, over sqrt(D). Both are sub-Gaussian, with variance at
// most 1 / (D - 1) and step^2 / 4 (Hoeffding), so the chance that the sum is below <o, q> by more
// than epsilon sqrt(k^2 (1 - <o, q>^2) / (D - 1) + step^2 / (4 x^2)) is at most
// exp(-epsilon^2 / 2). `step` must not depend on the rotation for that: it is the first of a fixed
// series that holds all values, and the miss probability p is shared out among the series, p / 2 to
// its first member, p / 4 to the next: epsilon = sqrt(2 ln(2^(i+1) / p)). A template whose score
// reaches the cut is therefore passed over with a probability of at most p, whatever its score
// above the cut: the bound taken at the cut itself is the loosest.
//
// The rotation is the purpose's Transform (three rounds of signs, permutation and Walsh-Hadamard
// stand in for an even one). Templates of fewer than 512 values are padded with zeros and rotated
// once more in 512 dimensions, under a key of the gallery: more bits than values, for a bound that
// still prunes.

inline constexpr std::size_t kMinSketchBits = 512;
inline constexpr std::size_t kMaxSketchWords = 64;  // of 64 bits
inline constexpr std::size_t kQueryPlanes = 4;      // bits per value of a query

// What is kept beside the bits.
struct SketchFactors {
  std::uint16_t alignment = 0;  // x in 1 / 65536, to the nearest
  std::uint16_t length = 0;     // n: EncodeLength
};

// 5 bits of exponent, 11 of fraction: 2^-17 to 2^15 with a relative error of at most 2^-12. 0 says
// "shorter than that": such a template is never passed over. Order is kept.
std::uint16_t EncodeLength(float length);
float DecodeLength(std::uint16_t code);

// The limit below which a sketch is a survivor, as the scan evaluates it:
//   sum <= base + inverse * x / n + direct * x * n + spread * (1 - x^2), each "*" and "+" fused;
// `sum` is SketchSum. It is no stricter than SketchQuery::Survives for any n in the range asked
// for.
struct SketchLimit {
  float base = 0;
  float inverse = 0;
  float direct = 0;
  float spread = 0;
};

// A probe, ready for the scan. Holds what can be computed back to the probe nearly: wiped when
// dropped.
class SketchQuery {
 public:
  SketchQuery() = default;
  SketchQuery(const SketchQuery&) = delete;
  SketchQuery& operator=(const SketchQuery&) = delete;
  ~SketchQuery();

  // Bit planes, planes()[word * 4 + plane]; plane j has weight 2^j.
  const std::uint64_t* planes() const { return planes_.data(); }

  // <s, q'> / x for a sketch with this sum: the estimate of <o, q>.
  double Estimate(std::uint32_t sum, double alignment) const;

  // How far the estimate may lie below `cosine`: see above. 0 <= cosine <= 1.
  double Radius(double cosine, double alignment) const;

  // Whether a template with this sketch can still be at the cut or better.
  bool Survives(std::uint32_t sum, const SketchFactors& factors) const;

  // The same as a limit for many, whose lengths are in [shortest, longest] or 0 (codes; both 0: all
  // are).
  SketchLimit LimitFor(std::uint16_t shortest, std::uint16_t longest) const;

 private:
  friend class SketchSpace;

  double CosineAtCut(double length) const;  // of a template of this length, a little too low

  alignas(64) std::array<std::uint64_t, kMaxSketchWords* kQueryPlanes> planes_ = {};
  double bits_ = 0;
  double step_ = 0;
  double epsilon_ = 0;
  // Distance at the cut: n^2 + m^2 - 2 n m <o, q> = cut^2, so <o, q> = inverse_ / n + direct_ * n.
  double inverse_ = 0;
  double direct_ = 0;
  bool everything_ = false;  // the probe is the centre: nothing can be passed over
};

// Number of dimensions, centre and, for short templates, the second rotation of a gallery's
// sketches. Thread-safe, except SetCentre.
class SketchSpace {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  // `key` is that of the second rotation and of the rounding of queries. The centre is the origin.
  // kInvalidArgument: dimension is not a power of two from 8 to 4096.
  static absl::StatusOr<std::unique_ptr<SketchSpace>> Create(
      std::size_t dimension, std::span<const std::uint8_t, kKeyBytes> key);

  std::size_t bits() const { return bits_; }  // per sketch, a multiple of 512
  std::size_t words() const { return bits_ / 64; }

  // Copies `centre`, dimension floats, into guarded memory. Sketches and queries made before do not
  // go with those made after.
  void SetCentre(std::span<const float> centre);

  // Sketches `values`, dimension floats. `words` has words() elements; bit i of word w is value
  // 64 w + i, 1 where it is not negative.
  void Encode(std::span<const float> values, std::span<std::uint64_t> words,
              SketchFactors& factors) const;

  // Prepares `values`, dimension floats, for a cut on the Euclidean distance. `miss` is the
  // probability p above, 0 < p < 1. The rounding is drawn from the key and the values, so that one
  // probe always gives one query.
  void Prepare(std::span<const float> values, double squared_cut, double miss,
               SketchQuery& query) const;

 private:
  SketchSpace(std::size_t dimension, std::span<const std::uint8_t, kKeyBytes> key);

  // Writes the centred, rotated vector to `out`, bits() floats; returns its length.
  float Place(std::span<const float> values, std::span<float> out) const;
  void Rotate(std::span<float> values, std::span<float> scratch) const;

  std::size_t dimension_;
  std::size_t bits_;
  crypto::SecretBytes key_;
  crypto::SecretBytes centre_;  // dimension floats
  crypto::SecretBytes
      rounds_;  // per round: bits u16 source indices, bits floats of +-1 / sqrt(bits)
};

// What the scan computes of one sketch: of every bit that differs from the query's plane j, 2^j.
// <s, q'> = step / (2 sqrt(D)) * (15 D - 2 sum). `stride` words lie from one word of the sketch to
// its next.
std::uint32_t SketchSum(const std::uint64_t* sketch, std::size_t stride,
                        const std::uint64_t* planes, std::size_t words);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SKETCH_H_
