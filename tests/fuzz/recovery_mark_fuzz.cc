// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the mark of a recovery that is not finished, as the file that a start finds. A
// mark has one spelling; whatever the file holds, no ordinary start goes on.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "service/recovery/mark.h"
#include "tests/fakes/scratch_directory.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kluis;
  static const ScratchDirectory directory;
  const std::string input(reinterpret_cast<const char*>(data), size);
  std::ofstream(directory.path() + "/" + service::kRecoveryMarkName, std::ios::binary) << input;
  Require(!service::CheckNotRecovering(directory.path()).ok());
  const auto mark = service::ReadRecoveryMark(directory.path());
  if (!mark.ok()) return 0;
  Require(mark->has_value() && service::TextOf(**mark) == input);
  Require(!(*mark)->to.has_value() || (*mark)->from.has_value());
  return 0;
}
