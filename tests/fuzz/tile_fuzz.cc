// SPDX-License-Identifier: Apache-2.0
// Tiles and their paths (audit/tiles.h): one spelling for each, printed back byte for byte.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "audit/tiles.h"

namespace {

using namespace kluis::audit;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto tile = ParseTilePath(input); tile.ok()) {
    Require(tile->width >= 1 && tile->width <= kTileWidth && tile->level <= kMaxTileLevel);
    Require(*TilePath(*tile) == input);
  }
  const size_t hashes = size / sizeof(Hash);
  for (const size_t width : {hashes, hashes + 1, size_t{kTileWidth}}) {
    const auto tile = DecodeTile(input, static_cast<uint32_t>(width));
    Require(tile.ok() == (size == width * sizeof(Hash) && width >= 1 && width <= kTileWidth));
    if (tile.ok()) Require(*EncodeTile(*tile) == input);
  }
  return 0;
}
