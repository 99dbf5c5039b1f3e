// SPDX-License-Identifier: Apache-2.0
#include "client/synth.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/npy.h"

namespace kluis::client {

// How the constants follow from the measurements, with D = (sum v)^2 / sum v^2 over the variances v
// of the axes (the effective dimension), c = u.u' ~ 0 +- 1/sqrt(D) for two strangers:
//
// arcface-512, scaled so that m^2 + a^2 + b^2 = 1:
//   impostor cosine: m^2 + (1 - m^2) c, so m^2 = 0.01 and D about 100, hence tau;
//   genuine cosine: about m^2 + a^2, lowered by the spread of q; the rest of its spread is q's;
//   lengths were only seen not to be one: 20 with a spread of 15 % is a choice, which no cosine
//   depends on.
// dlib-128:
//   impostor distance squared: 2 (a^2 + b^2) (1 - c) = 0.88^2 + 0.08^2;
//   genuine distance squared: b^2 |q n - q' n'|^2 = 0.39^2 + 0.07^2;
//   D about 40: the centred cosine says 1/0.17^2 = 35, the spread of the distance 60;
//   lengths vary as x.e does, so e is the axis whose variance gives 0.07, and m is about 1.39.
//
// The last digits are from a search over 10,000 simulated people; they give 0.738 +- 0.091 and
// 0.010 +- 0.100 with D = 98, and 0.391 +- 0.070 and 0.878 +- 0.082 with lengths 1.514 +- 0.069.
struct Population::Shape {
  std::string_view name;
  size_t dimension;   // a power of two
  double tau;         // axis k has standard deviation tau / (tau + k)
  size_t mean_axis;   // e
  double mean;        // m
  double identity;    // a
  double noise;       // b
  double quality;     // standard deviation of log q
  double length;      // median of L
  double length_log;  // standard deviation of log L
};

namespace {

constexpr Population::Shape kShapes[] = {
    {"arcface-512", 512, 37.5, 64, 0.10, 0.844, 0.528, 0.31, 20.0, 0.15},
    {"dlib-128", 128, 18.0, 21, 1.381, 0.557, 0.281, 0.22, 1.0, 0.0},
};

constexpr uint64_t kRotationSeed = 0x6b6c756973ULL;  // "kluis": R is part of the model
constexpr uint64_t kMaxPeople = 10'000'000;
constexpr uint32_t kMaxCaptures = 16;

// The next value of SplitMix64 from state `value`: a bijection that mixes all bits.
uint64_t Mix(uint64_t value) { return SplitMix64(value).Next(); }

// Walsh-Hadamard transform in place, without scaling; the size is a power of two.
void Hadamard(std::span<double> vector) {
  for (size_t half = 1; half < vector.size(); half *= 2) {
    for (size_t block = 0; block < vector.size(); block += 2 * half) {
      for (size_t i = block; i < block + half; ++i) {
        const double sum = vector[i] + vector[i + half];
        vector[i + half] = vector[i] - vector[i + half];
        vector[i] = sum;
      }
    }
  }
}

std::string ProbeFile(uint32_t capture) {
  if (capture == 0) return "enrolled.npy";
  if (capture == 1) return "probes.npy";
  return absl::StrCat("probes-", capture, ".npy");
}

absl::Status WriteCapture(const Population& population, uint64_t people, uint32_t capture,
                          const std::string& path) {
  absl::StatusOr<NpyWriter> writer = NpyWriter::Create(path, people, population.dimension());
  if (!writer.ok()) return writer.status();
  std::vector<float> row(population.dimension());
  for (uint64_t person = 0; person < people; ++person) {
    population.Capture(person, capture, row);
    const absl::Status written = writer->WriteRow(row);
    if (!written.ok()) return written;
  }
  return writer->Close();
}

}  // namespace

uint64_t SplitMix64::Next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

Xoshiro256pp::Xoshiro256pp(uint64_t seed) : state_{} {
  SplitMix64 source(seed);
  for (uint64_t& word : state_) word = source.Next();
}

uint64_t Xoshiro256pp::Next() {
  const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void Xoshiro256pp::Gaussian(std::span<double> out) {
  constexpr double kUnit = 0x1p-53;
  for (size_t i = 0; i < out.size(); i += 2) {
    // 53 bits each; the first in (0, 1], so that its logarithm is finite.
    const double radius =
        std::sqrt(-2.0 * std::log(static_cast<double>((Next() >> 11) + 1) * kUnit));
    const double angle = 2.0 * std::numbers::pi * (static_cast<double>(Next() >> 11) * kUnit);
    out[i] = radius * std::cos(angle);
    if (i + 1 < out.size()) out[i + 1] = radius * std::sin(angle);
  }
}

Population::Population(const Shape* shape, uint64_t seed)
    : shape_(shape), seed_(seed), deviations_(shape->dimension) {
  for (size_t k = 0; k < deviations_.size(); ++k) {
    deviations_[k] = shape->tau / (shape->tau + static_cast<double>(k));
  }
  Xoshiro256pp random(kRotationSeed ^ shape->dimension);
  const double scale = 1.0 / std::sqrt(static_cast<double>(shape->dimension));
  for (std::vector<double>& signs : signs_) {
    signs.resize(shape->dimension);
    for (double& sign : signs) sign = (random.Next() >> 63) == 0 ? scale : -scale;
  }
}

absl::StatusOr<Population> Population::Create(std::string_view shape, uint64_t seed) {
  std::vector<std::string> names;
  for (const Shape& known : kShapes) {
    if (known.name == shape) return Population(&known, seed);
    names.emplace_back(known.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("shape: unknown; choose one of ", absl::StrJoin(names, ", ")));
}

std::string_view Population::shape() const { return shape_->name; }

size_t Population::dimension() const { return shape_->dimension; }

Xoshiro256pp Population::Stream(uint64_t person, uint64_t stream) const {
  return Xoshiro256pp(Mix(Mix(Mix(seed_ ^ shape_->dimension) ^ person) ^ stream));
}

void Population::Direction(Xoshiro256pp& random, std::span<double> out) const {
  random.Gaussian(out);
  double squares = 0.0;
  for (size_t k = 0; k < out.size(); ++k) {
    out[k] *= deviations_[k];
    squares += out[k] * out[k];
  }
  const double scale = 1.0 / std::sqrt(squares);
  for (double& value : out) value *= scale;
}

void Population::Rotate(std::span<double> vector) const {
  for (const std::vector<double>& signs : signs_) {
    for (size_t k = 0; k < vector.size(); ++k) vector[k] *= signs[k];
    Hadamard(vector);
  }
}

void Population::Capture(uint64_t person, uint32_t capture, std::span<float> out) const {
  assert(out.size() == dimension());
  std::vector<double> vector(dimension());
  std::vector<double> noise(dimension());
  Xoshiro256pp identity_stream = Stream(person, 0);
  Direction(identity_stream, vector);
  Xoshiro256pp capture_stream = Stream(person, uint64_t{capture} + 1);
  Direction(capture_stream, noise);
  std::array<double, 2> factors{};
  capture_stream.Gaussian(factors);

  // E[exp(2sg)] = exp(2 s^2) for a standard normal g, hence E[q^2] = 1.
  const double quality = std::exp(shape_->quality * (factors[0] - shape_->quality));
  const double length = shape_->length * std::exp(shape_->length_log * factors[1]);
  for (size_t k = 0; k < vector.size(); ++k) {
    vector[k] = shape_->identity * vector[k] + shape_->noise * quality * noise[k];
  }
  vector[shape_->mean_axis] += shape_->mean;
  Rotate(vector);
  for (size_t k = 0; k < vector.size(); ++k) out[k] = static_cast<float>(length * vector[k]);
}

absl::Status WritePopulation(const Population& population, uint64_t people, uint32_t captures,
                             const std::string& directory) {
  if (people < 1 || people > kMaxPeople) {
    return absl::InvalidArgumentError(absl::StrCat("people: must be 1 to ", kMaxPeople));
  }
  if (captures < 2 || captures > kMaxCaptures) {
    return absl::InvalidArgumentError(absl::StrCat("captures: must be 2 to ", kMaxCaptures));
  }
  const std::filesystem::path folder(directory);
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat(directory, ": make folder"));

  const std::string summary_path = folder / "population.json";
  if (std::filesystem::exists(summary_path, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(summary_path, ": exists; choose another folder or remove it"));
  }
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (uint32_t capture = 0; capture < captures; ++capture) {
    const std::string name = ProbeFile(capture);
    const absl::Status written = WriteCapture(population, people, capture, folder / name);
    if (!written.ok()) return written;
    files.push_back(name);
  }
  const nlohmann::ordered_json summary = {
      {"model", kSynthModel}, {"shape", population.shape()}, {"seed", population.seed()},
      {"people", people},     {"captures", captures},        {"files", files}};
  std::ofstream out(summary_path, std::ios::binary);
  out << summary.dump(2) << '\n';
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat(summary_path, ": could not be written"));
  return absl::OkStatus();
}

}  // namespace kluis::client
