// SPDX-License-Identifier: Apache-2.0
// Entry bundles (audit/tiles.h). The first byte is how many entries to expect, less one; what is
// read is printed back byte for byte, and no bundle can be read as two numbers of entries.
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
  if (size == 0) return 0;
  const uint32_t width = uint32_t{data[0]} + 1;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto entries = DecodeEntryBundle(input, width);
  if (!entries.ok()) return 0;
  Require(entries->size() == width);
  Require(*EncodeEntryBundle(*entries) == input);
  if (width > 1) Require(!DecodeEntryBundle(input, width - 1).ok());
  Require(!DecodeEntryBundle(input, width + 1).ok());
  return 0;
}
