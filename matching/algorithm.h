// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_ALGORITHM_H_
#define KLUIS_MATCHING_ALGORITHM_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace kluis::matching {

// How two templates of an algorithm are compared.
enum class Metric {
  kCosine,     // score = cosine similarity, -1 to 1; larger is more alike
  kEuclidean,  // score = Euclidean distance, 0 and up; smaller is more alike
};

// A template extractor that Kluis knows, at one version. The metric and the scores of strangers
// belong to the extractor, not to its dimension: a cut that suits one accuses innocents under
// another.
struct Algorithm {
  std::string_view id;    // name, dimension and version: "arcface-512/1"
  std::size_t dimension;  // floats per template, a power of two
  Metric metric;
  // Normal model of the score of two different people (impostors).
  double impostor_mean;
  double impostor_sd;
  // Length of the mean of all templates: 0 where templates are spread around the origin. Where it
  // is large, cosine similarity is useless and anything that looks only at signs must centre first.
  double mean_length;
  // Two probes this alike or more pass for one picture that came twice (probe_sketch.h). Strict
  // enough that another photograph of the same person does nearly never.
  double repeat_score;
};

// All algorithms Kluis knows, in the order of their ids. The figures were measured on 60 public
// faces of about 16 people (262 impostor pairs) with two public extractors: BENCHMARKS.md. They are
// a start, not a calibration: who runs Kluis on other faces has to measure again.
std::span<const Algorithm> Algorithms();

// The algorithm with exactly this id, or nullptr. The pointer is valid for the life of the process.
const Algorithm* FindAlgorithm(std::string_view id);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_ALGORITHM_H_
