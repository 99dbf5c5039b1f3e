// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_CLIENT_SYNTH_H_
#define KLUIS_CLIENT_SYNTH_H_

// Populations of synthetic people: templates with the shape of real face embeddings, of nobody.
// For demonstrations, tests and benchmarks; results on them say nothing about accuracy on faces.
//
// The model, "kluis-synth-1". Person i, capture j, in d dimensions:
//
//   x(i,j) = L(i,j) * R * ( m*e + a*u(i) + b*q(i,j)*n(i,j) )
//
//   u, n  unit vectors: a Gaussian whose axis k has standard deviation tau / (tau + k), divided by
//         its length. The decaying spectrum makes strangers as alike as they are on faces: a flat
//         512-d Gaussian would put them at cosine 0 +- 0.044, not 0 +- 0.10.
//   m*e   what all templates have in common: length m along one axis.
//   q     quality of the capture, log-normal with E[q^2] = 1: spreads the genuine scores.
//   L     vector length, log-normal; 1 for extractors that do not vary it.
//   R     a fixed rotation (signs, Walsh-Hadamard, twice), so that no coordinate is special.
//
// The constants, in synth.cc, are fitted to two public extractors on public photographs:
//
//   arcface-512  genuine cosine 0.74 +- 0.09, impostor cosine 0.01 +- 0.10, which is about 100
//                effective dimensions; length about 20, not one (chosen, not measured)
//   dlib-128     genuine distance 0.39 +- 0.07, impostor distance 0.88 +- 0.08;
//                length 1.51 +- 0.07, common mean of length 1.39
//
// Every capture is a function of (shape, seed, person, capture) alone, so any row can be had
// without the rows before it. The integers are the same everywhere; the floats go through std::log,
// std::sin, std::cos and std::exp, so another C library may differ in the last bit of a float32.
//
// Sources: xoshiro256++ 1.0 and SplitMix64, Blackman and Vigna (prng.di.unimi.it); Box and Muller,
// "A Note on the Generation of Random Normal Deviates", 1958.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::client {

// The name of the model above; another model or other constants get another name.
inline constexpr std::string_view kSynthModel = "kluis-synth-1";

// SplitMix64: seeds the generator below. Not thread-safe.
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t state) : state_(state) {}
  uint64_t Next();

 private:
  uint64_t state_;
};

// xoshiro256++: a specified generator, so that populations do not change with the standard library.
// Not for secrets. Not thread-safe.
class Xoshiro256pp {
 public:
  // From four SplitMix64 outputs, as its authors recommend.
  explicit Xoshiro256pp(uint64_t seed);
  // From the state itself, which must not be all zero.
  explicit Xoshiro256pp(const std::array<uint64_t, 4>& state) : state_(state) {}

  uint64_t Next();

  // Fills `out` with independent standard normal values.
  void Gaussian(std::span<double> out);

 private:
  std::array<uint64_t, 4> state_;
};

// Immutable after Create, thread-safe.
class Population {
 public:
  // The fitted constants of one shape; defined in synth.cc.
  struct Shape;

  // `shape`: "arcface-512" or "dlib-128". kInvalidArgument: any other.
  static absl::StatusOr<Population> Create(std::string_view shape, uint64_t seed);

  std::string_view shape() const;
  uint64_t seed() const { return seed_; }
  size_t dimension() const;

  // Writes capture `capture` of person `person` to `out`, whose size must be dimension().
  // About 20 microseconds for 512 dimensions.
  void Capture(uint64_t person, uint32_t capture, std::span<float> out) const;

 private:
  Population(const Shape* shape, uint64_t seed);

  Xoshiro256pp Stream(uint64_t person, uint64_t stream) const;
  void Direction(Xoshiro256pp& random, std::span<double> out) const;
  void Rotate(std::span<double> vector) const;

  const Shape* shape_;  // static storage
  uint64_t seed_;
  std::vector<double> deviations_;              // of the axes
  std::array<std::vector<double>, 2> signs_{};  // +1 or -1, scaled by 1/sqrt(dimension)
};

// Writes capture 0 of people 0 .. people-1 to `directory`/enrolled.npy, capture 1 to probes.npy,
// capture j >= 2 to probes-j.npy (row i is person i everywhere), and last population.json, whose
// presence says that the others are complete. Makes the directory, not its parents.
// kInvalidArgument: `people` not in 1..10,000,000 or `captures` not in 2..16.
// kFailedPrecondition: one of the files exists; nothing is overwritten.
// Other codes: as the operating system refuses.
absl::Status WritePopulation(const Population& population, uint64_t people, uint32_t captures,
                             const std::string& directory);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_SYNTH_H_
