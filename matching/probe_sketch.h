// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_PROBE_SKETCH_H_
#define KLUIS_MATCHING_PROBE_SKETCH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "matching/algorithm.h"

namespace kluis::matching {

// Whether two probes are nearly equal, from 512 bits of each: for a case that has to notice a probe
// that comes again, without keeping the probe where each search would open it. Thread-safe.
//
// Source: the universal embedding of Boufounos and Rane, "Secure binary embeddings for privacy
// preserving nearest neighbors", WIFS 2011. The probe (at length 1 for a cosine algorithm) is
// padded with zeros to 512 values at least, rotated by a secret Transform, and every value of it,
// times sqrt(dimension), becomes one bit: floor((value + dither) / w) mod 2, with a secret dither
// even in [0, 2 w). Two probes at distance d differ in a bit with the probability
//   1/2 - 4 / pi^2 * sum over odd n of exp(-(pi n d / w)^2 / 2) / n^2,
// about 0.8 d / w up to d = w / 3, and from d = w on 1/2 within a hundredth: the bits tell probes
// that are near each other apart by distance, and say nothing of how far those are that are not.
// The distance alone counts, so that what all templates have in common (Algorithm::mean_length)
// does no harm and no centre is needed, which signs of the rotated values would want.
//
// The line is the distance r at Algorithm::repeat_score, and w = 2.5 r. At r a bit differs with the
// probability 0.316: 162 of 512, with a deviation of 10.5, or 7 % of r. Of two probes that have
// nothing to do with each other 256 differ, with one of 11.3.
inline constexpr std::size_t kProbeSketchBytes = 64;
inline constexpr int kMaxRepeatBits = 162;

using ProbeSketch = std::array<std::uint8_t, kProbeSketchBytes>;

// Rotation and dithers follow from `key`; sketches under two keys compare like those of strangers.
// kInvalidArgument: CheckTemplate refuses `probe`.
absl::StatusOr<ProbeSketch> SketchProbe(const Algorithm& algorithm,
                                        std::span<const std::uint8_t, 32> key,
                                        std::span<const float> probe);

// Bits in which the two differ; both have kProbeSketchBytes.
int DifferingBits(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_PROBE_SKETCH_H_
