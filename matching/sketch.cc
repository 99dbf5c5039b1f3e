// SPDX-License-Identifier: Apache-2.0
#include "matching/sketch.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

#include "matching/sketch_values.h"

namespace kluis::matching {
namespace {

constexpr std::size_t kMaxBits = kMaxSketchWords * 64;
constexpr std::size_t kRounds = 3;
constexpr double kHalfLevels = 7.5;  // 16 levels, half a step off the middle on either side
// The first value range of queries, in units of 1 / sqrt(D): 97 of 100 probes of 512 values fit.
// The next are each wider by sqrt(2); the last holds any vector of length 1.
constexpr double kFirstRange = 4;

constexpr int kLengthShift = 12;                   // fraction bits that are dropped
constexpr std::uint32_t kLengthBias = 110U << 23;  // exponent of 2^-17
// Factors are stored rounded: x within 2^-17 of at least 2^-6, n within 2^-12, so x / n and x * n
// within this part of themselves.
constexpr double kFactorError = 0x1p-10;
constexpr double kRoundingError = 1e-4;  // of sums in float32, far more than they have
constexpr float kAlways = 1e30F;

const float* Centre(const crypto::SecretBytes& centre) {
  return reinterpret_cast<const float*>(centre.Expose().data());
}

// Walsh-Hadamard in place, without the factor 1 / sqrt(n); n is at least 16.
void Hadamard(std::span<float> values) {
  for (std::size_t half = 1; half < values.size(); half *= 2) {
    for (std::size_t block = 0; block < values.size(); block += 2 * half) {
      float* const low = values.data() + block;
      float* const high = low + half;
      for (std::size_t i = 0; i < half; ++i) {
        const float a = low[i];
        const float b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
  }
}

// A stream of 32-bit numbers that follows from a key and a message.
void FillFrom(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message,
              std::span<std::uint32_t> out) {
  crypto::SecretKey32 seed;
  crypto_generichash(seed.ExposeMutable().data(), seed.ExposeMutable().size(), message.data(),
                     message.size(), key.data(), key.size());
  randombytes_buf_deterministic(out.data(), out.size_bytes(), seed.Expose().data());
}

}  // namespace

std::uint16_t EncodeLength(float length) {
  const std::uint32_t rounded = std::bit_cast<std::uint32_t>(length) + (1U << (kLengthShift - 1));
  if (!(length > 0) || rounded < kLengthBias) return 0;
  return static_cast<std::uint16_t>(std::min((rounded - kLengthBias) >> kLengthShift, 0xffffU));
}

float DecodeLength(std::uint16_t code) {
  if (code == 0) return 0;
  return std::bit_cast<float>((std::uint32_t{code} << kLengthShift) + kLengthBias);
}

std::uint32_t SketchSum(const std::uint64_t* sketch, std::size_t stride,
                        const std::uint64_t* planes, std::size_t words) {
  std::uint32_t sum = 0;
  for (std::size_t word = 0; word < words; ++word) {
    for (std::size_t plane = 0; plane < kQueryPlanes; ++plane) {
      const std::uint64_t differ = sketch[word * stride] ^ planes[word * kQueryPlanes + plane];
      sum += static_cast<std::uint32_t>(std::popcount(differ)) << plane;
    }
  }
  return sum;
}

SketchQuery::~SketchQuery() { sodium_memzero(planes_.data(), sizeof(planes_)); }

double SketchQuery::Estimate(std::uint32_t sum, double alignment) const {
  return step_ * (2 * kHalfLevels * bits_ - 2.0 * sum) / (2 * std::sqrt(bits_) * alignment);
}

double SketchQuery::Radius(double cosine, double alignment) const {
  const double spread = (1 - cosine * cosine) * (1 - alignment * alignment) / (bits_ - 1);
  return epsilon_ * std::sqrt(spread + step_ * step_ / 4) / alignment;
}

double SketchQuery::CosineAtCut(double length) const {
  return (inverse_ - std::abs(inverse_) * kFactorError) / length +
         direct_ * (1 - kFactorError) * length;
}

bool SketchQuery::Survives(std::uint32_t sum, const SketchFactors& factors) const {
  if (everything_ || factors.length == 0) return true;
  const double alignment = factors.alignment * 0x1p-16;
  const double cosine = CosineAtCut(static_cast<double>(DecodeLength(factors.length)));
  const double radius = Radius(std::clamp(cosine, 0.0, 1.0), alignment);
  return (Estimate(sum, alignment) - cosine + radius) * alignment >= -kRoundingError;
}

SketchLimit SketchQuery::LimitFor(std::uint16_t shortest, std::uint16_t longest) const {
  if (everything_ || longest == 0) return {.base = kAlways};
  // The least cosine at the cut that any length in the range asks for: at an end of the range, or
  // where inverse / n + direct n has its minimum.
  const double low = static_cast<double>(DecodeLength(shortest));
  const double high = static_cast<double>(DecodeLength(longest));
  double cosine = std::min(CosineAtCut(low), CosineAtCut(high));
  const double lowest = inverse_ > 0 ? std::sqrt(inverse_ / direct_) : 0;
  if (lowest > low && lowest < high) cosine = std::min(cosine, CosineAtCut(lowest));
  cosine = std::clamp(cosine, 0.0, 1.0);

  // sqrt(v) <= (v + v0) / (2 sqrt(v0)): a tangent at the usual alignment, sqrt(2 / pi).
  const double per_gap = (1 - cosine * cosine) / (bits_ - 1);  // of v, per 1 - x^2
  const double rounding = step_ * step_ / 4;
  const double usual = per_gap * (1 - 2 / std::numbers::pi) + rounding;
  const double slope = epsilon_ / (2 * std::sqrt(usual));
  const double unit = std::sqrt(bits_) / step_;  // of the sum, per unit of <s, q'>
  return {
      .base = static_cast<float>(kHalfLevels * bits_ + 1 +
                                 unit * (slope * (rounding + usual) + kRoundingError)),
      .inverse = static_cast<float>(-unit * (inverse_ - std::abs(inverse_) * kFactorError)),
      .direct = static_cast<float>(-unit * direct_ * (1 - kFactorError)),
      .spread = static_cast<float>(std::max(unit * slope * per_gap, 1e-3)),
  };
}

SketchSpace::SketchSpace(std::size_t dimension, std::span<const std::uint8_t, kKeyBytes> key)
    : dimension_(dimension),
      bits_(std::max(dimension, kMinSketchBits)),
      key_(crypto::SecretBytes::CopyOf(key)),
      centre_(crypto::SecretBytes::Zero(dimension * sizeof(float))),
      rounds_(crypto::SecretBytes::Zero(
          dimension < kMinSketchBits ? kRounds * bits_ * (sizeof(std::uint16_t) + sizeof(float))
                                     : 0)) {}

absl::StatusOr<std::unique_ptr<SketchSpace>> SketchSpace::Create(
    std::size_t dimension, std::span<const std::uint8_t, kKeyBytes> key) {
  if (!std::has_single_bit(dimension) || dimension < 8 || dimension > kMaxBits) {
    return absl::InvalidArgumentError("dimension: must be a power of two from 8 to 4096");
  }
  auto space = std::unique_ptr<SketchSpace>(new SketchSpace(dimension, key));
  if (dimension >= kMinSketchBits) return space;

  // As in Transform: a shuffle from the top and a sign for each value, three times.
  const std::size_t bits = space->bits_;
  crypto::SecretBytes drawn = crypto::SecretBytes::Zero(kRounds * 2 * bits * sizeof(std::uint32_t));
  const std::span<std::uint32_t> stream(
      reinterpret_cast<std::uint32_t*>(drawn.ExposeMutable().data()), kRounds * 2 * bits);
  constexpr std::uint8_t kLabel[] = {'l', 'i', 'f', 't'};
  FillFrom(space->key_.Expose(), kLabel, stream);
  auto* const signs = reinterpret_cast<float*>(space->rounds_.ExposeMutable().data());
  auto* const sources = reinterpret_cast<std::uint16_t*>(signs + kRounds * bits);
  const auto unit = static_cast<float>(1 / std::sqrt(static_cast<double>(bits)));
  for (std::size_t round = 0; round < kRounds; ++round) {
    const std::span<std::uint32_t> draws = stream.subspan(round * 2 * bits, 2 * bits);
    std::uint16_t* const source = sources + round * bits;
    for (std::size_t i = 0; i < bits; ++i) {
      source[i] = static_cast<std::uint16_t>(i);
      signs[round * bits + i] = (draws[bits + i] & 1) == 0 ? unit : -unit;
    }
    for (std::size_t i = bits - 1; i > 0; --i) std::swap(source[i], source[draws[i] % (i + 1)]);
  }
  return space;
}

void SketchSpace::SetCentre(std::span<const float> centre) {
  std::copy(centre.begin(), centre.end(), reinterpret_cast<float*>(centre_.ExposeMutable().data()));
}

void SketchSpace::Rotate(std::span<float> values, std::span<float> scratch) const {
  const auto* const signs = reinterpret_cast<const float*>(rounds_.Expose().data());
  const auto* const sources = reinterpret_cast<const std::uint16_t*>(signs + kRounds * bits_);
  for (std::size_t round = 0; round < kRounds; ++round) {
    const float* const sign = signs + round * bits_;
    const std::uint16_t* const source = sources + round * bits_;
    for (std::size_t i = 0; i < bits_; ++i) scratch[i] = values[source[i]] * sign[i];
    Hadamard(scratch);
    std::swap(values, scratch);  // the spans; an odd number of rounds ends in `scratch`
  }
  static_assert(kRounds % 2 == 1);
  std::copy(values.begin(), values.end(), scratch.begin());
}

float SketchSpace::Place(std::span<const float> values, std::span<float> out) const {
  Subtract(values, Centre(centre_), out);
  const float length = std::sqrt(SumsOf(out.first(dimension_)).squares);
  if (bits_ != dimension_) {
    std::array<float, kMinSketchBits> scratch;
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(dimension_), out.end(), 0.0F);
    Rotate(out, scratch);
    sodium_memzero(scratch.data(), sizeof(scratch));
  }
  return length;
}

void SketchSpace::Encode(std::span<const float> values, std::span<std::uint64_t> words,
                         SketchFactors& factors) const {
  alignas(64) std::array<float, kMaxBits> buffer;
  const std::span<float> placed = std::span<float>(buffer).first(bits_);
  if (bits_ == dimension_) {
    Subtract(values, Centre(centre_), placed);  // whose sums are taken below
  } else {
    Place(values, placed);
  }
  for (std::size_t word = 0; word < words.size(); ++word) {
    words[word] = SignsOf(placed.data() + word * 64);
  }
  const Sums sums = SumsOf(placed);
  const float length = std::sqrt(sums.squares);
  factors.length = EncodeLength(length);
  const double alignment =
      factors.length == 0
          ? 1
          : static_cast<double>(sums.sizes) /
                (static_cast<double>(length) * std::sqrt(static_cast<double>(bits_)));
  factors.alignment =
      static_cast<std::uint16_t>(std::clamp(std::nearbyint(alignment * 0x1p16), 1.0, 65535.0));
  sodium_memzero(placed.data(), placed.size_bytes());
}

void SketchSpace::Prepare(std::span<const float> values, double squared_cut, double miss,
                          SketchQuery& query) const {
  alignas(64) std::array<float, kMaxBits> buffer;
  std::array<std::uint32_t, kMaxBits> draws;
  const std::span<float> placed = std::span<float>(buffer).first(bits_);
  const auto length = static_cast<double>(Place(values, placed));
  query.planes_ = {};
  query.bits_ = static_cast<double>(bits_);
  query.everything_ = !(length > 1e-6);
  if (query.everything_) return;
  query.inverse_ = (length * length - squared_cut) / (2 * length);
  query.direct_ = 1 / (2 * length);

  float largest = 0;
  for (const float value : placed) largest = std::max(largest, std::abs(value));
  const double root = std::sqrt(query.bits_);
  double range = kFirstRange;
  int member = 1;
  while (range < static_cast<double>(largest) / length * root && range < root) {
    range *= std::numbers::sqrt2;
    ++member;
  }
  query.epsilon_ = std::sqrt(2 * (member * std::numbers::ln2 - std::log(miss)));
  query.step_ = range / (kHalfLevels * root);

  FillFrom(key_.Expose(),
           {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()},
           std::span(draws).first(bits_));
  const double scale = 1 / (length * query.step_);
  for (std::size_t i = 0; i < bits_; ++i) {
    const double level =
        std::floor(static_cast<double>(placed[i]) * scale + kHalfLevels + draws[i] * 0x1p-32);
    const auto bits = static_cast<std::uint64_t>(std::clamp(level, 0.0, 15.0));
    for (std::size_t plane = 0; plane < kQueryPlanes; ++plane) {
      query.planes_[i / 64 * kQueryPlanes + plane] |= (bits >> plane & 1) << i % 64;
    }
  }
  sodium_memzero(placed.data(), placed.size_bytes());
  sodium_memzero(draws.data(), sizeof(draws));
}

}  // namespace kluis::matching
