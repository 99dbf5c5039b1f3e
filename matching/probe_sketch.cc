// SPDX-License-Identifier: Apache-2.0
#include "matching/probe_sketch.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "crypto/derive.h"
#include "crypto/secret_bytes.h"
#include "matching/template_check.h"
#include "matching/transform.h"

namespace kluis::matching {
namespace {

constexpr crypto::Label kRotationUse("kluis-sketch");
constexpr crypto::Label kDitherUse("kluis-dither");

constexpr std::size_t kBits = kProbeSketchBytes * 8;
constexpr double kWidthOverDistance = 2.5;

double RepeatDistance(const Algorithm& algorithm) {
  if (algorithm.metric == Metric::kEuclidean) return algorithm.repeat_score;
  return std::sqrt(2 - 2 * algorithm.repeat_score);
}

// Of `length` 1 for a cosine algorithm, else as it is; zeros behind it.
absl::StatusOr<crypto::SecretBytes> Padded(const Algorithm& algorithm, std::span<const float> probe,
                                           std::size_t dimension) {
  double scale = 1;
  if (algorithm.metric == Metric::kCosine) {
    double squared = 0;
    for (const float value : probe) squared += static_cast<double>(value) * value;
    scale = 1 / std::sqrt(squared);
  }
  absl::StatusOr<crypto::SecretBytes> padded =
      crypto::SecretBytes::Create(dimension * sizeof(float));
  if (!padded.ok()) return padded;
  auto* const out = reinterpret_cast<float*>(padded->ExposeMutable().data());
  for (std::size_t i = 0; i < probe.size(); ++i) out[i] = static_cast<float>(probe[i] * scale);
  return padded;
}

}  // namespace

absl::StatusOr<ProbeSketch> SketchProbe(const Algorithm& algorithm,
                                        std::span<const std::uint8_t, 32> key,
                                        std::span<const float> probe) {
  if (absl::Status status = CheckTemplate(algorithm, probe); !status.ok()) return status;
  Algorithm space = algorithm;  // where the rotation takes place
  space.dimension = std::max(kBits, algorithm.dimension);
  space.metric = Metric::kEuclidean;
  const auto rotation =
      Transform::Create(space, crypto::DeriveKey(key, kRotationUse, {algorithm.id}).Expose());
  if (!rotation.ok()) return rotation.status();
  absl::StatusOr<crypto::SecretBytes> padded = Padded(algorithm, probe, space.dimension);
  if (!padded.ok()) return padded.status();
  const std::span<float> values(reinterpret_cast<float*>(padded->ExposeMutable().data()),
                                space.dimension);
  if (absl::Status status = rotation->Apply(values, values); !status.ok()) return status;

  const crypto::SecretKey32 seed = crypto::DeriveKey(key, kDitherUse, {algorithm.id});
  absl::StatusOr<crypto::SecretBytes> dithers =
      crypto::SecretBytes::Create(kBits * sizeof(std::uint32_t));
  if (!dithers.ok()) return dithers.status();
  randombytes_buf_deterministic(dithers->ExposeMutable().data(), dithers->size(),
                                seed.Expose().data());
  const double steps = std::sqrt(static_cast<double>(space.dimension)) /
                       (kWidthOverDistance * RepeatDistance(algorithm));
  ProbeSketch sketch = {};
  for (std::size_t i = 0; i < kBits; ++i) {
    std::uint32_t draw = 0;  // of 2^32: from 0 to 2 steps
    std::memcpy(&draw, dithers->Expose().data() + i * sizeof(draw), sizeof(draw));
    const double level = std::floor(values[i] * steps + std::ldexp(draw, -31));
    const bool odd = std::fmod(level, 2) != 0;
    if (odd) sketch[i / 8] = static_cast<std::uint8_t>(sketch[i / 8] | 1U << (i % 8));
  }
  return sketch;
}

int DifferingBits(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  int bits = 0;
  for (std::size_t i = 0; i < kProbeSketchBytes; ++i) {
    bits += std::popcount(static_cast<unsigned>(a[i] ^ b[i]));
  }
  return bits;
}

}  // namespace kluis::matching
