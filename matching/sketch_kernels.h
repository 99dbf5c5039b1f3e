// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_SKETCH_KERNELS_H_
#define KLUIS_MATCHING_SKETCH_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "matching/kernels.h"
#include "matching/sketch.h"

namespace kluis::matching {

// The inner loop of a search: many queries against one segment of sketches. All kernels give the
// same bits: sums are whole numbers, and limits are evaluated with the same fused operations in the
// same order. Thread-safe.

// The sketches of one segment, row after row in each array, with the sketches themselves in groups
// of eight: words[(row / 8 * words_per_sketch + word) * 8 + row % 8]. Eight sketches are then one
// vector per word, and no sum has to cross lanes.
struct SketchBlock {
  const std::uint64_t* words = nullptr;
  const std::uint16_t* alignments = nullptr;
  const std::uint16_t* lengths = nullptr;
  const std::uint32_t* expires = nullptr;    // Unix seconds
  const std::uint8_t* categories = nullptr;  // one bit, or 0 for a row that matches nothing
  std::size_t rows = 0;                      // a multiple of 64
  std::size_t words_per_sketch = 0;          // a multiple of 8
};

// One query against one block.
struct SketchTest {
  const std::uint64_t* planes = nullptr;  // SketchQuery::planes()
  SketchLimit limit;                      // for the lengths in the block
  std::uint32_t now = 0;
  std::uint8_t categories = 0;
  // Out: bit row % 64 of hits[row / 64] says that the row is in scope and within the limit.
  std::uint64_t* hits = nullptr;
  std::uint32_t compared = 0;  // out: rows in scope: expires > now and a category in common
};

using SketchKernel = void (*)(const SketchBlock& block, std::span<SketchTest> tests);

// kAvx512 here also needs VPOPCNTDQ, BW and VL.
bool HasSketchKernel(KernelSet set);

// The kernel of `set`, the portable one for a set that the processor lacks.
SketchKernel SketchKernelOf(KernelSet set);

// The fastest on this processor; asked once per process.
SketchKernel BestSketchKernel();

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SKETCH_KERNELS_H_
