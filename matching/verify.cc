// SPDX-License-Identifier: Apache-2.0
#include "matching/verify.h"

#include <cmath>

#include "matching/kernels.h"
#include "matching/template_check.h"
#include "matching/threshold.h"

namespace kluis::matching {

bool Verify(const Algorithm& algorithm, std::span<const float> probe,
            std::span<const float> reference, double cut) {
  if (!CheckProtected(algorithm, probe).ok()) return false;
  if (!CheckProtected(algorithm, reference).ok()) return false;
  float score = 0;
  if (algorithm.metric == Metric::kCosine) {
    BestKernels().dot(probe.data(), reference.data(), 1, algorithm.dimension, &score);
    return IsMatch(algorithm, static_cast<double>(score), cut);
  }
  BestKernels().squared_distance(probe.data(), reference.data(), 1, algorithm.dimension, &score);
  return IsMatch(algorithm, std::sqrt(static_cast<double>(score)), cut);
}

}  // namespace kluis::matching
