// SPDX-License-Identifier: Apache-2.0
// The slow way to search: every probe against everybody. What a gallery is counted against.
#ifndef KLUIS_TESTS_BENCH_EXHAUSTIVE_H_
#define KLUIS_TESTS_BENCH_EXHAUSTIVE_H_

#include <cstddef>
#include <span>
#include <vector>

#include "tests/bench/protected_faces.h"

namespace kluis::bench {

// For each probe, how many of `faces` match it at `cut`, by their quantised templates. 10,000
// probes of 512 values against a million take some two minutes on two threads.
std::vector<size_t> ExhaustiveMatches(const ProtectedFaces& faces,
                                      std::span<const std::vector<float>> probes, double cut);

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_EXHAUSTIVE_H_
