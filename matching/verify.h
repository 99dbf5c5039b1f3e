// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_VERIFY_H_
#define KLUIS_MATCHING_VERIFY_H_

#include <span>

#include "matching/algorithm.h"

namespace kluis::matching {

// Compares two protected templates of the same purpose, 1:1, and says only yes or no. `cut` comes
// from CutFor(algorithm, target_fmr, 1). Fails closed: false if CheckProtected refuses either
// template. Thread-safe.
bool Verify(const Algorithm& algorithm, std::span<const float> probe,
            std::span<const float> reference, double cut);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_VERIFY_H_
