// SPDX-License-Identifier: Apache-2.0
#include "matching/transform.h"

#include <sodium.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/little_endian.h"
#include "matching/template_check.h"

namespace kluis::matching {
namespace {

constexpr std::size_t kRounds = 3;
constexpr std::size_t kMinDimension = 8;
constexpr std::size_t kMaxDimension = 4096;

// One keyed round from dimension * 8 bytes for the shuffle and dimension / 8 bytes of signs.
void FillRound(const std::uint8_t* stream, std::size_t dimension, std::uint16_t* round) {
  for (std::size_t i = 0; i < dimension; ++i) round[i] = static_cast<std::uint16_t>(i);
  for (std::size_t i = dimension - 1; i > 0; --i) {
    const std::uint64_t draw = base::GetU64(stream + 8 * (dimension - 1 - i));
    std::swap(round[i], round[draw % (i + 1)]);
  }
  const std::uint8_t* signs = stream + 8 * dimension;
  for (std::size_t i = 0; i < dimension; ++i) {
    round[dimension + i] = static_cast<std::uint16_t>(signs[i / 8] >> (i % 8) & 1);
  }
}

using Two [[gnu::vector_size(16)]] = double;

Two LoadTwo(const double* from) {
  Two two;
  std::memcpy(&two, from, sizeof(two));
  return two;
}

// Walsh-Hadamard in place, without the factor 1 / sqrt(n). The first two steps in one, then two
// values at a time.
void Hadamard(std::span<double> values) {
  for (std::size_t i = 0; i < values.size(); i += 4) {
    double* const v = &values[i];
    const double sums[] = {v[0] + v[1], v[2] + v[3]};
    const double differences[] = {v[0] - v[1], v[2] - v[3]};
    v[0] = sums[0] + sums[1];
    v[1] = differences[0] + differences[1];
    v[2] = sums[0] - sums[1];
    v[3] = differences[0] - differences[1];
  }
  for (std::size_t half = 4; half < values.size(); half *= 2) {
    for (std::size_t block = 0; block < values.size(); block += 2 * half) {
      for (std::size_t i = block; i < block + half; i += 2) {
        const Two a = LoadTwo(&values[i]);
        const Two b = LoadTwo(&values[i + half]);
        const Two sum = a + b;
        const Two difference = a - b;
        std::memcpy(&values[i], &sum, sizeof(sum));
        std::memcpy(&values[i + half], &difference, sizeof(difference));
      }
    }
  }
}

void Wipe(std::vector<double>& values) {
  sodium_memzero(values.data(), values.size() * sizeof(double));
}

}  // namespace

Transform::Transform(const Algorithm& algorithm, crypto::SecretBytes rounds)
    : algorithm_(&algorithm), rounds_(std::move(rounds)) {}

absl::StatusOr<Transform> Transform::Create(
    const Algorithm& algorithm, std::span<const std::uint8_t, kTransformKeyBytes> purpose_key) {
  const std::size_t dimension = algorithm.dimension;
  if (!std::has_single_bit(dimension) || dimension < kMinDimension || dimension > kMaxDimension) {
    return absl::InvalidArgumentError("dimension: must be a power of two from 8 to 4096");
  }
  const std::size_t round_bytes = dimension * 8 + dimension / 8;
  absl::StatusOr<crypto::SecretBytes> made =
      crypto::SecretBytes::Create(kRounds * 2 * dimension * sizeof(std::uint16_t));
  absl::StatusOr<crypto::SecretBytes> drawn = crypto::SecretBytes::Create(kRounds * round_bytes);
  if (!made.ok()) return made.status();
  if (!drawn.ok()) return drawn.status();
  crypto::SecretBytes rounds = *std::move(made);
  crypto::SecretBytes stream = *std::move(drawn);

  const std::string label = absl::StrCat("kluis transform/1 ", std::string(algorithm.id));
  crypto::SecretKey32 seed;
  crypto_generichash(seed.ExposeMutable().data(), seed.ExposeMutable().size(),
                     reinterpret_cast<const std::uint8_t*>(label.data()), label.size(),
                     purpose_key.data(), purpose_key.size());
  randombytes_buf_deterministic(stream.ExposeMutable().data(), stream.size(), seed.Expose().data());
  auto* const table = reinterpret_cast<std::uint16_t*>(rounds.ExposeMutable().data());
  for (std::size_t r = 0; r < kRounds; ++r) {
    FillRound(stream.Expose().data() + r * round_bytes, dimension, table + r * 2 * dimension);
  }
  return Transform(algorithm, std::move(rounds));
}

absl::Status Transform::Apply(std::span<const float> in, std::span<float> out) const {
  if (absl::Status status = CheckTemplate(*algorithm_, in); !status.ok()) return status;
  const std::size_t dimension = algorithm_->dimension;
  if (out.size() != dimension) return absl::InvalidArgumentError("out: wrong number of values");

  std::vector<double> values(in.begin(), in.end());
  std::vector<double> spare(dimension);
  // All factors in one at the end: until then, whole numbers stay exact.
  double scale = std::pow(static_cast<double>(dimension), -0.5 * kRounds);
  if (algorithm_->metric == Metric::kCosine) {
    double squared = 0;
    for (const double value : values) squared += value * value;
    scale /= std::sqrt(squared);
  }
  Forward(values, spare);
  for (std::size_t i = 0; i < dimension; ++i) out[i] = static_cast<float>(values[i] * scale);
  Wipe(values);
  Wipe(spare);
  return absl::OkStatus();
}

void Transform::Forward(std::vector<double>& values, std::vector<double>& spare) const {
  const std::size_t dimension = values.size();
  const auto* const table = reinterpret_cast<const std::uint16_t*>(rounds_.Expose().data());
  for (std::size_t r = 0; r < kRounds; ++r) {
    const std::uint16_t* source = table + r * 2 * dimension;
    const std::uint16_t* negate = source + dimension;
    for (std::size_t i = 0; i < dimension; ++i) {
      spare[i] = values[source[i]] * (1.0 - 2.0 * negate[i]);
    }
    Hadamard(spare);
    std::swap(values, spare);
  }
}

// Each step of Forward undone, the last one first; H is its own inverse but for the factor.
void Transform::Backward(std::vector<double>& values, std::vector<double>& spare) const {
  const std::size_t dimension = values.size();
  const auto* const table = reinterpret_cast<const std::uint16_t*>(rounds_.Expose().data());
  for (std::size_t r = kRounds; r-- > 0;) {
    const std::uint16_t* source = table + r * 2 * dimension;
    const std::uint16_t* negate = source + dimension;
    Hadamard(values);
    for (std::size_t i = 0; i < dimension; ++i) {
      spare[source[i]] = values[i] * (1.0 - 2.0 * negate[i]);
    }
    std::swap(values, spare);
  }
}

absl::Status Transform::Renew(const Transform& former, std::span<const float> in,
                              std::span<float> out) const {
  if (former.algorithm_ != algorithm_) {
    return absl::InvalidArgumentError("transform: the former one is of another algorithm");
  }
  if (absl::Status status = CheckProtected(*algorithm_, in); !status.ok()) return status;
  const std::size_t dimension = algorithm_->dimension;
  if (out.size() != dimension) return absl::InvalidArgumentError("out: wrong number of values");

  std::vector<double> values(in.begin(), in.end());
  std::vector<double> spare(dimension);
  double scale = std::pow(static_cast<double>(dimension), -1.0 * kRounds);
  if (algorithm_->metric == Metric::kCosine) {  // so that no rotation moves the length from 1
    double squared = 0;
    for (const double value : values) squared += value * value;
    scale /= std::sqrt(squared);
  }
  former.Backward(values, spare);
  Forward(values, spare);
  for (std::size_t i = 0; i < dimension; ++i) out[i] = static_cast<float>(values[i] * scale);
  Wipe(values);
  Wipe(spare);
  return absl::OkStatus();
}

}  // namespace kluis::matching
