// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_KERNELS_H_
#define KLUIS_MATCHING_KERNELS_H_

#include <cstddef>

namespace kluis::matching {

// The inner loops of every comparison: one query against a block of rows, in float32. Thread-safe.
//
// The score of a row does not depend on its place in the block or on its neighbours, to the last
// bit. Rounding: with u = 2^-24, any kernel differs from the exact value by at most
//   dot               n u / (1 - n u) * sum |q_i r_i|
//   squared distance  (n + 3) u / (1 - (n + 3) u) * sum (q_i - r_i)^2
// for n = dimension (Higham, Accuracy and Stability of Numerical Algorithms, s.3.1: any order of
// summation).

// query[dimension], rows[row_count * dimension] row after row, scores[row_count]. No alignment
// needed; row_count and dimension may be 0.
using RowsKernel = void (*)(const float* query, const float* rows, std::size_t row_count,
                            std::size_t dimension, float* scores);

struct Kernels {
  RowsKernel dot;
  RowsKernel squared_distance;
};

enum class KernelSet {
  kPortable,
  kAvx2,    // x86-64 with AVX2 and FMA
  kAvx512,  // x86-64 with AVX-512F
};

// Whether this processor, asked at run time, has the instructions.
bool IsAvailable(KernelSet set);

// The kernels of `set`, which must be available; the portable ones for a set that is not.
const Kernels& KernelsOf(KernelSet set);

// The fastest available kernels; asked once per process.
const Kernels& BestKernels();

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_KERNELS_H_
